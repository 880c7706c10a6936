//! What comes over the connection: the extension's calls, and news of who is the shell, and who has our name.

use super::{AGENT, SHELL_ALONE};
use crate::dbus::connection::DBUS;
use crate::sources::app::{App, readable};
use crate::sources::focus::during::{Listener, during};
use crate::sources::focus::{Focus, Taker};
use futures_util::StreamExt;
use std::collections::VecDeque;
use zbus::message::Type;
use zbus::{Connection, Message, MessageStream};

const INTERFACE: &str = "org.seclyzer.Focus";
const TELL: &str = "Tell";
const END: &str = "End";

/// What the extension says at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// By number, as the shell counts its windows from 1 on.
    pub window: u32,
    pub focus: Focus,
    pub taken: Option<Taker>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Seen(Seen),
    /// The extension is being disabled.
    End,
    /// Who is the shell now.
    Shell(Option<String>),
    /// Who has our name now.
    Name(Option<String>),
}

/// Messages that may wait while something is asked. With more the answer has to wait, too.
const MOST: usize = 64;

/// The connection, as it is listened to, also while something is asked on it.
pub struct Hearing {
    stream: MessageStream,
    waiting: VecDeque<Message>,
}

impl Hearing {
    pub fn over(connection: &Connection) -> Hearing {
        Hearing { stream: MessageStream::from(connection), waiting: VecDeque::new() }
    }

    /// The next message; `None`: the connection is lost. Cancel-safe.
    pub async fn next(&mut self) -> Option<Message> {
        match self.waiting.pop_front() {
            Some(message) => Some(message),
            None => self.stream.next().await?.ok(),
        }
    }

    /// Does something that waits for answers, and listens meanwhile.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        during(self, work).await
    }
}

impl Listener for Hearing {
    /// Keeps what says something where its sender is the shell: who is may change meanwhile.
    async fn hear(&mut self) -> bool {
        if self.waiting.len() == MOST {
            return false;
        }
        let Some(Ok(message)) = self.stream.next().await else { return false };
        let header = message.header();
        if heard(&message, header.sender().map(|sender| sender.as_str())).is_some() {
            drop(header);
            self.waiting.push_back(message);
        }
        true
    }
}

/// What a message says where the shell's unique name is this one; most say nothing.
pub fn heard(message: &Message, shell: Option<&str>) -> Option<Heard> {
    let header = message.header();
    let sender = header.sender()?.as_str();
    let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
    match (message.message_type(), interface, member) {
        (Type::Signal, DBUS, "NameOwnerChanged") if sender == DBUS => {
            let body = message.body();
            let (name, _, owner) = body.deserialize::<(&str, &str, &str)>().ok()?;
            let owner = Some(owner).filter(|owner| !owner.is_empty()).map(str::to_owned);
            match name {
                SHELL_ALONE => Some(Heard::Shell(owner)),
                AGENT => Some(Heard::Name(owner)),
                _ => None,
            }
        }
        (Type::MethodCall, INTERFACE, TELL) if Some(sender) == shell => told(message).map(Heard::Seen),
        (Type::MethodCall, INTERFACE, END) if Some(sender) == shell => Some(Heard::End),
        _ => None,
    }
}

/// The window's number, or 0 where none has the focus; both halves of its name; whether the screen is locked, the shell
/// itself takes the keys, and they go to a field for a secret.
type Tell<'a> = (u32, &'a str, &'a str, bool, bool, bool);

fn told(call: &Message) -> Option<Seen> {
    let body = call.body();
    let (window, instance, class, is_locked, is_prompted, is_secret) = body.deserialize::<Tell<'_>>().ok()?;
    let name = |half: &str| readable(half.as_bytes()).unwrap_or_default();
    let class = if class == instance { "" } else { class };
    let app = App { instance: name(instance), class: name(class) };
    let focus = match window {
        0 => Focus::Nothing,
        _ if app.name().is_empty() => Focus::Nameless,
        _ => Focus::App(app),
    };
    let taken = match (is_locked, is_prompted || window == 0, is_secret) {
        (true, _, _) => Some(Taker::Lock),
        (_, true, _) => Some(Taker::Prompt),
        (_, _, true) => Some(Taker::Field),
        _ => None,
    };
    Some(Seen { window, focus, taken })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use zbus::zvariant::DynamicType;

    const US: &str = ":1.7";

    fn message<B: Serialize + DynamicType>(sender: &str, member: &str, body: &B) -> Message {
        let call = Message::method_call("/org/seclyzer/Focus", member).expect("a name");
        call.interface(INTERFACE).and_then(|call| call.sender(sender)?.build(body)).expect("a message")
    }

    fn heard_of<B: Serialize + DynamicType>(body: &B) -> Option<Heard> {
        heard(&message(US, TELL, body), Some(US))
    }

    fn seen(tell: Tell<'_>) -> Seen {
        match heard_of(&tell) {
            Some(Heard::Seen(seen)) => seen,
            other => panic!("{other:?}"),
        }
    }

    fn app(instance: &str, class: &str) -> Focus {
        Focus::App(App { instance: instance.into(), class: class.into() })
    }

    #[test]
    fn a_wayland_program_has_one_name_and_an_x11_program_has_two() {
        let focus = |instance, class| seen((1, instance, class, false, false, false)).focus;
        assert_eq!(focus("org.gnome.Console", "org.gnome.Console"), app("org.gnome.Console", ""));
        assert_eq!(focus("Navigator", "firefox"), app("Navigator", "firefox"));
        assert_eq!(focus("", "org.app.In.A.Sandbox"), app("", "org.app.In.A.Sandbox"));
    }

    #[test]
    fn names_that_are_none_leave_a_window_without_a_name() {
        for half in ["", "\u{7}\n", &"x".repeat(257), &"x".repeat(60_000)] {
            assert_eq!(seen((1, half, half, false, false, false)).focus, Focus::Nameless);
            assert_eq!(seen((1, half, "name", false, false, false)).focus, app("", "name"));
        }
        assert_eq!(seen((1, "a\u{1b}[31m", "", false, false, false)).focus, app("a[31m", ""));
    }

    #[test]
    fn a_lock_comes_before_a_prompt_and_that_before_a_field_and_no_window_is_a_prompt() {
        let taken = |window, locked, prompted, secret| seen((window, "a", "a", locked, prompted, secret)).taken;
        assert_eq!(taken(1, true, true, true), Some(Taker::Lock));
        assert_eq!(taken(1, false, true, true), Some(Taker::Prompt));
        assert_eq!(taken(1, false, false, true), Some(Taker::Field));
        assert_eq!(taken(1, false, false, false), None);
        assert_eq!(taken(0, false, false, false), Some(Taker::Prompt));
        assert_eq!(taken(0, true, false, false), Some(Taker::Lock));
        assert_eq!(seen((0, "a", "a", false, false, false)).focus, Focus::Nothing);
    }

    #[test]
    fn only_the_shell_is_heard() {
        let tell = (1u32, "a", "a", false, false, false);
        for shell in [None, Some(":1.8"), Some("org.gnome.Shell")] {
            assert_eq!(heard(&message(US, TELL, &tell), shell), None);
            assert_eq!(heard(&message(US, END, &()), shell), None);
        }
        assert_eq!(heard(&message(US, END, &()), Some(US)), Some(Heard::End));
    }

    #[test]
    fn what_is_no_call_of_the_extension_says_nothing() {
        assert_eq!(heard_of(&()), None);
        assert_eq!(heard_of(&(1u32, "a", "a", false, false)), None);
        assert_eq!(heard_of(&("a", "a", "a", false, false, false)), None);
        assert_eq!(heard_of(&(1u32, vec!["a"], "a", false, false, false)), None);
        assert_eq!(heard(&message(US, "Ask", &()), Some(US)), None);
    }

    #[test]
    fn who_owns_a_name_is_the_bus_s_to_say() {
        let signal = |sender: &str, body: (&str, &str, &str)| {
            let signal = Message::signal("/org/freedesktop/DBus", DBUS, "NameOwnerChanged").expect("names");
            heard(&signal.sender(sender).expect("a sender").build(&body).expect("a message"), Some(US))
        };
        assert_eq!(signal(DBUS, (SHELL_ALONE, "", ":1.9")), Some(Heard::Shell(Some(":1.9".into()))));
        assert_eq!(signal(DBUS, (SHELL_ALONE, ":1.9", "")), Some(Heard::Shell(None)));
        assert_eq!(signal(DBUS, (AGENT, ":1.9", "")), Some(Heard::Name(None)));
        assert_eq!(signal(DBUS, ("org.other", "", ":1.9")), None);
        assert_eq!(signal(US, (SHELL_ALONE, "", ":1.9")), None);
    }
}
