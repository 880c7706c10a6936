//! A folder that stands for a machine's root.

use seclyzer::install::apply::apply;
use seclyzer::install::hands::Hands;
use seclyzer::install::plan::plan;
use seclyzer::install::undo::uninstall;
use seclyzer::install::{Account, InstallError, Manifest, System, Undo, Way, manifest};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tempfile::TempDir;

/// A machine with the account `ann`, on which commands are noted and not run.
pub struct Machine {
    root: TempDir,
    pub system: System,
    pub commands: Vec<String>,
}

impl Machine {
    pub fn new() -> Machine {
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

    pub fn put(&mut self, path: &str, text: &str) {
        let place = self.system.at(Path::new(path));
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::write(place, text).expect("a file");
    }

    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.system.at(Path::new(path))).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn manifest(&self, way: Way) -> Manifest {
        manifest::read(&self.system, &self.system.manifest_path(way)).expect("a manifest")
    }

    /// Installs; how many steps that took. Commands with this word fail.
    pub fn install(&mut self, way: Way, failing: &str) -> Result<usize, InstallError> {
        let commands = &mut self.commands;
        let mut run = |words: &[String], _: &[u8]| {
            commands.push(words.join(" "));
            if words.contains(&failing.to_owned()) { Err(io::Error::other("refused")) } else { Ok(()) }
        };
        let steps = install(&self.system, way, &mut Hands { is_root: true, run: &mut run })?;
        self.system.is_member |= way == Way::User;
        Ok(steps)
    }

    /// Uninstalls without being root. Commands with this word fail.
    pub fn try_to_uninstall(&mut self, way: Way, failing: &str) -> Result<(), InstallError> {
        let changes = self.manifest(way).changes;
        let is_leaving = |change: &Undo| matches!(change, Undo::Leave { .. });
        let changes = changes.into_iter().filter(|change| self.system.is_member || !is_leaving(change)).collect();
        let commands = &mut self.commands;
        let mut run = |words: &[String], input: &[u8]| {
            commands.push(words.join(" "));
            if words.contains(&failing.to_owned()) { Err(io::Error::other("refused")) } else { as_root(words, input) }
        };
        let mut hands = Hands { is_root: false, run: &mut run };
        let troubles = uninstall(way, &Manifest { changes }, &[], &self.system, &mut hands)?;
        assert_eq!(troubles, [] as [String; 0]);
        self.system.is_member &= !commands.iter().any(|command| command.contains("gpasswd -d"));
        Ok(())
    }

    pub fn uninstall(&mut self, way: Way) {
        self.try_to_uninstall(way, "").expect("uninstalled");
    }

    pub fn about_the_group(&self) -> Vec<&str> {
        self.commands.iter().map(String::as_str).filter(|command| command.contains("gpasswd")).collect()
    }

    pub fn is_there(&self, path: &str) -> bool {
        self.system.at(Path::new(path)).exists()
    }

    /// Every path, and what is there.
    pub fn everything(&self) -> BTreeMap<String, String> {
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

pub fn install(system: &System, way: Way, hands: &mut Hands<'_>) -> Result<usize, InstallError> {
    let plan = plan(way, system);
    let steps = system.missing(&plan.steps).expect("readable");
    let path = system.manifest_path(way);
    let mut manifest = manifest::read(system, &path).expect("a manifest");
    apply(&steps, system, hands, &path, &mut manifest)?;
    Ok(steps.len())
}

/// What sudo would do; nobody joins or leaves a group.
pub fn as_root(words: &[String], input: &[u8]) -> io::Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut own = Hands { is_root: true, run: &mut |_: &[String], _: &[u8]| Ok(()) };
    match words[1..] {
        ["gpasswd", ..] => Ok(()),
        ["install", "-m", mode, "/dev/stdin", path] => {
            own.write(Path::new(path), input, u32::from_str_radix(mode, 8).expect("a mode"), true)
        }
        ["ln", "-s", target, path] => own.link(Path::new(path), Path::new(target), true),
        ["mv", "-T", from, to] => own.rename(Path::new(from), Path::new(to), true),
        ["rm", "-f", path] => own.remove(Path::new(path), true),
        ["mkdir", "-m", "0755", path] => own.make_folder(Path::new(path), true),
        ["rmdir", "--ignore-fail-on-non-empty", path] => own.remove_folder(Path::new(path), true),
        _ => panic!("what is {words:?}?"),
    }
}
