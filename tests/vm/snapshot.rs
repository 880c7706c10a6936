//! What an installation may leave on a desktop: its files, and who may do what there.

use std::collections::BTreeSet;

use crate::desktop::LIMIT;
use crate::harness::Guest;

/// Everything on the disk that is not somebody else's scratch: who owns it, and who may do what with it.
const FILES: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp \
    -o -path /var/log -o -path /var/lib/systemd -o -path /var/lib/redis -o -path /var/lib/apt -o -path /var/cache \
    -o -path /opt/build -o -path /home/alice/.cache -o -path /home/alice/.local/share/xorg -o -name '.Xauthority*' \
    -o -name '.serverauth*' -o -name '*-' -o -name '*-old' -o -name .bash_history \\) -prune \
    -o ! -type d -printf '%p %M %u:%g\\n' -o -type d -printf '%p/ %M %u:%g\\n'";
/// The same scratch, as far as the agent's name is in it. Unlike logs, which tell what has been.
const NAMED: &str = "find / \\( -path /proc -o -path /sys -o -path /var/log -o -path /run/log -o -path /opt/build \\) -prune \
    -o -iname '*seclyzer*' -print";
/// What decides who may do what.
const ACCOUNTS: &str =
    "cat /etc/passwd /etc/group /etc/gshadow; getfacl -pn /dev/input/event*; stat -c '%A %G' /dev/input/event*";

pub struct Snapshot {
    files: BTreeSet<String>,
    accounts: String,
}

impl Snapshot {
    pub fn of(guest: &mut Guest) -> Snapshot {
        Snapshot { files: files(guest), accounts: guest.run(ACCOUNTS) }
    }

    /// The files that have come since then, or belong to somebody else.
    pub fn added(&self, guest: &mut Guest) -> Vec<String> {
        files(guest).difference(&self.files).map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    /// Requires that accounts, groups and the devices' permissions are as they were.
    pub fn check_accounts(&self, guest: &mut Guest) {
        guest.run("udevadm settle");
        assert_eq!(guest.run(ACCOUNTS), self.accounts);
    }

    /// Requires that all is as it was, and that nothing has come but what is kept.
    pub fn check_left(&self, guest: &mut Guest, is_kept: impl Fn(&str) -> bool) {
        self.check_accounts(guest);
        let mut left = self.added(guest);
        left.extend(guest.run_as("root", NAMED, LIMIT).text().lines().map(str::to_owned));
        left.retain(|path| !is_kept(path));
        assert_eq!(left, [""; 0]);
        let gone: Vec<_> = self.files.difference(&files(guest)).cloned().collect();
        assert_eq!(gone, [""; 0]);
    }
}

fn files(guest: &mut Guest) -> BTreeSet<String> {
    guest.run_as("root", FILES, 2 * LIMIT).text().lines().map(str::to_owned).collect()
}
