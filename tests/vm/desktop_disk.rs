//! The file system has an error under the running agent, and the kernel lets nobody write to it any more.

use crate::alice::{Desk, SENTENCE};
use crate::desktop::LIMIT;

const CONFIG: &str = "\
[redis]
enabled = true
url = \"redis://127.0.0.1:6379\"
stream = true";
const BREAK: &str = "mount -o remount,errors=remount-ro / && sync && echo 1 >/sys/fs/ext4/vda/trigger_fs_error";

#[test]
fn whoever_was_told_of_a_record_finds_it_after_the_file_system_broke_and_capture_goes_on_meanwhile() {
    let mut desk = Desk::by_hand(CONFIG);
    desk.guest.click_into("editor");
    desk.type_and_be_heard(SENTENCE);
    desk.await_row("SELECT 1 FROM keystroke_features LIMIT 1");
    desk.guest.run(BREAK);
    desk.guest.poll("! touch /home/alice/writable", LIMIT);

    desk.type_and_be_heard(SENTENCE);
    desk.poll_for("the trouble is told", |desk| desk.status()["store"]["trouble"].as_str().map(str::to_owned));
    let stored = desk.stored();
    for _ in 0..3 {
        desk.type_and_be_heard(SENTENCE);
    }
    let status = desk.status();
    assert_eq!((&status["store"]["dropped"], desk.stored()), (&0.into(), stored), "they wait in memory");
    let announced = desk.streamed();
    assert!(announced.len() as u64 >= stored && stored > 0);

    // Redis would wait for the disk before it ends.
    desk.guest.reset();
    desk.check_that_no_record_is_missing();
    let found = desk.named();
    let missing: Vec<&String> = announced.iter().filter(|record| !found.contains(*record)).collect();
    assert_eq!(missing, [""; 0]);
}
