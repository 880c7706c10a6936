//! The desk at which the person sits, as the agent needs it: to lock the session, to show a notice, to ask for the
//! account's password, and to hear of it all.

use crate::act::ports::{Action, Answer, Authority, Heard, Locked, Notice, Subject, Words};
use crate::bus;
use crate::event::Micros;
use crate::record::json::iso8601;
use std::future::{Future, pending, ready};

/// Nothing of it may hold up the caller: what takes time is a future that needs nothing of the desk any more.
pub trait Desk {
    /// Waits for what the desk tells next. Cancel-safe.
    fn heard(&self) -> impl Future<Output = Heard>;

    /// Locks the session, by the first step of the chain that verifiably does.
    fn lock(&self) -> impl Future<Output = Locked> + Send + 'static;

    /// Has the account's password asked for.
    fn authorise(&self, subject: Subject, action: Action) -> impl Future<Output = Authority> + Send + 'static;

    /// Shows a notice in place of the one before.
    fn show(&self, words: Words);

    fn withdraw(&self);
}

impl Desk for bus::Desk {
    fn heard(&self) -> impl Future<Output = Heard> {
        bus::Desk::heard(self)
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
}

/// Where there is none: nothing is heard, shown or locked, and nobody can be asked.
#[derive(Debug)]
pub struct NoDesk;

impl Desk for NoDesk {
    fn heard(&self) -> impl Future<Output = Heard> {
        pending()
    }

    fn lock(&self) -> impl Future<Output = Locked> + Send + 'static {
        ready(Locked::default())
    }

    fn authorise(&self, _: Subject, _: Action) -> impl Future<Output = Authority> + Send + 'static {
        ready(Authority::Absent)
    }

    fn show(&self, _: Words) {}

    fn withdraw(&self) {}
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
                            `seclyzer lock --test` says why.";
                ("The screen is not locked", answered_here_or_not(body, can_ask), buttons(can_ask))
            }
            Notice::Guest { until_us } => {
                ("A guest is at this machine", format!("Nobody is recognised until {} UTC.", minute(until_us)), vec![])
            }
            Notice::Paused { until_us } => {
                ("Capture is paused", format!("Nothing is captured until {} UTC.", minute(until_us)), vec![])
            }
        };
        Words { summary: summary.into(), body, answers }
    }
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

/// Hour and minute in UTC: the agent does not know the person's zone.
fn minute(time_us: Micros) -> String {
    iso8601(time_us)[11..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_has_two_buttons_and_what_the_owner_has_ordered_none() {
        let alarm = Words::from(Notice::Alarm { contested: false, can_ask: true });
        assert_eq!(alarm.summary, "Is it you?");
        assert_eq!(alarm.answers.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), ["It is me", "Lock"]);
        let paused = Words::from(Notice::Paused { until_us: 1_790_000_000_000_000 });
        assert!(paused.answers.is_empty() && paused.body.contains("until 14:13 UTC"), "{paused:?}");
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
