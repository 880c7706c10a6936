//! The Debian package: installed, used, upgraded, removed and purged.

use std::path::PathBuf;

use crate::alice::{Desk, HARDENED, SENTENCE, USER_WAY, Way};
use crate::archive::Import;
use crate::desktop::LIMIT;
use crate::harness::{Guest, KEYBOARD};
use crate::snapshot::Snapshot;

const PACKAGE: &str = "/opt/build/seclyzer.deb";
const NEWER: &str = "/opt/build/newer.deb";
/// The same package under a higher number.
const MAKE_NEWER: &str = "cd /opt/build && dpkg-deb -R seclyzer.deb unpacked \
    && sed -i 's/^Version: .*/Version: 999/' unpacked/DEBIAN/control && dpkg-deb -Znone -b unpacked newer.deb && rm -r unpacked";
const SHOW_VERSION: &str = "dpkg-query -W -f '${Status} ${Version}' seclyzer";
/// What is not as Debian wants it: owners and modes, pages that are not compressed, files in places not for packages.
const MISFITS: &str = "dpkg -L seclyzer | while read -r path; do find \"$path\" -maxdepth 0 \\( ! -user root -o ! -group root \
    -o -perm /022 -o -type f -perm /111 ! -path '/usr/bin/seclyzer*' -o -path '/usr/share/man/*' -type f ! -name '*.gz' \
    -o -path '/usr/local*' -o -path '/opt*' -o -path '/home*' -o -path '/var*' \\); done; dpkg --verify seclyzer";

fn package() -> Import {
    let path = std::env::var_os("SECLYZER_DEB").expect("SECLYZER_DEB names the package");
    Import::new(PathBuf::from(path), PACKAGE)
}

#[test]
fn the_package_is_installed_upgraded_removed_and_purged_and_then_nothing_of_it_is_left() {
    let mut desk = Desk { guest: Guest::desktop(&[package()]), way: HARDENED };
    desk.guest.run(MAKE_NEWER);
    let before = Snapshot::of(&mut desk.guest);

    desk.run(&format!("sudo apt-get install -y -q {PACKAGE}"));
    check_files(&mut desk.guest);
    let keyboard = desk.guest.node(KEYBOARD);
    desk.guest.poll(&format!("[ \"$(stat -c '%a %G' {keyboard})\" = '640 input' ]"), LIMIT);
    desk.install_hardened("seclyzer");
    let unit = desk.property("FragmentPath");
    assert!(unit.ends_with("/lib/systemd/system/seclyzer@.service"), "the package's unit, not {unit}");
    desk.check_hardening();
    desk.check_own_account();
    desk.guest.click_into("editor");
    desk.type_and_be_heard(SENTENCE);
    desk.await_row("SELECT 1 FROM keystroke_features LIMIT 1");
    desk.run("sudo sh -c 'echo [redis] >/etc/seclyzer/config.toml'");

    let (pid, records) = (desk.property("MainPID"), desk.count("true"));
    desk.run(&format!("sudo apt-get install -y -q {NEWER}"));
    assert_eq!(desk.guest.run(SHOW_VERSION), "install ok installed 999");
    desk.await_agent();
    assert_ne!(desk.property("MainPID"), pid, "the newer one runs");
    assert!(desk.count("true") >= records, "the records are still there");

    // Without `seclyzer uninstall`, which the documentation asks for.
    desk.run("sudo apt-get remove -y -q seclyzer");
    desk.guest.poll("! pgrep -x seclyzer", LIMIT);
    assert_eq!(desk.guest.run("systemctl --failed --no-legend; ls /usr/bin | grep seclyzer || true"), "");
    assert_eq!(desk.guest.run("cat /etc/seclyzer/config.toml"), "[redis]");
    assert!(desk.count("true") >= records, "the records outlive the program");
    before.check_accounts(&mut desk.guest);

    desk.run("sudo apt-get purge -y -q seclyzer");
    // The manager of alice's sessions reads its units anew in its own time.
    desk.guest.poll("! ls /run/user/*/systemd/generator.late/*seclyzer*", LIMIT);
    before.check_left(&mut desk.guest, |_| false);
}

#[test]
fn removing_the_package_takes_along_what_an_account_has_installed_of_it() {
    let way = Way { program: "seclyzer", ..USER_WAY };
    let mut desk = Desk { guest: Guest::desktop(&[package()]), way };
    let before = Snapshot::of(&mut desk.guest);
    desk.run(&format!("sudo apt-get install -y -q {PACKAGE}"));
    desk.run("seclyzer install");
    desk.guest.log_out();
    desk.guest.log_in();
    desk.await_agent();
    desk.check_hardening();
    desk.run("sudo apt-get purge -y -q seclyzer");
    desk.guest.poll("! pgrep -x seclyzer", LIMIT);
    desk.guest.poll("! ls /run/user/*/systemd/generator.late/*seclyzer*", LIMIT);
    before.check_left(&mut desk.guest, |path| path.starts_with("/home/alice/.local/share/"));
}

/// Program, units, rule, pages and completions are where they belong and as they should be.
fn check_files(guest: &mut Guest) {
    for path in [
        "/usr/bin/seclyzer",
        "/usr/bin/seclyzer-view",
        "/usr/lib/systemd/user/seclyzer.service",
        "/usr/lib/udev/rules.d/72-seclyzer.rules",
        "/usr/share/gnome-shell/extensions/seclyzer@seclyzer.org/metadata.json",
        "/usr/share/gnome-shell/extensions/seclyzer@seclyzer.org/extension.js",
        "/usr/share/gnome-shell/extensions/seclyzer-43@seclyzer.org/metadata.json",
        "/usr/share/gnome-shell/extensions/seclyzer-43@seclyzer.org/extension.js",
        "/usr/share/bash-completion/completions/seclyzer",
        "/usr/share/zsh/vendor-completions/_seclyzer",
        "/usr/share/fish/vendor_completions.d/seclyzer.fish",
        "/usr/share/doc/seclyzer/copyright",
        "/usr/share/doc/seclyzer/changelog.gz",
        "/usr/share/doc/seclyzer/examples/consumers/count_stream.py",
        "/usr/share/doc/seclyzer/examples/consumers/query.py",
        "/usr/share/doc/seclyzer/examples/consumers/requirements.txt",
        "/usr/share/doc/seclyzer/examples/consumers/subscribe.py",
        "/usr/share/doc/seclyzer/examples/consumers/train.py",
        "/usr/share/doc/seclyzer/grafana/dashboards/influxql.json",
        "/usr/share/doc/seclyzer/grafana/dashboards/flux.json",
        "/usr/share/doc/seclyzer/grafana/dashboards/victoriametrics.json",
        "/usr/share/doc/seclyzer/grafana/provisioning/dashboards/seclyzer.yaml",
        "/usr/share/doc/seclyzer/grafana/provisioning/datasources/seclyzer-influxql.yaml",
        "/usr/share/doc/seclyzer/grafana/provisioning/datasources/seclyzer-flux.yaml",
        "/usr/share/doc/seclyzer/grafana/provisioning/datasources/seclyzer-victoriametrics.yaml",
    ] {
        guest.run(&format!("[ -s {path} ]"));
    }
    assert_eq!(guest.run(MISFITS), "");
    assert_eq!(guest.run("stat -c %a /usr/bin/seclyzer"), "711", "who may read it may trace it");
    let commands = "seclyzer --help | sed -n '/^Commands:/,/^$/s/^  \\([a-z]*\\) .*/\\1/p' | grep -vx help";
    let commands: Vec<String> = guest.run(commands).lines().map(str::to_owned).collect();
    assert!(commands.contains(&"install".into()), "{commands:?}");
    for page in commands.iter().map(|command| format!("seclyzer-{command}")).chain(["seclyzer".into()]) {
        guest.run(&format!("zcat /usr/share/man/man1/{page}.1.gz | grep -q '^.TH {page} 1'"));
    }
    let completion = ". /usr/share/bash-completion/completions/seclyzer && complete -p seclyzer";
    assert!(guest.run(&format!("bash -c '{completion}'")).contains("seclyzer"));
    let [shells, verified] = [
        "bash -n /usr/share/bash-completion/completions/seclyzer && head -n 1 /usr/share/zsh/vendor-completions/_seclyzer",
        "systemd-analyze verify --man=no /usr/lib/systemd/system/seclyzer@.path 2>&1",
    ]
    .map(|command| guest.run(command));
    assert_eq!(shells, "#compdef seclyzer");
    assert_eq!(verified, "");
}
