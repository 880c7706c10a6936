//! Real programs that ask for a password in a terminal, and others that do not.

mod support;

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::unistd::geteuid;
use seclyzer::sources::terminals::Terminals;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::LIMIT;
use tempfile::TempDir;

/// A folder with one terminal in it.
struct Terminal {
    folder: TempDir,
    master: PtyMaster,
    path: PathBuf,
}

impl Terminal {
    fn new() -> Terminal {
        let folder = tempfile::tempdir().expect("a folder");
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal of our own");
        let path = PathBuf::from(ptsname_r(&master).expect("its path"));
        symlink(&path, folder.path().join("1")).expect("a link");
        Terminal { folder, master, path }
    }

    fn terminals(&self) -> Terminals {
        Terminals::in_folder(self.folder.path(), geteuid().as_raw())
    }

    /// Runs a command in it, as a shell does.
    fn run(&self, command: &[&str]) -> Program {
        let end = || OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(&self.path);
        let end = || Stdio::from(end().expect("the terminal"));
        let mut process = Command::new("setsid");
        process.arg("--ctty").args(command).env("PS1", "> ").current_dir(self.folder.path());
        Program(process.stdin(end()).stdout(end()).stderr(end()).spawn().expect("the command starts"))
    }

    fn type_text(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("a terminal that is read");
    }

    /// Waits until what was written there contains this, if it is not there already.
    fn await_text(&mut self, text: &str) {
        let (mut shown, begun) = (Vec::new(), Instant::now());
        while !String::from_utf8_lossy(&shown).contains(text) {
            assert!(begun.elapsed() < LIMIT, "never {text:?}: {:?}", String::from_utf8_lossy(&shown));
            let mut bytes = [0; 4096];
            match self.master.read(&mut bytes) {
                Ok(length) => shown.extend(&bytes[..length]),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn await_asked(terminals: &mut Terminals, is_asked: bool, what: &str) {
    let begun = Instant::now();
    while terminals.is_secret_asked() != is_asked {
        assert!(begun.elapsed() < LIMIT, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A command, each of its prompts, and what is typed there.
type Dialogue = (&'static [&'static str], &'static [(&'static str, &'static str)]);

const PROMPTS: [Dialogue; 5] = [
    (&["bash", "-c", "read -s -p word: x; echo done; exec cat"], &[("word:", "secret\n")]),
    (&["bash", "-c", "read -s -n 6 -p word: x; echo done; exec cat"], &[("word:", "secret")]),
    (&["python3", "-c", "import getpass; getpass.getpass('word:'); print('done'); input()"], &[("word:", "secret\n")]),
    (
        &["sh", "-c", "ssh-keygen -q -t ed25519 -f key; echo done; exec cat"],
        &[("passphrase", "secret\n"), ("again", "secret\n")],
    ),
    (&["sh", "-c", "systemd-ask-password word: >/dev/null; echo done; exec cat"], &[("word:", "secret\n")]),
];

#[test]
fn a_terminal_asks_for_a_secret_from_the_prompt_to_its_answer() {
    at_once(PROMPTS, |(command, prompts)| {
        let mut terminal = Terminal::new();
        let mut terminals = terminal.terminals();
        let _program = terminal.run(command);
        for (prompt, answer) in prompts {
            terminal.await_text(prompt);
            await_asked(&mut terminals, true, &format!("{command:?} asks"));
            terminal.type_text(answer);
        }
        terminal.await_text("done");
        await_asked(&mut terminals, false, &format!("{command:?} is answered"));
    });
}

#[test]
fn programs_that_ask_for_nothing_are_no_prompts() {
    let commands: [(&[&str], &str); 5] = [
        (&["sh", "-c", "echo '> '; exec cat"], "> "),
        (&["bash", "--norc", "--noprofile", "-i"], "> "),
        (&["python3", "-c", "import readline; input('> ')"], "> "),
        // As ssh and tmux have it.
        (&["sh", "-c", "stty raw -echo; echo '> '; exec cat"], "> "),
        // As a program has it that drives another one.
        (&["sh", "-c", "stty -echo -onlcr; echo '> '; exec cat"], "> "),
    ];
    at_once(commands, |(command, shown)| {
        let mut terminal = Terminal::new();
        let mut terminals = terminal.terminals();
        let _program = terminal.run(command);
        terminal.await_text(shown);
        // It is asked from its second second on.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1_500) {
            assert!(!terminals.is_secret_asked(), "{command:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

/// Each waits most of its time.
fn at_once<T: Send, const N: usize>(cases: [T; N], check: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        cases.into_iter().for_each(|case| _ = scope.spawn(|| check(case)));
    });
}

#[test]
fn the_terminals_of_this_machine_are_asked() {
    let terminal = Terminal::new();
    let _program = terminal.run(&["bash", "-c", "read -s x"]);
    let mut all = Terminals::in_folder(Path::new("/dev/pts"), geteuid().as_raw());
    await_asked(&mut all, true, "a prompt in one of them");
}

#[test]
fn another_account_s_terminals_are_not_asked() {
    let terminal = Terminal::new();
    let _program = terminal.run(&["bash", "-c", "read -s x"]);
    await_asked(&mut terminal.terminals(), true, "our own");
    let other = geteuid().as_raw() + 1;
    assert!(!Terminals::in_folder(terminal.folder.path(), other).is_secret_asked());
}

#[test]
fn a_terminal_that_is_just_being_made_is_not_hung_up_by_asking() {
    let mut terminal = Terminal::new();
    assert!(!terminal.terminals().is_secret_asked());
    // As long as nobody has had it open there is nothing to read; once the last has closed it, there never will be.
    let read = terminal.master.read(&mut [0; 16]);
    assert_eq!(read.expect_err("nobody writes").kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_is_no_terminal_and_a_folder_that_is_not_there_are_harmless() {
    let folder = tempfile::tempdir().expect("a folder");
    nix::unistd::mkfifo(&folder.path().join("1"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    std::fs::write(folder.path().join("2"), "").expect("a file");
    symlink("/dev/null", folder.path().join("3")).expect("a link");
    symlink("nowhere", folder.path().join("4")).expect("a link");
    let uid = geteuid().as_raw();
    assert!(!Terminals::in_folder(folder.path(), uid).is_secret_asked());
    assert!(!Terminals::in_folder(&folder.path().join("none"), uid).is_secret_asked());
}
