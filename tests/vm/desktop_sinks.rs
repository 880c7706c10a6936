//! A server hangs while somebody works, and the agent is killed meanwhile.

use crate::alice::{BY_HAND_START, Desk, SENTENCE};

/// InfluxDB refuses, Redis is told to hang: it accepts, and never answers.
const CONFIG: &str = "\
[redis]
enabled = true
url = \"redis://127.0.0.1:6379\"
stream = true
[influx]
url = \"http://127.0.0.1:9\"
api = \"v1\"
database = \"nowhere\"";

#[test]
fn servers_that_hang_and_refuse_take_no_event_from_anybody_and_get_every_record_once_though_the_agent_is_killed() {
    let mut desk = Desk::by_hand(CONFIG);
    desk.guest.click_into("editor");
    desk.type_and_be_heard(SENTENCE);
    desk.await_row("SELECT 1 FROM keystroke_features LIMIT 1");
    desk.guest.run("systemctl kill -s STOP redis-server");
    let before = desk.stored();
    for _ in 0..4 {
        // As many events as without a fault, to the last one.
        desk.type_and_be_heard(SENTENCE);
    }
    desk.poll_for("records meanwhile", |desk| (desk.stored() > before + 2).then_some(()));
    let status = desk.status();
    assert_eq!((&status["store"]["dropped"], desk.gaps()), (&0.into(), 0));

    desk.guest.run("systemctl kill -s KILL agent");
    desk.poll_for("it is gone", |desk| (desk.property("ActiveState") == "failed").then_some(()));
    desk.check_that_no_record_is_missing();
    desk.guest.run(&format!("systemctl reset-failed agent; {BY_HAND_START}"));
    desk.await_agent();
    desk.type_and_be_heard(SENTENCE);
    desk.guest.run("systemctl kill -s CONT redis-server");
    desk.poll_for("every record, once", |desk| {
        let (mut stream, stored) = (desk.streamed(), desk.named());
        stream.sort();
        (stream == stored.into_iter().collect::<Vec<_>>()).then_some(())
    });
}
