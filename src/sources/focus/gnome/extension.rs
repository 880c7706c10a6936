//! Whether the shell has the extension, and what is to be done where it does not run.

use super::{Error, SHELL};
use crate::dbus::connection::{ANSWER_LIMIT, Bus, CallError, Target};
use std::collections::HashMap;
use std::path::PathBuf;
use zbus::zvariant::{OwnedValue, Value};

/// The extension, as GNOME Shell from version 45 on takes them.
pub const NEW: &str = "seclyzer@seclyzer.org";
/// The same as older ones take them.
pub const OLD: &str = "seclyzer-43@seclyzer.org";
/// The first version that does not take the older kind.
const FIRST_NEW: u32 = 45;

/// The extension that fits the shell, and how it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    pub uuid: &'static str,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    Disabled,
    /// With all others.
    SwitchedOff,
    /// It is installed, but not since the shell has begun, which looks for extensions once.
    Unseen,
    Uninstalled,
    /// It is not known to work with this version of the shell.
    Unfit,
    Failed,
}

impl Extension {
    /// Asks the shell.
    pub(super) async fn of(bus: &Bus) -> Result<Extension, Error> {
        let shell = Target::at(SHELL, "/org/gnome/Shell", "org.gnome.Shell.Extensions");
        let unsaid = |error| match error {
            CallError::Nobody(_) => Error::Absent,
            error @ CallError::NoBus { .. } => Error::NoBus(error),
            error => Error::Unsaid(error),
        };
        let properties = bus.properties(&shell).await.map_err(unsaid)?;
        let version = properties.get("ShellVersion").and_then(|version| major(version.downcast_ref().ok()?));
        let uuid = if version.is_some_and(|version| version < FIRST_NEW) { OLD } else { NEW };
        let answer = bus.call(&shell, "GetExtensionInfo", &(uuid), ANSWER_LIMIT).await.map_err(unsaid)?;
        let info = answer.body().deserialize().map_err(|_| Error::Unsaid(CallError::Broken))?;
        let is_off = matches!(properties.get("UserExtensionsEnabled").map(|on| &**on), Some(Value::Bool(false)));
        Ok(Extension { uuid, state: state(&info, is_off, || is_installed(uuid)) })
    }

    /// For people, as what follows "the extension".
    pub fn text(&self) -> &'static str {
        match self.state {
            State::Active => "is enabled",
            State::Disabled => "is not enabled",
            State::SwitchedOff => "is switched off, as all are",
            State::Unseen => "was installed after GNOME Shell had begun",
            State::Uninstalled => "is not installed",
            State::Unfit => "is not made for this version of GNOME Shell",
            State::Failed => "has failed",
        }
    }

    /// The one command that mends it, or what else does.
    pub fn mend(&self) -> String {
        let uuid = self.uuid;
        match self.state {
            State::Active => "run the agent as the account whose session it is".into(),
            State::Disabled => format!("gnome-extensions enable {uuid}"),
            State::SwitchedOff => "gsettings set org.gnome.shell disable-user-extensions false".into(),
            State::Unseen => format!("log out and in once, then: gnome-extensions enable {uuid}"),
            State::Uninstalled => {
                format!(
                    "install seclyzer again, in the same way; log out and in once, then: gnome-extensions enable {uuid}"
                )
            }
            State::Unfit => "install a newer version of seclyzer".into(),
            State::Failed => format!("gnome-extensions info {uuid} shows how; please report it"),
        }
    }
}

/// The first number of a version.
fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// By what the shell says of the extension: nothing, where it does not know it. Its states have had several names, and
/// have kept their numbers.
fn state(info: &HashMap<String, OwnedValue>, is_off: bool, is_installed: impl FnOnce() -> bool) -> State {
    let number = info.get("state").and_then(|state| state.downcast_ref::<f64>().ok());
    match number.map(|number| number as u32) {
        Some(1 | 8) => State::Active,
        Some(3) => State::Failed,
        Some(4) => State::Unfit,
        Some(99) | None => match is_installed() {
            true => State::Unseen,
            false => State::Uninstalled,
        },
        Some(_) if is_off => State::SwitchedOff,
        Some(_) => State::Disabled,
    }
}

/// Whether it is where the shell looks for extensions when it begins.
fn is_installed(uuid: &str) -> bool {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let own = variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    let shared = ["/usr/local/share", "/usr/share"].map(PathBuf::from);
    let mut folders = own.into_iter().chain(shared);
    folders.any(|folder| folder.join("gnome-shell/extensions").join(uuid).join("metadata.json").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(number: f64) -> HashMap<String, OwnedValue> {
        HashMap::from([("state".to_owned(), OwnedValue::from(number))])
    }

    #[test]
    fn each_state_has_another_remedy_and_only_one_has_none_of_the_extension() {
        let told = |number| state(&info(number), false, || panic!("it is known"));
        assert_eq!(told(1.0), State::Active);
        assert_eq!((told(2.0), told(6.0)), (State::Disabled, State::Disabled));
        assert_eq!((told(3.0), told(4.0)), (State::Failed, State::Unfit));
        assert_eq!(state(&info(6.0), true, || false), State::SwitchedOff);
        assert_eq!(state(&HashMap::new(), false, || true), State::Unseen);
        assert_eq!(state(&HashMap::new(), true, || false), State::Uninstalled);
    }

    #[test]
    fn nonsense_of_the_shell_s_is_no_active_extension() {
        for number in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert_ne!(state(&info(number), false, || false), State::Active, "{number}");
        }
        let text = HashMap::from([("state".to_owned(), Value::from("1").try_to_owned().expect("a text"))]);
        assert_eq!(state(&text, false, || false), State::Uninstalled);
        assert_eq!((major("48.7"), major("50"), major("43.alpha"), major("x")), (Some(48), Some(50), Some(43), None));
    }
}
