//! Installing into a folder that stands for the machine's root, and taking it back.

#[path = "install/machine.rs"]
mod machine;

use machine::{Machine, as_root, install};
use seclyzer::install::apply::apply;
use seclyzer::install::hands::Hands;
use seclyzer::install::plan::plan;
use seclyzer::install::running::Holder;
use seclyzer::install::{InstallError, Manifest, Step, Way};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;

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
        let mut machine = Machine::new();
        machine.put("/usr/share/gnome-shell/gnome-shell-theme.gresource", "");
        let system = &machine.system;
        let paths = plan(way, system).steps.into_iter().filter_map(|step| match step {
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
    assert_eq!(machine.about_the_group(), ["gpasswd -a ann input", "sudo gpasswd -d ann input"]);
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
    assert_eq!(machine.about_the_group(), [] as [&str; 0]);
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
fn the_second_program_is_installed_and_removed_with_the_first_where_it_is_beside_it() {
    for (way, path) in WAYS.into_iter().zip(["/home/ann/.local/bin/seclyzer-view", "/usr/local/bin/seclyzer-view"]) {
        let mut machine = Machine::new();
        machine.install(way, "").expect("installed");
        assert!(!machine.is_there(path));
        machine.put("/download/seclyzer-view", "view 1");
        assert_eq!(machine.install(way, "").expect("upgraded"), 1, "{way:?}");
        assert_eq!(machine.text(path), "view 1");
        let mode = fs::metadata(machine.system.at(Path::new(path))).expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
        machine.uninstall(way);
        assert!(!machine.is_there(path));
    }
}

#[test]
fn where_there_is_gnome_shell_its_extension_is_installed_and_removed_and_nowhere_else() {
    let ways = [(Way::User, "/home/ann/.local/share/gnome-shell"), (Way::Hardened, "/usr/local/share/gnome-shell")];
    for (way, place) in ways {
        let mut machine = Machine::new();
        machine.install(way, "").expect("installed");
        assert!(!machine.is_there(place));
        machine.put("/usr/share/gnome-shell/gnome-shell-theme.gresource", "");
        assert_eq!(machine.install(way, "").expect("installed"), 4, "{way:?}");
        for uuid in ["seclyzer@seclyzer.org", "seclyzer-43@seclyzer.org"] {
            let metadata = machine.text(&format!("{place}/extensions/{uuid}/metadata.json"));
            assert!(metadata.contains(&format!("\"uuid\": \"{uuid}\"")), "{metadata}");
            assert!(machine.text(&format!("{place}/extensions/{uuid}/extension.js")).contains("enable()"));
        }
        machine.uninstall(way);
        assert!(!machine.is_there(place), "{way:?}");
    }
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
    let error = machine.install(Way::User, "gpasswd").expect_err("refused");
    assert_eq!(error.to_string(), "add ann to the group input (as root): refused");
    assert_eq!(machine.everything(), before);

    // A file stands where a folder has to be, after the account has joined the group.
    machine.put("/home/ann/.config/autostart", "a file");
    let before = machine.everything();
    machine.commands.clear();
    machine.install(Way::User, "").expect_err("no folder");
    assert_eq!(machine.everything(), before);
    assert_eq!(machine.commands, ["gpasswd -a ann input", "gpasswd -d ann input"]);
}

#[test]
fn a_failed_upgrade_leaves_the_old_version_in_place() {
    let mut machine = Machine::new();
    machine.install(Way::User, "").expect("installed");
    machine.system.is_member = false;
    machine.put("/etc/udev/rules.d/72-seclyzer.rules", "an older version's");
    let before = machine.everything();
    machine.install(Way::User, "gpasswd").expect_err("refused");
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
    assert_eq!(asked, [(writing, text.len()), ("sudo gpasswd -a ann input".to_owned(), 0)]);
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

#[test]
fn a_refused_password_leaves_the_program_that_can_try_again() {
    let mut machine = Machine::new();
    let before = machine.everything();
    machine.install(Way::User, "").expect("installed");
    let installed = machine.everything();
    machine.commands.clear();
    let error = machine.try_to_uninstall(Way::User, "gpasswd").expect_err("refused");
    assert!(error.to_string().starts_with("take ann out of the group input: refused; "), "{error}");
    assert_eq!(machine.commands, ["sudo gpasswd -d ann input"], "no other password is asked for");
    assert_eq!(machine.everything(), installed);

    machine.try_to_uninstall(Way::User, "rm").expect_err("refused");
    assert!(machine.is_there("/home/ann/.local/bin/seclyzer"));
    machine.commands.clear();
    machine.uninstall(Way::User);
    assert_eq!(machine.about_the_group(), [] as [&str; 0], "the group is left only once");
    assert_eq!(machine.everything(), before);
}

#[test]
fn the_program_is_the_last_file_that_goes() {
    let mut machine = Machine::new();
    machine.install(Way::Hardened, "").expect("installed");
    machine.commands.clear();
    machine.uninstall(Way::Hardened);
    let removed: Vec<_> = machine.commands.iter().filter(|command| command.starts_with("sudo rm -f")).collect();
    let [.., program, record] = removed.as_slice() else { panic!("{removed:?}") };
    assert!(program.ends_with("/usr/local/bin/seclyzer") && record.ends_with("/installed.json"), "{removed:?}");
}

/// Installs until the command of this number, which still `is_run` or not; whether it came to that.
fn install_until(machine: &Machine, way: Way, number: usize, is_run: bool) -> bool {
    let mut count = 0;
    let mut run = |words: &[String], input: &[u8]| {
        count += 1;
        if count <= number || is_run {
            as_root(words, input)?;
        }
        if count > number { panic::resume_unwind(Box::new("killed")) } else { Ok(()) }
    };
    let mut hands = Hands { is_root: false, run: &mut run };
    let end = panic::catch_unwind(AssertUnwindSafe(|| install(&machine.system, way, &mut hands).expect("installed")));
    end.is_err_and(|why| why.downcast_ref() == Some(&"killed") || panic::resume_unwind(why))
}

#[test]
fn whatever_interrupts_an_installation_it_can_be_taken_back() {
    for way in WAYS {
        for is_run in [false, true] {
            let count = (0..).take_while(|&number| check_interrupted(way, number, is_run)).count();
            assert!(count > 1, "{way:?}");
        }
    }
}

/// Requires that nothing stays of an installation that this has interrupted, nor of a second one that goes on; whether
/// it came to that.
fn check_interrupted(way: Way, number: usize, is_run: bool) -> bool {
    let mut was_interrupted = false;
    for goes_on in [false, true] {
        let mut machine = Machine::new();
        machine.put("/usr/local/bin/seclyzer", "another program of that name");
        machine.put("/etc/udev/rules.d/72-seclyzer.rules", "another rule");
        let before = machine.everything();
        was_interrupted = install_until(&machine, way, number, is_run);
        machine.system.is_member = way == Way::User;
        if goes_on {
            machine.install(way, "").expect("installed");
        }
        let record = machine.system.at(&machine.system.manifest_path(way));
        if record.exists() {
            machine.uninstall(way);
        }
        // What was to become the record may stay, with its folders, from before there was one.
        let new = record.with_extension("new");
        let mut after = machine.everything();
        after.retain(|path, _| before.contains_key(path) || !new.starts_with(path));
        assert_eq!(after, before, "{way:?}, interrupted at {number}, {is_run}, {goes_on}");
    }
    was_interrupted
}

#[test]
fn whatever_interrupts_an_upgrade_it_can_be_taken_back() {
    let mut number = 0;
    loop {
        let mut machine = Machine::new();
        machine.put("/usr/local/bin/seclyzer", "another program of that name");
        let before = machine.everything();
        machine.install(Way::Hardened, "").expect("installed");
        machine.put("/download/seclyzer", "version 2");
        let was_interrupted = install_until(&machine, Way::Hardened, number, true);
        machine.uninstall(Way::Hardened);
        machine.put("/download/seclyzer", "version 1");
        assert_eq!(machine.everything(), before, "interrupted at {number}");
        if !was_interrupted {
            break;
        }
        number += 1;
    }
    assert!(number > 1);
}

#[test]
fn while_an_agent_runs_nothing_is_removed() {
    for (way, lock) in [
        (Way::User, "/home/ann/.local/share/seclyzer/seclyzer.db.lock"),
        (Way::Hardened, "/var/lib/seclyzer/bob/seclyzer.db.lock"),
    ] {
        let mut machine = Machine::new();
        machine.install(way, "").expect("installed");
        machine.put(lock, "");
        let place = machine.system.at(Path::new(lock));
        let mut file = fs::File::options().write(true).open(&place).expect("a file");
        file.lock().expect("locked");
        write!(file, "4711").expect("written");
        machine.commands.clear();
        let before = machine.everything();
        let error = machine.try_to_uninstall(way, "").expect_err("it runs");
        assert!(matches!(error, InstallError::Running { who: Holder { pid: Some(4711) } }), "{error}");
        assert_eq!(machine.everything(), before);
        drop(file);
        machine.uninstall(way);
    }
}

#[test]
fn folders_that_root_makes_are_open_to_all_whatever_the_umask_says() {
    let me = std::env::current_exe().expect("a program");
    let script = "umask 077; exec \"$0\" --ignored --exact under_this_umask_root_s_folders_are_open";
    let output = Command::new("sh").args(["-c", script]).arg(me).output().expect("a shell");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
#[ignore = "the test above runs it with another umask"]
fn under_this_umask_root_s_folders_are_open() {
    for (way, path, mode) in [
        (Way::Hardened, "/var/lib/seclyzer", 0o755),
        (Way::Hardened, "/etc/seclyzer", 0o755),
        (Way::Hardened, "/var/lib/seclyzer/ann", 0o700),
        (Way::User, "/etc/udev/rules.d", 0o755),
    ] {
        let mut machine = Machine::new();
        machine.install(way, "").expect("installed");
        let folder = fs::metadata(machine.system.at(Path::new(path))).expect("a folder");
        assert_eq!(folder.permissions().mode() & 0o777, mode, "{path}");
    }
}
