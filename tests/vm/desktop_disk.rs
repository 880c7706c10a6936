//! The disk turns read-only under the running agent, as the kernel makes it where a file system has an error.

use crate::alice::{Desk, SENTENCE};
use crate::desktop::LIMIT;

/// What the kernel does then, to every file system at once, whoever has files open (sysrq.rst of its documentation).
const TURN_READ_ONLY: &str = "sync && echo u >/proc/sysrq-trigger";
const IS_READ_ONLY: &str = "! touch /home/alice/writable";

#[test]
fn records_wait_while_the_disk_is_read_only_and_none_is_lost() {
    let mut desk = Desk::by_hand("");
    desk.guest.click_into("editor");
    desk.type_and_be_heard(SENTENCE);
    desk.await_row("SELECT 1 FROM keystroke_features LIMIT 1");
    desk.guest.run(TURN_READ_ONLY);
    desk.guest.poll(IS_READ_ONLY, LIMIT);
    let before = desk.stored();

    desk.type_and_be_heard(SENTENCE);
    let trouble = desk.poll_for("the trouble is told", |desk| desk.trouble());
    assert!(trouble.contains("read"), "{trouble}");
    desk.type_and_be_heard(SENTENCE);
    assert_eq!(desk.stored(), before, "and nobody is told of what is not stored");

    desk.guest.run("mount -o remount,rw /");
    desk.poll_for("the database takes records again", |desk| desk.trouble().is_none().then_some(()));
    desk.type_and_be_heard(SENTENCE);
    desk.poll_for("all records", |desk| (desk.stored() >= before + 2).then_some(()));
    assert_eq!(desk.status()["store"]["dropped"], 0);
    desk.check_that_no_record_is_missing();
}

impl Desk {
    fn trouble(&mut self) -> Option<String> {
        self.status()["store"]["trouble"].as_str().map(str::to_owned)
    }
}
