//! The user way's service through what a session does: logging out and in, an X that dies, another user, a sleep.

use crate::alice::{BUILT, Desk, SENTENCE, USER_WAY};
use crate::desktop::LIMIT;

/// What the manager has to tell of a service that did not end as it should.
const FAILURES: &str = "journalctl -o cat USER_UNIT=seclyzer.service | grep -E 'code=|Failed|timed out' || true";

#[test]
fn the_user_s_service_ends_with_the_session_without_a_loss_and_begins_with_the_next_one() {
    let mut desk = Desk::fresh(USER_WAY);
    desk.run(&format!("{BUILT} install"));
    desk.guest.log_out();
    desk.guest.log_in();
    desk.await_agent();
    desk.guest.click_into("editor");

    desk.log_out_after_typing();
    desk.guest.log_in();
    desk.await_agent();
    desk.guest.click_into("editor");
    desk.type_and_be_heard(SENTENCE);
    assert_eq!(desk.began_and_ended(), ["start", "stop", "start"]);

    desk.share_the_seat();
    desk.sleep();

    desk.lose_x();
    desk.guest.poll("! pgrep -x seclyzer", LIMIT);
    desk.guest.log_in();
    desk.await_agent();
    desk.guest.click_into("notes");
    desk.type_and_be_heard("again");
    assert_eq!(desk.began_and_ended(), ["start", "stop", "start", "stop", "start"]);
    assert_eq!(desk.guest.run(FAILURES), "");
}

impl Desk {
    /// Logs out in the middle of a sentence, and requires that every record is there that anybody was told of.
    fn log_out_after_typing(&mut self) {
        let subscriber = self.subscribe();
        self.guest.type_text(SENTENCE);
        self.await_row("SELECT 1 FROM keystroke_features LIMIT 1");
        self.guest.type_text(SENTENCE);
        let told = self.stored();
        self.guest.log_out();

        assert_eq!(self.began_and_ended(), ["start", "stop"]);
        assert!(self.count("true") >= told);
        self.check_that_no_record_is_missing();
        let messages = self.messages(&subscriber);
        assert!(!messages.is_empty());
        for message in messages.iter().filter(|message| message["type"] != "app") {
            let (kind, end) = (message["type"].as_str().expect("a type"), &message["window_end"]);
            let count = format!("SELECT count(*) FROM {kind}_features WHERE window_end = {end}");
            assert_eq!(self.query(&count), "1", "{kind} of {end}");
        }
        let sockets = self.run("ls ~/.local/share/seclyzer");
        assert!(!sockets.contains(".sock"), "{sockets}");
    }

    /// What the audit log has of the agent's life.
    fn began_and_ended(&mut self) -> Vec<String> {
        let events = self.query("SELECT event FROM audit_log WHERE event IN ('start', 'stop') ORDER BY id");
        events.lines().map(str::to_owned).collect()
    }
}
