//! The extension by which GNOME Shell tells which application has the focus. There are two of them, since older versions of
//! the shell take another kind; each version takes the one that fits, and leaves the other alone.

use super::{Command, Contents, Step, System, Way};
use crate::sources::focus::gnome::{NEW, OLD};
use std::path::{Path, PathBuf};

/// Where there is none, no shell is installed.
const SHELL: &str = "/usr/share/gnome-shell";
const FILES: [(&str, [(&str, &str); 2]); 2] = [
    (
        NEW,
        [
            ("metadata.json", include_str!("../../packaging/gnome/seclyzer@seclyzer.org/metadata.json")),
            ("extension.js", include_str!("../../packaging/gnome/seclyzer@seclyzer.org/extension.js")),
        ],
    ),
    (
        OLD,
        [
            ("metadata.json", include_str!("../../packaging/gnome/seclyzer-43@seclyzer.org/metadata.json")),
            ("extension.js", include_str!("../../packaging/gnome/seclyzer-43@seclyzer.org/extension.js")),
        ],
    ),
];

/// Whether GNOME Shell is installed.
pub fn has_shell(system: &System) -> bool {
    system.at(Path::new(SHELL)).is_dir()
}

/// The files of both.
pub(super) fn steps(way: Way, system: &System) -> Vec<Step> {
    let data = match way {
        Way::User => system.account.home.join(".local/share"),
        Way::Hardened => PathBuf::from("/usr/local/share"),
    };
    let place = |uuid: &str, name: &str| data.join("gnome-shell/extensions").join(uuid).join(name);
    let files = FILES.iter().flat_map(|(uuid, files)| files.iter().map(move |(name, text)| (*uuid, *name, *text)));
    let file = |(uuid, name, text): (&str, &str, &str)| Step::File {
        path: place(uuid, name),
        contents: Contents::Text(text.to_owned()),
        mode: 0o644,
    };
    files.map(file).collect()
}

/// Has the shell of this session forget that it was enabled.
pub(super) fn disable(system: &System) -> Vec<Command> {
    let disable = |uuid| Command::own(&format!("gnome-extensions disable {uuid}")).that_may_fail();
    if has_shell(system) { [NEW, OLD].map(disable).into() } else { Vec::new() }
}

/// What is left to do for whoever has the shell: it looks for extensions when it begins, and begins none unasked.
pub fn what_now() -> String {
    format!(
        "So that GNOME Shell tells which application has the focus, log out and in once (one login is enough for all), then \
         run in the GNOME session:\n  \
         gnome-extensions enable {NEW}      (in GNOME 43 and 44: {OLD})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without what a version of the shell has other than the other one.
    fn common(text: &str) -> String {
        let is_import = |line: &&str| {
            line.starts_with("import ") || (line.starts_with("const ") && line.contains("imports.")) || line.is_empty()
        };
        let text = text
            .replace("export default class", "class")
            .replace("function init() {\n    return new Focus();\n}\n", "");
        text.lines().filter(|line| !is_import(line)).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn the_two_extensions_differ_in_nothing_but_how_they_are_loaded() {
        let [new, old] = FILES.map(|(_, [_, (_, script)])| common(script));
        assert!(new.lines().count() > 50 && new == old);
    }

    #[test]
    fn each_says_its_name_and_the_versions_that_take_its_kind_and_stays_enabled_at_the_lock_screen() {
        let metadata = FILES.map(|(uuid, [(_, metadata), _])| {
            let metadata: serde_json::Value = serde_json::from_str(metadata).expect("JSON");
            assert_eq!(metadata["uuid"], uuid);
            assert_eq!(metadata["session-modes"], serde_json::json!(["user", "unlock-dialog"]));
            metadata["shell-version"].clone()
        });
        assert_eq!(metadata[0], serde_json::json!(["45", "46", "47", "48", "49", "50"]));
        assert_eq!(metadata[1], serde_json::json!(["43", "44"]));
    }

    #[test]
    fn it_exports_nothing_and_reads_no_title_and_no_key() {
        for (_, [_, (_, script)]) in FILES {
            for forbidden in ["export(", "wrapJSObject", "own_name", "title", "key-press", "captured-event", "get_pid"]
            {
                assert!(!script.split("\n\n").skip(1).any(|part| part.contains(forbidden)), "{forbidden}");
            }
        }
    }
}
