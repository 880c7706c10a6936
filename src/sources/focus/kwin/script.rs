//! The script, and KWin's ways to take it, to run it and to drop it.

use super::Error;
use crate::dbus::connection::{ANSWER_LIMIT, Bus, CallError, DBUS, Target};
use serde::Serialize;
use std::fs::{DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tokio::time::timeout;
use zbus::zvariant::{DynamicType, ObjectPath};
use zbus::{Connection, Message};

const TEXT: &str = include_str!("script.js");
/// What stands in the script for our name on the bus.
const AGENT: &str = "@AGENT@";
/// As the script calls us.
pub const INTERFACE: &str = "org.seclyzer.Focus";
pub const FOCUSED: &str = "Focused";
pub const UNFOCUSED: &str = "Unfocused";

const KWIN: &str = super::KWIN;
const SCRIPTING: &str = "org.kde.kwin.Scripting";
const SCRIPT: &str = "org.kde.kwin.Script";
/// Where KWin 6 and KWin 5 have a script, before its number.
const PLACES: [&str; 2] = ["/Scripting/Script", "/"];

/// KWin keeps the script of a process that was killed. It is found again by its name, which is that of a process that is
/// alive only as long as that owns the same name on the bus: one for each that may follow the focus at once.
const NAMES: [&str; 4] = ["org.seclyzer.Focus0", "org.seclyzer.Focus1", "org.seclyzer.Focus2", "org.seclyzer.Focus3"];

/// The script, in KWin or not.
pub struct Script<'a> {
    bus: &'a Bus,
    folder: Option<PathBuf>,
    name: Option<&'static str>,
    /// KWin may have it.
    is_loaded: bool,
}

impl Script<'_> {
    pub fn new(bus: &Bus, folder: Option<PathBuf>) -> Script<'_> {
        Script { bus, folder, name: None, is_loaded: false }
    }

    /// Takes a name that no other process has, for as long as the connection holds.
    pub async fn reserve_name(&mut self, connection: &Connection) -> Result<(), Error> {
        const DO_NOT_QUEUE: u32 = 4;
        const GRANTED: u32 = 1;
        for name in NAMES {
            let body = (name, DO_NOT_QUEUE);
            let asked = connection.call_method(Some(DBUS), "/org/freedesktop/DBus", Some(DBUS), "RequestName", &body);
            if let Ok(Ok(answer)) = timeout(ANSWER_LIMIT, asked).await
                && answer.body().deserialize() == Ok(GRANTED)
            {
                self.name = Some(name);
                return Ok(());
            }
        }
        Err(Error::Crowded)
    }

    /// Has KWin run it, in place of one that a process before has left. Its file is there only meanwhile.
    pub async fn load(&mut self, connection: &Connection) -> Result<(), Error> {
        let name = self.name.ok_or(Error::Crowded)?;
        let text = connection.unique_name().and_then(|own| text_for(own.as_str())).ok_or(Error::Lost)?;
        let folder = self.folder.as_deref().ok_or(Error::NoFolder)?;
        let file = Written::in_folder(folder, &text).map_err(Error::Unwritten)?;
        let path = file.0.to_str().ok_or(Error::NoFolder)?;
        self.ask("/Scripting", SCRIPTING, "unloadScript", &(name)).await?;
        self.is_loaded = true;
        let answer = self.ask("/Scripting", SCRIPTING, "loadScript", &(path, name)).await?;
        let number: i32 = answer.body().deserialize().map_err(|_| Error::Unloaded)?;
        if number < 0 {
            return Err(Error::Unloaded);
        }
        self.start(number).await
    }

    /// It is answered once the script was read from its file and has run.
    async fn start(&self, number: i32) -> Result<(), Error> {
        let mut refusal = Error::Unloaded;
        for place in PLACES {
            match self.ask(&format!("{place}{number}"), SCRIPT, "run", &()).await {
                Ok(_) => return Ok(()),
                // It is elsewhere.
                Err(error @ Error::Refused(CallError::Refused(_))) => refusal = error,
                Err(error) => return Err(error),
            }
        }
        Err(refusal)
    }

    /// Has KWin drop it, if it has it.
    pub async fn unload(&mut self) {
        if let Some(name) = self.name.filter(|_| std::mem::take(&mut self.is_loaded)) {
            // Whoever cannot be asked has none.
            let _ = self.ask("/Scripting", SCRIPTING, "unloadScript", &(name)).await;
        }
    }

    /// Nobody has it any more.
    pub fn forget(&mut self) {
        self.is_loaded = false;
    }

    async fn ask<B>(
        &self,
        path: &str,
        interface: &'static str,
        member: &'static str,
        body: &B,
    ) -> Result<Message, Error>
    where
        B: Serialize + DynamicType,
    {
        let path = ObjectPath::try_from(path).map_err(|_| Error::Unloaded)?.into();
        let target = Target { name: KWIN, path, interface };
        self.bus.call(&target, member, body, ANSWER_LIMIT).await.map_err(Error::Refused)
    }
}

/// The script that calls this name. `None`: it is no name that a bus gives, and could say something else in the script.
fn text_for(own: &str) -> Option<String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, ':' | '.' | '_' | '-');
    own.chars().all(is_plain).then(|| TEXT.replace(AGENT, own))
}

/// A file, for as long as it is needed.
struct Written(PathBuf);

impl Written {
    /// Under a name that nobody foresees, for the account's eyes alone.
    fn in_folder(folder: &Path, text: &str) -> io::Result<Written> {
        make_folder(folder)?;
        // Every `RandomState` has keys of its own; this spares a crate for random numbers.
        let [one, other] = std::array::from_fn(|_| RandomState::new().build_hasher().finish());
        let path = folder.join(format!("focus-{one:016x}{other:016x}.js"));
        // Where something of that name is there, a link included, it fails.
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        let written = Written(path);
        file.write_all(text.as_bytes())?;
        Ok(written)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Whoever has removed it before has spared us that.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Makes a folder for the account alone. A link in its place is not followed.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_folder = std::fs::symlink_metadata(folder)?.is_dir();
            if is_folder { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
        }
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_script_calls_the_name_that_the_bus_gave_us_and_no_other_text_gets_into_it() {
        let text = text_for(":1.42").expect("a name");
        assert!(text.contains("const AGENT = \":1.42\";") && !text.contains(AGENT), "{text}");
        for other in ["\"", ":1.4\n2", ":1.42;", "é", "\\", "`", "${0}"] {
            assert_eq!(text_for(other), None, "{other}");
        }
    }

    #[test]
    fn the_script_reads_no_title_and_calls_what_is_listened_to() {
        assert!(!TEXT.contains("caption"));
        let calls: Vec<_> = TEXT.lines().filter(|line| line.contains("callDBus")).collect();
        let call = |member: &str| format!("callDBus(AGENT, \"/org/seclyzer/Focus\", \"{INTERFACE}\", \"{member}\"");
        assert_eq!(calls.len(), 2);
        assert!(calls[0].contains(&call(UNFOCUSED)) && calls[1].contains(&call(FOCUSED)), "{calls:?}");
    }

    #[test]
    fn its_file_is_for_the_account_alone_has_another_name_each_time_and_goes() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("seclyzer");
        let [one, other] = [(); 2].map(|()| Written::in_folder(&folder, "text").expect("room"));
        assert_ne!(one.0, other.0);
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&one.0)), (0o700, 0o600));
        assert_eq!(std::fs::read(&one.0).expect("there"), b"text");
        drop((one, other));
        assert_eq!(std::fs::read_dir(&folder).expect("there").count(), 0);
    }

    #[test]
    fn a_link_in_the_folder_s_place_is_not_followed() {
        let outer = tempfile::tempdir().expect("a folder");
        let (link, target) = (outer.path().join("seclyzer"), outer.path().join("target"));
        std::fs::create_dir(&target).expect("room");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        assert!(Written::in_folder(&link, "text").is_err());
        assert_eq!(std::fs::read_dir(&target).expect("there").count(), 0);
    }
}
