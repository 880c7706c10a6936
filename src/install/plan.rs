//! What an installation consists of.

use super::{Command, Contents, Step, System, VIEW, Way, gnome};
use std::path::{Path, PathBuf};

const RULES: &str = include_str!("../../udev/72-seclyzer.rules");
const USER_UNITS: [(&str, &str); 3] = [
    ("seclyzer.service", include_str!("../../systemd/seclyzer.service")),
    ("seclyzer-lock.path", include_str!("../../systemd/seclyzer-lock.path")),
    ("seclyzer-lock.service", include_str!("../../systemd/seclyzer-lock.service")),
];
const HARDENED_UNITS: [(&str, &str); 5] = [
    ("seclyzer@.service", include_str!("../../systemd/seclyzer@.service")),
    ("seclyzer@.path", include_str!("../../systemd/seclyzer@.path")),
    ("seclyzer-session@.service", include_str!("../../systemd/seclyzer-session@.service")),
    ("seclyzer-lock@.path", include_str!("../../systemd/seclyzer-lock@.path")),
    ("seclyzer-lock@.service", include_str!("../../systemd/seclyzer-lock@.service")),
];
const POLICY: &str = include_str!("../../packaging/polkit/org.seclyzer.policy");
/// Where polkit looks for what it may be asked; older ones look nowhere else.
const POLICIES: &str = "/usr/share/polkit-1/actions";
const ACCOUNT: &str = include_str!("../../packaging/sysusers/seclyzer.conf");
const ACCOUNT_PATH: &str = "/etc/sysusers.d/seclyzer.conf";
const CONFIG: &str = include_str!("../../config/seclyzer.toml");
/// Where a distribution's package puts the program; it brings units and rules along. The units name this path.
const PACKAGED: &str = "/usr/bin/seclyzer";

/// What is to be there, and what is to be run once it is.
#[derive(Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub after: Vec<Command>,
    /// The second program, if there is none to install.
    pub without: Option<Without>,
}

/// A second program that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Without {
    /// Where it would have been copied from.
    pub view: PathBuf,
    /// An earlier copy, which stays; it may be of another version.
    pub earlier: Option<PathBuf>,
}

pub fn plan(way: Way, system: &System) -> Plan {
    let is_packaged = system.executable == Path::new(PACKAGED);
    let mut steps = Vec::new();
    if !is_packaged {
        steps.push(text("/etc/udev/rules.d/72-seclyzer.rules", RULES, 0o644));
        if system.at(Path::new(POLICIES)).is_dir() {
            steps.push(text(Path::new(POLICIES).join("org.seclyzer.policy"), POLICY, 0o644));
        }
        if gnome::has_shell(system) {
            steps.extend(gnome::steps(way, system));
        }
    }
    let after = match way {
        Way::User => {
            user_steps(system, is_packaged, &mut steps);
            vec![
                Command::own("systemctl --user daemon-reload"),
                Command::own("systemctl --user restart seclyzer.service"),
            ]
        }
        Way::Hardened => {
            hardened_steps(system, is_packaged, &mut steps);
            let user = &system.account.name;
            // The package's own has made it.
            let account = (!is_packaged).then(|| Command::root(&format!("systemd-sysusers {ACCOUNT_PATH}")));
            let restart = [
                Command::root("systemctl daemon-reload"),
                Command::root(&format!("systemctl restart seclyzer@{user}.path")),
                // The program is that of all users.
                Command::root("systemctl try-restart seclyzer@*.service"),
            ];
            account.into_iter().chain(restart).chain(reload_session(system)).collect()
        }
    };
    let udev = [
        Command::root("udevadm control --reload"),
        Command::root("udevadm trigger --subsystem-match=input --action=change"),
    ];
    let without = Some(system.view()).filter(|view| !is_packaged && !view.is_file());
    let without = without.map(|view| {
        let earlier = installed_program(way, system).with_file_name(VIEW);
        Without { view, earlier: Some(earlier).filter(|earlier| system.at(earlier).is_file()) }
    });
    Plan { steps, after: udev.into_iter().chain(after).collect(), without }
}

/// Where the program is installed to, where no package has done so.
fn installed_program(way: Way, system: &System) -> PathBuf {
    match way {
        Way::User => system.account.home.join(".local/bin/seclyzer"),
        Way::Hardened => "/usr/local/bin/seclyzer".into(),
    }
}

fn user_steps(system: &System, is_packaged: bool, steps: &mut Vec<Step>) {
    let account = &system.account;
    let units = account.config_home.join("systemd/user");
    let mut unit = PathBuf::from("/usr/lib/systemd/user/seclyzer.service");
    steps.push(Step::Membership);
    if !is_packaged {
        let program = installed_program(Way::User, system);
        unit = units.join("seclyzer.service");
        for (name, unit) in USER_UNITS {
            steps.push(text(units.join(name), &naming(&program, unit), 0o644));
        }
        steps.extend(view_step(&program, system));
        steps.push(Step::File { path: program, contents: Contents::Program, mode: 0o755 });
    }
    let wanted = units.join("graphical-session.target.wants/seclyzer.service");
    steps.push(Step::Link { path: wanted, target: unit });
    // For sessions that never reach graphical-session.target. Nothing ends the agent with such a session, so the one of an
    // earlier session may still run, which knows that one's X server.
    let start = "systemctl --user import-environment DISPLAY XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_TYPE; \
        systemctl --user is-active -q graphical-session.target || systemctl --user stop seclyzer.service; \
        systemctl --user start seclyzer.service";
    steps.push(text(account.config_home.join("autostart/seclyzer.desktop"), &autostart(start), 0o644));
    steps.push(text(account.config_home.join("seclyzer/config.example.toml"), CONFIG, 0o600));
}

fn hardened_steps(system: &System, is_packaged: bool, steps: &mut Vec<Step>) {
    let user = &system.account.name;
    let mut units = Path::new("/usr/lib/systemd/system");
    if !is_packaged {
        units = Path::new("/etc/systemd/system");
        let program = installed_program(Way::Hardened, system);
        for (name, unit) in HARDENED_UNITS {
            steps.push(text(units.join(name), &naming(&program, unit), 0o644));
        }
        steps.extend(view_step(&program, system));
        // A program that may not be read may not be traced either, from its first instruction on: a tracer of the same
        // account would have the group by it.
        steps.push(Step::File { path: program, contents: Contents::Program, mode: 0o711 });
        steps.push(text(ACCOUNT_PATH, ACCOUNT, 0o644));
    }
    let wanted = format!("/etc/systemd/system/multi-user.target.wants/seclyzer@{user}.path");
    steps.push(Step::Link { path: wanted.into(), target: units.join("seclyzer@.path") });
    steps.push(Step::OwnFolder { path: state_folder(user) });
    let path = format!("/etc/xdg/autostart/seclyzer-{user}.desktop");
    steps.push(text(path, &autostart(&tell_session(user)), 0o644));
    steps.push(text("/etc/seclyzer/config.example.toml", CONFIG, 0o644));
}

/// The second program goes beside the first, where it is there. It never has the group, so it may be read.
fn view_step(program: &Path, system: &System) -> Option<Step> {
    let path = program.with_file_name(VIEW);
    system.view().is_file().then_some(Step::File { path, contents: Contents::View, mode: 0o755 })
}

/// The hardened service's database, and what the session says of itself.
pub fn state_folder(user: &str) -> PathBuf {
    Path::new("/var/lib/seclyzer").join(user)
}

/// The shell command with which a session says which X server it has; it starts the hardened agent.
pub fn tell_session(user: &str) -> String {
    let folder = state_folder(user);
    let folder = folder.display();
    format!(
        "test -w {folder} && env | grep -E '^(DISPLAY|XAUTHORITY|XDG_SESSION_TYPE|WAYLAND_DISPLAY)=' > {folder}/session"
    )
}

/// The manager of the user's sessions outlives a logout and knows the autostart files that it has seen last.
fn reload_session(system: &System) -> Option<Command> {
    let account = &system.account;
    let is_running = system.at(Path::new(&format!("/run/user/{}/systemd", account.uid))).exists();
    is_running.then(|| Command::root(&format!("systemctl --user -M {}@ daemon-reload", account.name)))
}

/// What is run first to take an installation away, and what afterwards.
pub fn farewell(way: Way, system: &System) -> [Vec<Command>; 2] {
    // Debian's rules set a node's group when it is added, not when it changes.
    let udev = [
        Command::root("udevadm control --reload"),
        Command::root("udevadm trigger --subsystem-match=input --action=add"),
    ];
    let (before, reload) = match way {
        Way::User => {
            let reload = Command::own("systemctl --user daemon-reload");
            let reset = Command::own("systemctl --user reset-failed seclyzer.service").that_may_fail();
            let reload = [vec![reload, reset], gnome::disable(system)].concat();
            (Command::own("systemctl --user stop seclyzer.service"), reload)
        }
        Way::Hardened => {
            let reload = Command::root("systemctl daemon-reload");
            let reset =
                Command::root("systemctl reset-failed seclyzer@* seclyzer-session@* seclyzer-lock@*").that_may_fail();
            let folder = Command::root("rm -rf /run/seclyzer");
            let account =
                (system.executable != Path::new(PACKAGED)).then(|| Command::root("userdel seclyzer").that_may_fail());
            let reload = [reload, reset, folder].into_iter().chain(account).chain(reload_session(system));
            (Command::root("systemctl stop seclyzer@*.path seclyzer@*.service"), reload.collect())
        }
    };
    [vec![before], udev.into_iter().chain(reload).collect()]
}

fn text(path: impl Into<PathBuf>, contents: &str, mode: u32) -> Step {
    Step::File { path: path.into(), contents: Contents::Text(contents.to_owned()), mode }
}

/// A unit that starts the program from where it is put.
fn naming(program: &Path, unit: &str) -> String {
    unit.replace(PACKAGED, &program.display().to_string())
}

fn autostart(command: &str) -> String {
    format!(
        "[Desktop Entry]\nType=Application\nName=seclyzer\nComment=Behavioural biometrics of this session\n\
         Exec=sh -c \"{command}\"\nNoDisplay=true\nX-GNOME-Autostart-enabled=true\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::Account;
    use super::*;
    use crate::act::ports::Action;

    fn system(executable: &str) -> System {
        let account = Account {
            name: "ann".into(),
            uid: 1000,
            gid: 1000,
            home: "/home/ann".into(),
            config_home: "/home/ann/.config".into(),
        };
        System { root: "/nowhere".into(), account, executable: executable.into(), is_member: false }
    }

    fn paths(plan: &Plan) -> Vec<String> {
        let path = |step: &Step| match step {
            Step::File { path, .. } | Step::Link { path, .. } | Step::OwnFolder { path } => path.display().to_string(),
            Step::Membership => "membership".into(),
        };
        plan.steps.iter().map(path).collect()
    }

    #[test]
    fn the_user_way_changes_root_s_things_for_the_rule_the_group_and_polkit_only() {
        let (_root, system) = with_polkit();
        let plan = plan(Way::User, &system);
        let root_s: Vec<_> = paths(&plan).into_iter().filter(|path| system.is_root_s(Path::new(path))).collect();
        assert_eq!(root_s, ["/etc/udev/rules.d/72-seclyzer.rules", POLICY_PATH, "membership"]);
    }

    const POLICY_PATH: &str = "/usr/share/polkit-1/actions/org.seclyzer.policy";

    fn with_polkit() -> (tempfile::TempDir, System) {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("usr/share/polkit-1/actions")).expect("room");
        let system = System { root: root.path().into(), ..system("/tmp/seclyzer") };
        (root, system)
    }

    #[test]
    fn the_hardened_way_gives_the_account_no_group_and_touches_nothing_in_its_home() {
        let plan = plan(Way::Hardened, &system("/tmp/seclyzer"));
        assert!(!plan.steps.contains(&Step::Membership));
        assert!(paths(&plan).iter().all(|path| !path.starts_with("/home")), "{:?}", paths(&plan));
    }

    #[test]
    fn units_start_the_program_from_where_it_is_put() {
        for (way, program) in [(Way::User, "/home/ann/.local/bin/seclyzer"), (Way::Hardened, "/usr/local/bin/seclyzer")]
        {
            let plan = plan(way, &system("/tmp/seclyzer"));
            let started = plan.steps.iter().find_map(|step| match step {
                Step::File { contents: Contents::Text(text), .. } => {
                    text.lines().find_map(|line| line.strip_prefix("ExecStart=/"))
                }
                _ => None,
            });
            assert!(
                started.is_some_and(|line| format!("/{line}").starts_with(&format!("{program} run"))),
                "{started:?}"
            );
        }
    }

    #[test]
    fn the_second_program_is_installed_where_it_is_there_and_named_with_an_earlier_copy_where_it_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let view = folder.path().join(VIEW);
        let system =
            System { root: folder.path().into(), ..system(folder.path().join("seclyzer").to_str().expect("UTF-8")) };
        let ways = [(Way::User, "/home/ann/.local/bin/seclyzer-view"), (Way::Hardened, "/usr/local/bin/seclyzer-view")];
        for (way, path) in ways {
            let without = |earlier| Some(Without { view: view.clone(), earlier });
            assert_eq!(plan(way, &system).without, without(None));
            let place = system.at(Path::new(path));
            std::fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
            std::fs::write(place, "").expect("an earlier copy");
            assert_eq!(plan(way, &system).without, without(Some(path.into())));
        }
        std::fs::write(&view, "").expect("a program");
        for (way, path) in ways {
            let plan = plan(way, &system);
            assert!(plan.without.is_none() && paths(&plan).contains(&path.into()));
        }
    }

    #[test]
    fn a_package_s_files_are_left_to_the_package() {
        let packaged = plan(Way::User, &system(PACKAGED));
        assert_eq!(packaged.without, None);
        assert!(!paths(&packaged).iter().any(|path| path.contains("/bin/") || path.contains("rules.d")));
        assert!(packaged.steps.iter().any(
            |step| matches!(step, Step::Link { target, .. } if target == Path::new("/usr/lib/systemd/user/seclyzer.service"))
        ));
    }

    #[test]
    fn polkit_is_told_of_the_actions_where_there_is_one() {
        let has_policy = |way, system: &System| paths(&plan(way, system)).contains(&POLICY_PATH.to_owned());
        let (_root, there) = with_polkit();
        for way in [Way::User, Way::Hardened] {
            assert!(!has_policy(way, &system("/tmp/seclyzer")), "there is none");
            assert!(has_policy(way, &there));
        }
        assert!(Action::ALL.iter().all(|action| POLICY.contains(&format!("id=\"{}\"", action.id()))));
    }

    #[test]
    fn the_hardened_service_has_an_account_of_its_own_as_long_as_it_is_installed() {
        let own = system("/tmp/seclyzer");
        let make = Command::root("systemd-sysusers /etc/sysusers.d/seclyzer.conf");
        let plan = plan(Way::Hardened, &own);
        assert!(paths(&plan).contains(&"/etc/sysusers.d/seclyzer.conf".into()));
        let place = |wanted: &Command| plan.after.iter().position(|command| command == wanted);
        let start = Command::root("systemctl restart seclyzer@ann.path");
        assert!(place(&make).is_some_and(|first| Some(first) < place(&start)), "{:?}", plan.after);
        let remove = Command::root("userdel seclyzer").that_may_fail();
        assert!(farewell(Way::Hardened, &own)[1].contains(&remove));
        assert!(!farewell(Way::Hardened, &system(PACKAGED))[1].contains(&remove), "the package's");
    }

    #[test]
    fn an_upgrade_restarts_the_agents_of_all_users() {
        let restart = Command::root("systemctl try-restart seclyzer@*.service");
        assert!(plan(Way::Hardened, &system("/tmp/seclyzer")).after.contains(&restart));
    }

    #[test]
    fn a_session_without_a_target_of_its_own_starts_the_agent_anew() {
        let autostart = plan(Way::User, &system("/tmp/seclyzer")).steps.into_iter().find_map(|step| match step {
            Step::File { path, contents: Contents::Text(text), .. } if path.ends_with("seclyzer.desktop") => Some(text),
            _ => None,
        });
        let stop =
            "is-active -q graphical-session.target || systemctl --user stop seclyzer.service; systemctl --user start";
        assert!(autostart.expect("a file").contains(stop));
    }

    #[test]
    fn leaving_forgets_failures_and_warns_of_none_where_there_were_none() {
        for way in [Way::User, Way::Hardened] {
            let [_, after] = farewell(way, &system("/tmp/seclyzer"));
            let resets: Vec<_> =
                after.iter().filter(|command| command.words.contains(&"reset-failed".into())).collect();
            assert!(resets.len() == 1 && resets[0].may_fail, "{after:?}");
        }
    }

    #[test]
    fn a_manager_of_the_user_s_sessions_that_runs_learns_of_the_autostart_file() {
        let root = tempfile::tempdir().expect("a folder");
        let system = System { root: root.path().into(), ..system("/tmp/seclyzer") };
        let reload = Command::root("systemctl --user -M ann@ daemon-reload");
        assert!(!plan(Way::Hardened, &system).after.contains(&reload), "there is none");
        std::fs::create_dir_all(root.path().join("run/user/1000/systemd")).expect("room");
        assert!(plan(Way::Hardened, &system).after.contains(&reload));
        assert!(farewell(Way::Hardened, &system)[1].contains(&reload));
    }

    #[test]
    fn what_a_session_says_of_itself_needs_no_quoting_in_a_desktop_entry() {
        let line = autostart(&tell_session("ann"));
        let command = line.lines().find_map(|line| line.strip_prefix("Exec=sh -c \"")?.strip_suffix('"'));
        assert!(!command.expect("a command").contains(['"', '`', '$', '\\', '%']));
    }
}
