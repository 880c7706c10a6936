//! What comes over the connection: the script's calls, and news of who owns KWin's name.
//!
//! The script is run by KWin, so that nobody else's calls are heard.

use super::{Error, KWIN, script};
use crate::dbus::connection::DBUS;
use crate::sources::app::App;
use crate::sources::app::readable;
use crate::sources::focus::during::{Listener, during};
use futures_util::StreamExt;
use std::collections::VecDeque;
use zbus::message::{Flags, Type};
use zbus::{Connection, Message, MessageStream};

/// Calls that may wait while KWin is asked something; of more the oldest are dropped.
const MOST: usize = 64;

/// What the script says has the focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    App(App),
    /// A window without a name.
    Nameless,
    Nothing,
    /// The lock screen.
    Lock,
}

/// What the lock screen's window is called. It has no name of its own, and gets its program's: that is KWin, which has
/// connected the greeter to itself.
const LOCK_SCREENS: [&str; 2] = ["kwin_wayland", "kscreenlocker_greet"];

/// What the window with these names is.
fn seen(instance: &str, class: &str) -> Seen {
    let name = |half: &str| readable(half.as_bytes()).unwrap_or_default();
    let app = App { instance: name(instance), class: name(class) };
    match app.name() {
        "" => Seen::Nameless,
        name if LOCK_SCREENS.contains(&name) => Seen::Lock,
        _ => Seen::App(app),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Focus(Seen),
    /// Who owns KWin's name now.
    Owner(Option<String>),
}

/// What a message says to whom the owner of KWin's name is this one; most say nothing.
fn heard(message: &Message, owner: Option<&str>) -> Option<Heard> {
    let header = message.header();
    let sender = header.sender()?.as_str();
    let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
    let body = message.body();
    match (message.message_type(), interface, member) {
        (Type::Signal, DBUS, "NameOwnerChanged") if sender == DBUS => {
            let (name, _, owner) = body.deserialize::<(&str, &str, &str)>().ok()?;
            let owner = Some(owner).filter(|owner| !owner.is_empty()).map(str::to_owned);
            (name == KWIN).then_some(Heard::Owner(owner))
        }
        (Type::MethodCall, script::INTERFACE, member) if Some(sender) == owner => match member {
            script::UNFOCUSED => Some(Heard::Focus(Seen::Nothing)),
            script::FOCUSED => {
                let names = body.deserialize::<(&str, &str)>();
                Some(Heard::Focus(names.map_or(Seen::Nameless, |(instance, class)| seen(instance, class))))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The connection, as it is listened to, also while something is asked on it ([`during`](Calls::during)).
pub struct Calls<'a> {
    connection: &'a Connection,
    stream: MessageStream,
    /// Of KWin's name.
    owner: Option<String>,
    /// It is another one than when we began.
    is_another: bool,
    waiting: VecDeque<Seen>,
}

impl Calls<'_> {
    pub fn over(connection: &Connection) -> Calls<'_> {
        let stream = MessageStream::from(connection);
        Calls { connection, stream, owner: None, is_another: false, waiting: VecDeque::new() }
    }

    /// Takes who was found to own KWin's name. What was heard of it meanwhile is newer, or says the same.
    pub fn set_owner(&mut self, found: Option<String>) {
        if !self.is_another {
            self.owner = found;
        }
    }

    /// Begins to listen to who owns KWin's name now; `false`: nobody.
    pub fn begin(&mut self) -> bool {
        self.is_another = false;
        self.waiting.clear();
        self.owner.is_some()
    }

    /// Whether KWin has gone, or is another one.
    pub fn has_another_owner(&self) -> bool {
        self.is_another
    }

    /// Waits until KWin begins, ends, or is another one. Cancel-safe.
    pub async fn wait_for_another_owner(&mut self) -> Result<(), Error> {
        while !self.is_another {
            self.listen().await?;
        }
        Ok(())
    }

    /// What the script says next. Cancel-safe.
    ///
    /// # Errors
    /// The connection is lost, or KWin is gone or another one.
    pub async fn next(&mut self) -> Result<Seen, Error> {
        loop {
            if self.is_another {
                return Err(Error::Absent);
            }
            if let Some(seen) = self.waiting.pop_front() {
                return Ok(seen);
            }
            self.listen().await?;
        }
    }

    /// Does something that waits for answers, and listens meanwhile.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        during(self, work).await
    }

    /// Takes one message.
    async fn listen(&mut self) -> Result<(), Error> {
        let Some(Ok(message)) = self.stream.next().await else { return Err(Error::Lost) };
        match heard(&message, self.owner.as_deref()) {
            Some(Heard::Owner(owner)) if owner != self.owner => {
                self.owner = owner;
                self.is_another = true;
                self.waiting.clear();
            }
            Some(Heard::Focus(seen)) => {
                if self.waiting.len() == MOST {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(seen);
                self.answer(&message).await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn answer(&self, call: &Message) {
        let header = call.header();
        if !header.primary().flags().contains(Flags::NoReplyExpected) {
            // A connection that is lost is noticed by whoever listens.
            let _ = self.connection.reply(&header, &()).await;
        }
    }
}

impl Listener for Calls<'_> {
    async fn hear(&mut self) -> bool {
        self.listen().await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(instance: &str, class: &str) -> Seen {
        Seen::App(App { instance: instance.into(), class: class.into() })
    }

    #[test]
    fn a_window_is_the_application_that_it_names_the_lock_screen_or_nameless() {
        assert_eq!(seen("org.kde.kate", ""), app("org.kde.kate", ""));
        assert_eq!(seen("xterm", "XTerm"), app("xterm", "XTerm"));
        assert_eq!(seen("", "XTerm"), app("", "XTerm"));
        assert_eq!((seen("kwin_wayland", ""), seen("kscreenlocker_greet", "")), (Seen::Lock, Seen::Lock));
        assert_eq!(seen("", ""), Seen::Nameless);
    }

    #[test]
    fn a_name_that_is_too_long_or_made_of_control_characters_is_none() {
        let (longest, longer) = ("x".repeat(256), "x".repeat(257));
        assert_eq!((seen(&longest, ""), seen(&longer, "")), (app(&longest, ""), Seen::Nameless));
        assert_eq!(seen(&longer, "XTerm"), app("", "XTerm"));
        assert_eq!((seen("\u{1b}\n", ""), seen("k\u{7f}ate", "")), (Seen::Nameless, app("kate", "")));
    }

    /// A message as the bus passes it on.
    fn message(sender: &str, member: &str, body: &(impl serde::Serialize + zbus::zvariant::DynamicType)) -> Message {
        let builder = Message::method_call("/org/seclyzer/Focus", member).and_then(|b| b.interface(script::INTERFACE));
        builder.and_then(|b| b.sender(sender)).and_then(|b| b.build(body)).expect("a message")
    }

    #[test]
    fn only_the_owner_of_kwin_s_name_says_what_has_the_focus() {
        let call = message(":1.7", script::FOCUSED, &("kate", ""));
        assert_eq!(heard(&call, Some(":1.7")), Some(Heard::Focus(app("kate", ""))));
        assert_eq!((heard(&call, Some(":1.8")), heard(&call, None)), (None, None));
        let of_bus = |body: (&str, &str, &str), sender: &str| {
            let builder = Message::signal("/org/freedesktop/DBus", DBUS, "NameOwnerChanged").expect("a signal");
            heard(&builder.sender(sender).and_then(|b| b.build(&body)).expect("a message"), Some(":1.7"))
        };
        assert_eq!(of_bus((KWIN, "", ":1.9"), DBUS), Some(Heard::Owner(Some(":1.9".into()))));
        assert_eq!(of_bus((KWIN, ":1.7", ""), DBUS), Some(Heard::Owner(None)));
        assert_eq!((of_bus((KWIN, "", ":1.9"), ":1.9"), of_bus(("org.other", "", ":1.9"), DBUS)), (None, None));
    }

    #[test]
    fn a_call_that_is_not_understood_is_a_window_without_a_name() {
        let unread = |body: &(u32, u32)| heard(&message(":1.7", script::FOCUSED, body), Some(":1.7"));
        assert_eq!(unread(&(1, 2)), Some(Heard::Focus(Seen::Nameless)));
        assert_eq!(heard(&message(":1.7", script::UNFOCUSED, &()), Some(":1.7")), Some(Heard::Focus(Seen::Nothing)));
        assert_eq!(heard(&message(":1.7", "Other", &("kate", "")), Some(":1.7")), None);
    }
}
