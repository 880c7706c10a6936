//! Installing into a folder that stands for the machine's root, and taking it back.

use seclyzer::install::apply::{apply, read_manifest, take_back};
use seclyzer::install::hands::Hands;
use seclyzer::install::plan::plan;
use seclyzer::install::{Account, InstallError, Manifest, Step, System, Way};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use tempfile::TempDir;

/// A machine with the account `ann`, on which commands are noted and not run.
struct Machine {
    root: TempDir,
    system: System,
    commands: Vec<String>,
}

impl Machine {
    fn new() -> Machine {
        let root = tempfile::tempdir().expect("a folder");
        let own = fs::metadata(root.path()).expect("a folder of ours");
        let account = Account {
            name: "ann".into(),
            uid: own.uid(),
            gid: own.gid(),
            home: "/home/ann".into(),
            config_home: "/home/ann/.config".into(),
        };
        let executable = root.path().join("download/seclyzer");
        let system = System { root: root.path().into(), account, executable, is_member: false };
        let mut machine = Machine { root, system, commands: Vec::new() };
        machine.put("/download/seclyzer", "version 1");
        machine.put("/home/ann/.profile", "");
        machine
    }

    fn put(&mut self, path: &str, text: &str) {
        let place = self.system.at(Path::new(path));
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(place, text).expect("a file");
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.system.at(Path::new(path))).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn manifest(&self, way: Way) -> Manifest {
        read_manifest(&self.system, &self.system.manifest_path(way)).expect("a manifest")
    }

    /// Installs; how many steps that took. Commands with this word fail.
    fn install(&mut self, way: Way, failing: &str) -> Result<usize, InstallError> {
        let plan = plan(way, &self.system);
        let steps = self.system.missing(&plan.steps).expect("readable");
        let mut manifest = self.manifest(way);
        let commands = &mut self.commands;
        let mut run = |words: &[String], _: &[u8]| {
            commands.push(words.join(" "));
            if words.contains(&failing.to_owned()) { Err(io::Error::other("refused")) } else { Ok(()) }
        };
        let mut hands = Hands { is_root: true, run: &mut run };
        apply(&steps, &self.system, &mut hands, &self.system.manifest_path(way), &mut manifest)?;
        self.system.is_member |= way == Way::User;
        Ok(steps.len())
    }

    fn uninstall(&mut self, way: Way) {
        let changes = self.manifest(way).changes;
        let commands = &mut self.commands;
        let mut run = |words: &[String], _: &[u8]| {
            commands.push(words.join(" "));
            Ok(())
        };
        let mut hands = Hands { is_root: true, run: &mut run };
        fs::remove_file(self.system.at(&self.system.manifest_path(way))).expect("a manifest");
        assert_eq!(take_back(&changes, &self.system, &mut hands), [] as [String; 0]);
    }

    /// Every path, and what is there.
    fn everything(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let metadata = path.symlink_metadata().expect("there");
                let what = if metadata.is_dir() {
                    folders.push(path.clone());
                    "folder".into()
                } else if metadata.is_symlink() {
                    format!("-> {}", fs::read_link(&path).expect("a link").display())
                } else {
                    fs::read_to_string(&path).expect("a text")
                };
                found.insert(path.display().to_string(), format!("{:o} {what}", metadata.mode()));
            }
        }
        found
    }
}

const WAYS: [Way; 2] = [Way::User, Way::Hardened];

#[test]
fn an_installation_is_taken_back_without_a_trace() {
    for way in WAYS {
        let mut machine = Machine::new();
        let before = machine.everything();
        machine.install(way, "").expect("installed");
        assert_ne!(machine.everything(), before);
        machine.uninstall(way);
        assert_eq!(machine.everything(), before, "{way:?}");
    }
}

#[test]
fn the_document_names_every_file_of_an_installation() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/installing.md")).expect("a document");
    let table =
        document.split("## What is changed").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a table");
    for way in WAYS {
        let system = Machine::new().system;
        let paths = plan(way, &system).steps.into_iter().filter_map(|step| match step {
            Step::File { path, .. } | Step::Link { path, .. } | Step::OwnFolder { path } => Some(path),
            Step::Membership => None,
        });
        for path in paths.chain([system.manifest_path(way)]) {
            let path = path.display().to_string().replace("/home/ann", "~").replace("ann", "USER");
            assert!(table.contains(&format!("`{path}`")), "{way:?}: {path} is not in docs/installing.md");
        }
    }
}

#[test]
fn only_the_user_way_makes_the_account_a_member_of_the_group() {
    let mut machine = Machine::new();
    machine.install(Way::User, "").expect("installed");
    machine.uninstall(Way::User);
    assert_eq!(machine.commands, ["usermod -aG input ann", "gpasswd -d ann input"]);
    let mut machine = Machine::new();
    machine.install(Way::Hardened, "").expect("installed");
    assert_eq!(machine.commands, [] as [&str; 0]);
}

#[test]
fn a_member_before_is_a_member_after() {
    let mut machine = Machine::new();
    machine.system.is_member = true;
    machine.install(Way::User, "").expect("installed");
    machine.uninstall(Way::User);
    assert_eq!(machine.commands, [] as [&str; 0]);
}

#[test]
fn a_second_installation_changes_nothing() {
    for way in WAYS {
        let mut machine = Machine::new();
        machine.install(way, "").expect("installed");
        let first = machine.everything();
        assert_eq!(machine.install(way, "").expect("installed"), 0, "{way:?}");
        assert_eq!(machine.everything(), first);
    }
}

#[test]
fn an_upgrade_replaces_the_program_and_keeps_configuration_and_data() {
    let mut machine = Machine::new();
    let before = machine.everything();
    machine.install(Way::User, "").expect("installed");
    let kept = ["/home/ann/.config/seclyzer/config.toml", "/home/ann/.local/share/seclyzer/seclyzer.db"];
    kept.iter().for_each(|path| machine.put(path, "mine"));
    machine.put("/download/seclyzer", "version 2");
    assert_eq!(machine.install(Way::User, "").expect("upgraded"), 1);
    assert_eq!(machine.text("/home/ann/.local/bin/seclyzer"), "version 2");
    machine.uninstall(Way::User);
    kept.iter().for_each(|path| assert_eq!(machine.text(path), "mine"));
    for path in kept {
        let place = machine.system.at(Path::new(path));
        fs::remove_dir_all(place.parent().expect("a folder")).expect("removed");
    }
    // Folders that data is in stay, and so do those above them.
    fs::remove_dir_all(machine.system.at(Path::new("/home/ann/.config"))).expect("removed");
    fs::remove_dir_all(machine.system.at(Path::new("/home/ann/.local"))).expect("removed");
    machine.put("/download/seclyzer", "version 1");
    assert_eq!(machine.everything(), before);
}

#[test]
fn what_stood_in_a_file_s_place_comes_back() {
    let mut machine = Machine::new();
    machine.put("/usr/local/bin/seclyzer", "another program of that name");
    let before = machine.everything();
    machine.install(Way::Hardened, "").expect("installed");
    machine.put("/download/seclyzer", "version 2");
    machine.install(Way::Hardened, "").expect("upgraded");
    assert_eq!(machine.text("/usr/local/bin/seclyzer"), "version 2");
    machine.uninstall(Way::Hardened);
    machine.put("/download/seclyzer", "version 1");
    assert_eq!(machine.everything(), before);
}

#[test]
fn a_failure_leaves_everything_as_it_was() {
    let mut machine = Machine::new();
    let before = machine.everything();
    let error = machine.install(Way::User, "usermod").expect_err("refused");
    assert_eq!(error.to_string(), "add ann to the group input (as root): refused");
    assert_eq!(machine.everything(), before);

    // A file stands where a folder has to be, after the account has joined the group.
    machine.put("/home/ann/.config/autostart", "a file");
    let before = machine.everything();
    machine.commands.clear();
    machine.install(Way::User, "").expect_err("no folder");
    assert_eq!(machine.everything(), before);
    assert_eq!(machine.commands, ["usermod -aG input ann", "gpasswd -d ann input"]);
}

#[test]
fn a_failed_upgrade_leaves_the_old_version_in_place() {
    let mut machine = Machine::new();
    machine.install(Way::User, "").expect("installed");
    machine.system.is_member = false;
    machine.put("/etc/udev/rules.d/72-seclyzer.rules", "an older version's");
    let before = machine.everything();
    machine.install(Way::User, "usermod").expect_err("refused");
    assert_eq!(machine.everything(), before);
}

#[test]
fn without_being_root_only_root_s_things_are_done_with_sudo() {
    let mut machine = Machine::new();
    // The rule's folder is there, as on every machine with udev.
    fs::create_dir_all(machine.system.at(Path::new("/etc/udev/rules.d"))).expect("a folder");
    let plan = plan(Way::User, &machine.system);
    let steps = machine.system.missing(&plan.steps).expect("readable");
    let mut asked = Vec::new();
    let mut run = |words: &[String], input: &[u8]| {
        asked.push((words.join(" "), input.len()));
        Ok(())
    };
    let mut hands = Hands { is_root: false, run: &mut run };
    let path = machine.system.manifest_path(Way::User);
    apply(&steps, &machine.system, &mut hands, &path, &mut Manifest::default()).expect("installed");
    let rule = machine.system.at(Path::new("/etc/udev/rules.d/72-seclyzer.rules"));
    let text = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/udev/72-seclyzer.rules")).expect("the rules");
    let writing = format!("sudo install -m 0644 /dev/stdin {}", rule.display());
    assert_eq!(asked, [(writing, text.len()), ("sudo usermod -aG input ann".to_owned(), 0)]);
    machine.commands.clear();
}

#[test]
fn the_hardened_program_may_be_run_but_not_read() {
    let mut machine = Machine::new();
    machine.install(Way::Hardened, "").expect("installed");
    let program = machine.system.at(Path::new("/usr/local/bin/seclyzer"));
    assert_eq!(fs::metadata(program).expect("there").permissions().mode() & 0o777, 0o711);
    let state = machine.system.at(Path::new("/var/lib/seclyzer/ann"));
    assert_eq!(fs::metadata(state).expect("there").permissions().mode() & 0o777, 0o700);
}
