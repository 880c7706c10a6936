//! An application, and what it is called: on X11 by a half of its WM_CLASS, on Wayland by its app_id, which is the instance
//! of a class that there is not.

use crate::event::json::LONGEST_NAME;

/// An application, by the two halves of WM_CLASS. Each is at most 256 bytes long and without control characters; one of
/// them may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub instance: Box<str>,
    pub class: Box<str>,
}

impl App {
    /// What it is called in records: the instance, and the class where the instance names a kind of window, or is empty.
    /// Never empty.
    pub fn name(&self) -> &str {
        if self.instance.is_empty() || (is_role(&self.instance) && !self.class.is_empty()) {
            &self.class
        } else {
            &self.instance
        }
    }

    /// Whether it is one of these applications, whose names are in lower case: by either half of WM_CLASS, or by the
    /// application id, which is the instance on Wayland.
    pub fn is_among(&self, names: &[String]) -> bool {
        self.names().any(|name| names.iter().any(|listed| are_of_one(listed, &name)))
    }

    /// The halves that there are, in lower case.
    pub fn names(&self) -> impl Iterator<Item = String> {
        [&self.instance, &self.class].into_iter().filter(|half| !half.is_empty()).map(|half| half.to_lowercase())
    }
}

/// Whether two names are one application's. An application is called `org.keepassxc.KeePassXC` on Wayland and
/// `keepassxc` on X11, so that a name without dots is the same as the last part of one with dots. Two that have dots have
/// to be the same: the last parts of `com.bitwarden.desktop` and `org.telegram.desktop` say nothing.
fn are_of_one(one: &str, other: &str) -> bool {
    let is_last_of = |short: &str, long: &str| !short.contains('.') && long.rsplit('.').next() == Some(short);
    one == other || is_last_of(one, other) || is_last_of(other, one)
}

/// A name as a program gives it to its window, as text: UTF-8 as programs write it today, else Latin-1, the encoding that
/// X11's standard (ICCCM) names. `None`: nothing is left without control characters, or too much.
pub fn readable(name: &[u8]) -> Option<Box<str>> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let text: String = match std::str::from_utf8(name) {
        Ok(text) => text.chars().filter(|character| !character.is_control()).collect(),
        Err(_) => name.iter().map(|&byte| char::from(byte)).filter(|character| !character.is_control()).collect(),
    };
    (!text.is_empty() && text.len() <= LONGEST_NAME).then(|| text.into_boxed_str())
}

/// Instances by which Mozilla's programs (Firefox, Thunderbird and their kin) tell their kinds of windows apart.
const MOZILLA_ROLES: [&str; 16] = [
    "About",
    "Addressbook",
    "Alert",
    "Browser",
    "Calendar",
    "Devtools",
    "Dialog",
    "Extension",
    "Filterlist",
    "Mail",
    "Msgcompose",
    "Navigator",
    "Places",
    "Prompt",
    "Toolkit",
    "Update",
];
/// What an instance of Java's AWT and Swing begins with: `sun-awt-X11-XFramePeer`, `sun-awt-X11-XDialogPeer`, ….
const JAVA_ROLES: &str = "sun-awt-X11-";
/// What the instance of a Motif dialogue ends with.
const MOTIF_ROLES: &str = "_popup";

/// Whether an instance names a kind of window and not a program. Chrome's web apps are no such case: there the instance
/// (`crx_…`, `mail.google.com`) is the application, and the class is the browser's.
fn is_role(instance: &str) -> bool {
    MOZILLA_ROLES.contains(&instance) || instance.starts_with(JAVA_ROLES) || instance.ends_with(MOTIF_ROLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(instance: &str, class: &str) -> String {
        App { instance: instance.into(), class: class.into() }.name().to_owned()
    }

    #[test]
    fn an_ordinary_application_is_called_by_its_instance() {
        for (instance, class) in [("xterm", "XTerm"), ("libreoffice", "libreoffice-writer"), ("code", "Code")] {
            assert_eq!(name(instance, class), instance);
        }
    }

    #[test]
    fn without_an_instance_the_class_names_the_application() {
        assert_eq!(name("", "XTerm"), "XTerm");
    }

    #[test]
    fn programs_in_java_are_told_apart_and_their_dialogues_are_not() {
        assert_eq!(name("sun-awt-X11-XFramePeer", "jetbrains-idea"), "jetbrains-idea");
        assert_eq!(name("sun-awt-X11-XDialogPeer", "jetbrains-idea"), "jetbrains-idea");
        assert_eq!(name("sun-awt-X11-XWindowPeer", "DbVisualizer"), "DbVisualizer");
    }

    #[test]
    fn the_windows_of_firefox_and_thunderbird_are_one_application_each() {
        for role in ["Navigator", "Toolkit", "Places", "Devtools", "Dialog"] {
            assert_eq!(name(role, "firefox"), "firefox");
        }
        for role in ["Mail", "Msgcompose", "Calendar", "Addressbook"] {
            assert_eq!(name(role, "thunderbird"), "thunderbird");
        }
    }

    #[test]
    fn a_dialogue_of_motif_is_its_program() {
        assert_eq!(name("openFile_popup", "NEdit"), "NEdit");
    }

    #[test]
    fn a_web_app_of_chrome_is_its_own_application() {
        let gmail = "crx_fmgjjmmmlfnkbppncabfkddbjimcfncm";
        assert_eq!(name(gmail, "Google-chrome"), gmail);
        assert_eq!(name("music.youtube.com", "Chromium"), "music.youtube.com");
        assert_eq!(name("google-chrome", "Google-chrome"), "google-chrome");
    }

    #[test]
    fn a_kind_of_window_without_a_class_is_all_the_name_there_is() {
        assert_eq!(name("Navigator", ""), "Navigator");
    }

    #[test]
    fn either_half_may_be_the_one_that_is_listed_whatever_the_case_of_its_letters() {
        let listed = ["keepassxc".to_owned(), "navigator".to_owned()];
        let app = |instance: &str, class: &str| App { instance: instance.into(), class: class.into() };
        assert!(app("x", "KeePassXC").is_among(&listed));
        assert!(app("Navigator", "firefox").is_among(&listed));
        assert!(!app("sun-awt-X11-XFramePeer", "java").is_among(&listed));
        assert!(!app("", "XTerm").is_among(&listed));
    }

    #[test]
    fn a_name_without_dots_is_that_of_an_application_id_that_ends_with_it() {
        let is_among = |name: &str, listed: &str| {
            let app = App { instance: name.into(), class: "".into() };
            app.is_among(&[listed.to_lowercase()])
        };
        assert!(is_among("org.keepassxc.KeePassXC", "keepassxc"));
        assert!(is_among("keepassxc", "org.keepassxc.KeePassXC"));
        assert!(is_among("org.keepassxc.KeePassXC", "org.keepassxc.keepassxc"));
        assert!(!is_among("org.telegram.desktop", "com.bitwarden.desktop"), "two ids");
        assert!(!is_among("org.keepassxc.KeePassXC", "passxc"));
    }
}
