//! Whether the person at the machine is ours: whose session has the seat's screen and keyboard (logind).
//!
//! logind keeps a file for each seat under /run/systemd/seats and replaces it at every switch; libsystemd watches the
//! same folder for its `sd_login_monitor`. So this needs no bus, and on a machine without logind there is no switching
//! either. Whether the screen is locked is not told there.

use super::inotify::Inotify;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};

const SEATS: &str = "/run/systemd/seats";
/// Where logind keeps what it knows of each session.
pub const SESSIONS: &str = "/run/systemd/sessions";

/// At which seat which account is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// As logind names it: `seat0`.
    pub name: String,
    pub uid: u32,
}

impl Seat {
    /// That of this process, by its environment and its account.
    pub fn of_this_process() -> Seat {
        let name = std::env::var("XDG_SEAT").ok().filter(|name| !name.is_empty() && !name.contains('/'));
        let sudo_uid = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
        let uid = match nix::unistd::geteuid().as_raw() {
            // Who runs it with sudo is at the machine as the account that it was called from.
            0 => sudo_uid.unwrap_or(0),
            uid => uid,
        };
        Seat { name: name.unwrap_or_else(|| "seat0".into()), uid }
    }
}

/// The session that is active on our seat, as far as it is ours.
pub struct Session {
    /// What logind says of our seat.
    seat: PathBuf,
    uid: u32,
    /// `None`: no logind, or no way to watch it.
    inotify: Option<Inotify>,
    is_active: bool,
}

impl Session {
    /// The session of this process's account. Must be called within a runtime.
    pub fn of_this_process() -> Session {
        let Seat { name, uid } = Seat::of_this_process();
        Session::watch(Path::new(SEATS), &name, uid)
    }

    fn watch(seats: &Path, seat: &str, uid: u32) -> Session {
        let watch = || -> io::Result<Inotify> {
            let inotify = Inotify::new()?;
            inotify.add(seats, libc::IN_MOVED_TO | libc::IN_CLOSE_WRITE | libc::IN_DELETE)?;
            Ok(inotify)
        };
        let inotify = match watch() {
            Ok(inotify) => Some(inotify),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "switches to another user's session cannot be noticed");
                None
            }
        };
        let mut session = Session { seat: seats.join(seat), uid, inotify, is_active: true };
        session.is_active = session.look();
        session
    }

    /// Whether what is done at the machine is done by our user.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// Waits until that changes; what it is then. May be dropped while it waits and called anew.
    pub async fn changed(&mut self) -> bool {
        loop {
            let Some(inotify) = &mut self.inotify else { return std::future::pending().await };
            poll_fn(|context| inotify.poll_changed(context)).await;
            // What changed does not matter: the file is read again.
            while inotify.read(&mut Vec::new()).is_some() {}
            let is_active = self.look();
            if std::mem::replace(&mut self.is_active, is_active) != is_active {
                return is_active;
            }
        }
    }

    /// A seat that logind does not know of cannot be somebody else's.
    fn look(&self) -> bool {
        if self.inotify.is_none() {
            return true;
        }
        std::fs::read_to_string(&self.seat).map_or(true, |text| active_uid(&text) == Some(self.uid))
    }
}

/// The X displays of an account's sessions on this machine, that of the active one first, as logind was told when they
/// began: by what has authenticated the account, not by a program of it. Empty where nobody has told it (`startx`).
pub fn displays(sessions: &Path, uid: u32) -> Vec<String> {
    let mut ours = of_account(sessions, uid);
    ours.sort_by_key(|session| !session.is_active);
    ours.into_iter().filter_map(|session| session.display).collect()
}

/// Whether an account's session at the machine is `x11` or `wayland`: the active one, or where none is active all of them
/// alike. `None` where logind does not know it: a compositor that was begun at a console through seatd has not told it.
pub fn session_type(sessions: &Path, uid: u32) -> Option<String> {
    // Without a seat (cron, su, the service manager) a session counts as active, too.
    let ours = of_account(sessions, uid).into_iter().filter(|session| session.has_seat && !session.is_closing);
    let (active, others): (Vec<_>, Vec<_>) = ours.partition(|session| session.is_active);
    let is_graphical = |kind: &String| matches!(kind.as_str(), "x11" | "wayland");
    let kinds = |sessions: Vec<Known>| sessions.into_iter().filter_map(|session| session.kind).collect::<Vec<_>>();
    let mut kinds = match active.is_empty() {
        true => kinds(others).into_iter().filter(is_graphical).collect(),
        false => kinds(active),
    };
    kinds.dedup();
    <[String; 1]>::try_from(kinds).ok().map(|[kind]| kind).filter(is_graphical)
}

/// What logind knows of a session.
struct Known {
    is_active: bool,
    is_closing: bool,
    has_seat: bool,
    kind: Option<String>,
    display: Option<String>,
}

/// An account's sessions, but for those from other machines.
fn of_account(sessions: &Path, uid: u32) -> Vec<Known> {
    let texts = std::fs::read_dir(sessions).into_iter().flatten().flatten();
    let texts = texts.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    let known = |text: String| {
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let given = |name| value(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let is_ours = value("UID")?.parse() == Ok(uid) && value("REMOTE") != Some("1");
        is_ours.then(|| Known {
            is_active: value("ACTIVE") == Some("1"),
            is_closing: value("STATE") == Some("closing"),
            has_seat: given("SEAT").is_some(),
            kind: given("TYPE"),
            display: given("DISPLAY"),
        })
    };
    texts.filter_map(known).collect()
}

/// Whose session is active; `None` at a login prompt of the console, which is nobody's.
fn active_uid(seat: &str) -> Option<u32> {
    seat.lines().find_map(|line| line.strip_prefix("ACTIVE_UID="))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const OURS: u32 = 1000;

    /// Replaces the seat's file as logind does.
    fn switch(seats: &Path, text: &str) {
        let new = seats.join(".#seat0new");
        std::fs::write(&new, text).expect("a file");
        std::fs::rename(new, seats.join("seat0")).expect("replaced");
    }

    async fn changed(session: &mut Session) -> bool {
        tokio::time::timeout(Duration::from_secs(10), session.changed()).await.expect("told in time")
    }

    #[tokio::test]
    async fn a_switch_to_another_user_and_back_is_told_once_each() {
        let seats = tempfile::tempdir().expect("a folder");
        switch(seats.path(), "IS_SEAT0=1\nACTIVE=2\nACTIVE_UID=1000\nSESSIONS=2 c1\n");
        let mut session = Session::watch(seats.path(), "seat0", OURS);
        assert!(session.is_active());
        switch(seats.path(), "ACTIVE=5\nACTIVE_UID=1001\n");
        assert!(!changed(&mut session).await);
        // Another of their sessions, then ours.
        switch(seats.path(), "ACTIVE=6\nACTIVE_UID=1001\n");
        switch(seats.path(), "ACTIVE=2\nACTIVE_UID=1000\n");
        assert!(changed(&mut session).await && session.is_active());
    }

    #[tokio::test]
    async fn the_greeter_and_a_console_s_login_prompt_are_not_our_user() {
        let seats = tempfile::tempdir().expect("a folder");
        switch(seats.path(), "ACTIVE=c1\nACTIVE_UID=113\n");
        let mut session = Session::watch(seats.path(), "seat0", OURS);
        assert!(!session.is_active());
        switch(seats.path(), "ACTIVE=2\nACTIVE_UID=1000\n");
        assert!(changed(&mut session).await);
        switch(seats.path(), "IS_SEAT0=1\nSESSIONS=2\n");
        assert!(!changed(&mut session).await);
    }

    #[test]
    fn the_displays_of_an_account_s_sessions_are_known_that_of_the_active_one_first() {
        let sessions = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("1", "UID=1000\nACTIVE=0\nREMOTE=0\nDISPLAY=:1\n"),
            ("2", "UID=1000\nACTIVE=1\nREMOTE=0\nDISPLAY=:0\n"),
            ("3", "UID=1000\nACTIVE=1\nREMOTE=1\nDISPLAY=far:10\n"),
            ("4", "UID=1001\nACTIVE=1\nREMOTE=0\nDISPLAY=:7\n"),
            ("5", "UID=1000\nACTIVE=1\nREMOTE=0\nTYPE=tty\n"),
        ] {
            std::fs::write(sessions.path().join(name), text).expect("a file");
        }
        assert_eq!(displays(sessions.path(), OURS), [":0", ":1"]);
        assert_eq!(displays(&sessions.path().join("none"), OURS), [""; 0]);
    }

    /// What is known of the type of these sessions, all of our account at the seat.
    fn type_of(texts: &[&str]) -> Option<String> {
        let sessions = tempfile::tempdir().expect("a folder");
        for (name, text) in texts.iter().enumerate() {
            std::fs::write(sessions.path().join(name.to_string()), format!("UID=1000\n{text}")).expect("a file");
        }
        session_type(sessions.path(), OURS)
    }

    #[test]
    fn the_type_of_the_active_session_at_the_seat_is_known() {
        const SWAY: &str = "ACTIVE=1\nSTATE=active\nREMOTE=0\nTYPE=wayland\nORIGINAL_TYPE=tty\nSEAT=seat0\n";
        const X11: &str = "ACTIVE=0\nSTATE=online\nREMOTE=0\nTYPE=x11\nORIGINAL_TYPE=x11\nSEAT=seat0\n";
        const MANAGER: &str = "ACTIVE=1\nSTATE=active\nREMOTE=0\nTYPE=unspecified\nCLASS=manager\n";
        assert_eq!(type_of(&[X11, SWAY, MANAGER]).as_deref(), Some("wayland"));
        assert_eq!(type_of(&[X11, MANAGER]).as_deref(), Some("x11"), "somebody else's is in front");
        assert_eq!(type_of(&[X11, X11]).as_deref(), Some("x11"));
    }

    #[test]
    fn a_console_sessions_that_differ_and_those_without_a_seat_tell_no_type() {
        const CONSOLE: &str = "ACTIVE=1\nREMOTE=0\nTYPE=tty\nSEAT=seat0\n";
        const X11: &str = "ACTIVE=0\nREMOTE=0\nTYPE=x11\nSEAT=seat0\n";
        const WAYLAND: &str = "ACTIVE=0\nREMOTE=0\nTYPE=wayland\nSEAT=seat0\n";
        assert_eq!(type_of(&[X11, CONSOLE]), None, "a compositor begun through seatd looks like this, too");
        assert_eq!(type_of(&[X11, WAYLAND]), None);
        assert_eq!(type_of(&["ACTIVE=1\nREMOTE=0\nTYPE=x11\n"]), None, "no seat");
        assert_eq!(type_of(&["ACTIVE=1\nREMOTE=1\nTYPE=x11\nSEAT=seat0\n"]), None, "from another machine");
        assert_eq!(type_of(&["ACTIVE=0\nSTATE=closing\nREMOTE=0\nTYPE=x11\nSEAT=seat0\n"]), None, "it has ended");
        assert_eq!(type_of(&[]), None);
    }

    #[tokio::test]
    async fn a_machine_without_logind_or_without_that_seat_has_one_user() {
        let seats = tempfile::tempdir().expect("a folder");
        assert!(Session::watch(&seats.path().join("none"), "seat0", OURS).is_active());
        let mut session = Session::watch(seats.path(), "seat0", OURS);
        assert!(session.is_active());
        switch(seats.path(), "ACTIVE_UID=7\n");
        assert!(!changed(&mut session).await);
        std::fs::remove_file(seats.path().join("seat0")).expect("removed");
        assert!(changed(&mut session).await);
    }
}
