//! The desk at which the person sits, as the agent needs it: to lock the session, to show a notice, to ask for the
//! account's password, and to hear of it all.

use crate::act::board::{Behind, Info};
use crate::act::ports::{Action, Answer, Authority, Heard, Locked, Notice, Subject, Words};
use crate::bus;
use crate::local_time::local_clock;
use std::future::{Future, ready};
use tokio::sync::mpsc;

/// Nothing of it may hold up the caller: what takes time is a future that needs nothing of the desk any more.
pub trait Desk {
    /// Passes on what the desk tells, until nobody listens.
    fn pass_on(&self, heard: mpsc::Sender<Heard>) -> impl Future<Output = ()> + Send + 'static;

    /// Locks the session, by the first step of the chain that verifiably does.
    fn lock(&self) -> impl Future<Output = Locked> + Send + 'static;

    /// Has the account's password asked for.
    fn authorise(&self, subject: Subject, action: Action) -> impl Future<Output = Authority> + Send + 'static;

    /// Asks in a notice in place of the one before.
    fn show(&self, words: Words);

    fn withdraw(&self);

    /// Says in a notice that asks nothing that this is so, if that is news.
    fn inform(&self, info: Info);

    /// Completes once whatever is news has been said.
    fn informed(&self) -> impl Future<Output = ()>;
}

impl Desk for bus::Desk {
    fn pass_on(&self, heard: mpsc::Sender<Heard>) -> impl Future<Output = ()> + Send + 'static {
        bus::Desk::pass_on(self, heard)
    }

    fn lock(&self) -> impl Future<Output = Locked> + Send + 'static {
        bus::Desk::lock(self)
    }

    fn authorise(&self, subject: Subject, action: Action) -> impl Future<Output = Authority> + Send + 'static {
        bus::Desk::authorise(self, subject, action)
    }

    fn show(&self, words: Words) {
        bus::Desk::show(self, words);
    }

    fn withdraw(&self) {
        bus::Desk::withdraw(self);
    }

    fn inform(&self, info: Info) {
        bus::Desk::inform(self, info, info.into());
    }

    fn informed(&self) -> impl Future<Output = ()> {
        bus::Desk::informed(self)
    }
}

/// Where there is none: nothing is heard, shown or locked, and nobody can be asked.
#[derive(Debug)]
pub struct NoDesk;

impl Desk for NoDesk {
    fn pass_on(&self, _: mpsc::Sender<Heard>) -> impl Future<Output = ()> + Send + 'static {
        ready(())
    }

    fn lock(&self) -> impl Future<Output = Locked> + Send + 'static {
        ready(Locked::default())
    }

    fn authorise(&self, _: Subject, _: Action) -> impl Future<Output = Authority> + Send + 'static {
        ready(Authority::Absent)
    }

    fn show(&self, _: Words) {}

    fn withdraw(&self) {}

    fn inform(&self, _: Info) {}

    fn informed(&self) -> impl Future<Output = ()> {
        ready(())
    }
}

impl From<Notice> for Words {
    fn from(notice: Notice) -> Words {
        let (summary, body, answers) = match notice {
            Notice::Alarm { contested: false, can_ask } => {
                let body = "The typing and pointing at this machine is unlike its owner's.";
                ("Is it you?", answered_here_or_not(body, can_ask), buttons(can_ask))
            }
            Notice::Alarm { contested: true, can_ask } => {
                let body =
                    "An alarm was answered in this sitting, and the typing and pointing is still unlike the owner's.";
                ("Is it really you?", answered_here_or_not(body, can_ask), buttons(can_ask))
            }
            Notice::NothingLocked { can_ask } => {
                let body = "The typing and pointing at this machine is unlike its owner's, and nothing locked the screen. \
                            `seclyzer lock --test` shows why.";
                ("The screen is not locked", answered_here_or_not(body, can_ask), buttons(can_ask))
            }
        };
        Words { summary: summary.into(), body, answers }
    }
}

impl From<Info> for Words {
    fn from(info: Info) -> Words {
        let (summary, body) = match info {
            Info::CaptureBegan => ("Capture has begun", "How you type and point is recorded.".into()),
            Info::CaptureWaits => {
                let body = "Nothing is read as yet. How you type and point is recorded once this session is active and a \
                            keyboard or pointer is there.";
                ("Capture has begun", body.into())
            }
            Info::CaptureEnded => ("Capture has ended", "Nothing is recorded until the agent is started again.".into()),
            Info::Paused { until_us } => {
                ("Capture is paused", format!("Nothing is captured until {}.", local_clock(until_us)))
            }
            Info::Resumed => ("Capture goes on", "The pause is over.".into()),
            Info::Guest { until_us } => {
                ("A guest is at this machine", format!("Nobody is recognised until {}.", local_clock(until_us)))
            }
            Info::GuestGone => ("The guest has gone", "Whoever is at this machine is recognised again.".into()),
            Info::DevicesRefused => {
                ("Nothing can be captured", "No keyboard or pointer may be read. `seclyzer doctor` shows why.".into())
            }
            Info::DevicesRead => ("Capture works again", "Keyboards and pointers are read.".into()),
            Info::DatabaseFails => {
                ("Nothing can be stored", "The database takes no records. `seclyzer status` shows why.".into())
            }
            Info::DatabaseWorks => ("Records are stored again", "The database takes records.".into()),
            Info::Behind(behind) => of_sinks(behind),
        };
        Words { summary: summary.into(), body, answers: vec![] }
    }
}

fn of_sinks(behind: Behind) -> (&'static str, String) {
    let to = match behind {
        Behind { redis: true, influx: true } => "Redis and InfluxDB",
        Behind { redis: true, influx: false } => "Redis",
        Behind { redis: false, influx: true } => "InfluxDB",
        Behind { redis: false, influx: false } => {
            return ("Records are delivered again", "No record is a day late.".into());
        }
    };
    let body = format!("Records for {to} have waited for a day or longer. `seclyzer status` shows why.");
    ("Records are not delivered", body)
}

/// A button that only shows the same notice again is none.
fn buttons(can_ask: bool) -> Vec<(Answer, String)> {
    let me = can_ask.then(|| (Answer::ItIsMe, "It is me".into()));
    me.into_iter().chain([(Answer::Lock, "Lock".into())]).collect()
}

fn answered_here_or_not(body: &str, can_ask: bool) -> String {
    match can_ask {
        true => body.into(),
        false => format!(
            "{body} Nothing in this session can ask for the account's password: if it is you, run `seclyzer me` in a terminal."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_has_two_buttons_and_what_asks_nothing_has_none() {
        let alarm = Words::from(Notice::Alarm { contested: false, can_ask: true });
        assert_eq!(alarm.summary, "Is it you?");
        assert_eq!(alarm.answers.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), ["It is me", "Lock"]);
        let until_us = 1_790_000_000_000_000;
        let paused = Words::from(Info::Paused { until_us });
        let said = format!("Nothing is captured until {}.", local_clock(until_us));
        assert_eq!((paused.answers, paused.body), (vec![], said));
    }

    #[test]
    fn which_sinks_are_behind_is_named() {
        let body = |redis, influx| Words::from(Info::Behind(Behind { redis, influx })).body;
        assert!(body(true, false).contains("for Redis have waited for a day"));
        assert!(body(false, true).contains("for InfluxDB have"));
        assert!(body(true, true).contains("for Redis and InfluxDB have"));
        assert!(!body(false, false).contains("waited"));
    }

    #[test]
    fn where_nothing_can_ask_for_the_password_the_notice_names_the_command_in_the_button_s_place() {
        let labels = |words: &Words| words.answers.iter().map(|(answer, _)| *answer).collect::<Vec<_>>();
        let failed = Notice::NothingLocked { can_ask: false };
        for notice in [
            Notice::Alarm { contested: false, can_ask: false },
            Notice::Alarm { contested: true, can_ask: false },
            failed,
        ] {
            let words = Words::from(notice);
            assert!(words.body.ends_with("run `seclyzer me` in a terminal."), "{words:?}");
            assert_eq!(labels(&words), [Answer::Lock]);
        }
    }
}
