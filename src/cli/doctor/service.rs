//! The agent as a service: whether it runs, and what it says of itself.

use super::super::ask;
use super::Finding;
use crate::agent::decision_status::DecisionStatus;
use crate::agent::feed::StrokesStatus;
use crate::agent::hardening::Hardening;
use crate::agent::recognition_status::RecognitionStatus;
use crate::sources::capture::LayoutOrigin;
use crate::sources::evdev::Node;
use crate::sources::focus::Backend;
use serde::Deserialize;
use std::path::Path;
use std::process::Command;

/// Where the hardened services have their databases, each in a folder with its user's name.
const HARDENED: &str = "/var/lib/seclyzer";

/// The configuration of all hardened services.
const HARDENED_CONFIG: &str = "/etc/seclyzer/config.toml";

/// What the running agent says of itself.
#[derive(Debug, Deserialize)]
pub struct Running {
    #[serde(default)]
    pub hardening: Hardening,
    /// The nodes as it sees them: the hardened service may read what the account may not.
    pub devices: Vec<Node>,
    /// Why keystrokes count or not.
    #[serde(default)]
    pub keystrokes: StrokesStatus,
    /// Why it does not know the focused application.
    #[serde(default)]
    pub applications_trouble: Option<String>,
    /// Who tells it.
    #[serde(default)]
    pub focus: Option<Backend>,
    #[serde(default)]
    pub layout: Option<LayoutOrigin>,
    /// What it knows of its owner; `None` where recognition is off.
    #[serde(default)]
    pub recognition: Option<RecognitionStatus>,
    /// What it does at an alarm.
    #[serde(default)]
    pub decision: DecisionStatus,
}

/// Asks the agent that writes to this database, if one does.
pub fn ask(database: &Path) -> Option<Running> {
    serde_json::from_value(ask::status(database).ok()?).ok()
}

pub fn finding(running: Option<&Running>, database: &Path) -> Finding {
    let Some(running) = running else { return not_running(database) };
    let (on, off): (Vec<_>, Vec<_>) = running.hardening.measures().into_iter().partition(|&(_, is_on)| is_on);
    let names = |measures: &[(&'static str, bool)]| measures.iter().map(|m| m.0).collect::<Vec<_>>().join(", ");
    let left_out = match off.is_empty() {
        true => String::new(),
        false => format!("; not in force on this kernel: {}", names(&off)),
    };
    Finding::ok("service", format!("the agent is running with {}{left_out}", names(&on)))
}

/// Whose hardened service has this database, if one has.
fn hardened_user(database: &Path) -> Option<&str> {
    database.strip_prefix(HARDENED).ok()?.iter().next()?.to_str()
}

/// Whether the service reads what this command reads: the hardened one reads one file alone.
pub fn reads(source: Option<&Path>, database: &Path) -> bool {
    hardened_user(database).is_none() || source.is_none_or(|path| path == Path::new(HARDENED_CONFIG))
}

pub fn configuration(source: Option<&Path>, database: &Path) -> Finding {
    let Some(path) = source else { return Finding::ok("configuration", "no file: defaults and environment") };
    let shown = path.display();
    if !reads(source, database) {
        let text = format!("{shown} is what this command reads; the hardened service reads {HARDENED_CONFIG} alone");
        return Finding::warning("configuration", text, format!("seclyzer --config {HARDENED_CONFIG} doctor"));
    }
    Finding::ok("configuration", shown.to_string())
}

/// What starts the agent on this database.
pub fn how_to_start(database: &Path) -> String {
    match hardened_user(database) {
        Some(user) => format!("sudo systemctl start seclyzer@{user}"),
        None => "systemctl --user start seclyzer (if it is installed; otherwise `seclyzer install`, or \
                 `seclyzer run` in a terminal)"
            .into(),
    }
}

/// The manager of the service that has this database, as an option of systemctl, and its unit.
fn unit_of(database: &Path) -> (&'static str, String) {
    match hardened_user(database) {
        Some(user) => ("--system", format!("seclyzer@{user}")),
        None => ("--user", "seclyzer".to_owned()),
    }
}

/// How many descriptors the service manager stores for the service, if there is one that says so.
pub fn stored_descriptors(database: &Path) -> Option<u32> {
    let (scope, unit) = unit_of(database);
    let arguments = [scope, "show", "--property=NFileDescriptorStore", "--value", &format!("{unit}.service")];
    let output = Command::new("systemctl").args(arguments).output().ok()?;
    std::str::from_utf8(&output.stdout).ok()?.trim().parse().ok()
}

fn not_running(database: &Path) -> Finding {
    let (scope, unit) = unit_of(database);
    let is_active = Command::new("systemctl").args([scope, "is-active", &format!("{unit}.service")]).output();
    match is_active.as_ref().map(|output| output.stdout.trim_ascii()) {
        Ok(b"failed") => {
            let log = format!("journalctl {scope} -u {unit} -n 20");
            Finding::failure("service", format!("{unit}.service has failed"), log)
        }
        _ => Finding::warning("service", "the agent is not running on this database", how_to_start(database)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::sources::evdev::{Kind, State, Unread};

    #[test]
    fn the_way_to_start_the_agent_goes_by_the_database() {
        let told = how_to_start(Path::new("/var/lib/seclyzer/ann/seclyzer.db"));
        assert_eq!(told, "sudo systemctl start seclyzer@ann");
        let told = how_to_start(Path::new("/home/ann/.local/share/seclyzer/seclyzer.db"));
        assert!(told.starts_with("systemctl --user start seclyzer "), "{told}");
    }

    #[test]
    fn a_configuration_that_the_hardened_service_does_not_read_is_a_warning() {
        let [hardened, own] =
            ["/var/lib/seclyzer/ann/seclyzer.db", "/home/ann/.local/share/seclyzer/seclyzer.db"].map(Path::new);
        let file = Path::new("/home/ann/.config/seclyzer/config.toml");
        let verdict = |source, database| configuration(source, database).verdict;
        assert_eq!(verdict(Some(file), hardened), Verdict::Warning);
        for (source, database) in [(Some(file), own), (Some(Path::new(HARDENED_CONFIG)), hardened), (None, hardened)] {
            assert_eq!(verdict(source, database), Verdict::Ok, "{source:?} {database:?}");
        }
    }

    #[test]
    fn what_the_agent_says_of_its_devices_is_understood() {
        let said = r#"{"version":"1","hardening":{"private_memory":true,"no_core_dumps":true,"no_new_privileges":true,
            "landlock_files":true,"landlock_tcp":false},"devices":[
            {"path":"/dev/input/event0","name":"Keyboard","bus":17,"vendor":1,"product":1,"uniq":"","kinds":["keyboard"],
             "virtual":false,"state":"read"},
            {"path":"/dev/input/event1","name":"Lid","bus":25,"vendor":0,"product":5,"uniq":"","kinds":[],
             "virtual":false,"state":"unread","reason":"no_input"}]}"#;
        let running: Running = serde_json::from_str(said).expect("a status");
        assert_eq!((&running.devices[0].state, &running.devices[0].kinds[..]), (&State::Read, &[Kind::Keyboard][..]));
        assert_eq!(running.devices[1].state, State::Unread(Unread::NoInput));
        let told = finding(Some(&running), Path::new("/d/seclyzer.db"));
        assert!(told.text.ends_with("; not in force on this kernel: Landlock for TCP"), "{}", told.text);
    }
}
