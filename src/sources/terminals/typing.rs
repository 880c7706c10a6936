//! What a terminal's settings say of what is typed there.

use nix::sys::termios::{InputFlags, LocalFlags, OutputFlags, Termios};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typing {
    /// The kernel shows it, or a program reads each key by itself, as shells and editors do.
    Shown,
    /// The kernel hides it: `sudo`, `ssh`, `read -s`.
    Hidden,
    /// It may be hidden behind stars: the kernel shows nothing, the program takes each key, and has left all else as the
    /// shell had it. Some programs that ask for nothing do the same (`mpv`, `more`).
    Starred,
}

impl Typing {
    pub fn of(settings: &Termios) -> Typing {
        Typing::by(settings.input_flags, settings.output_flags, settings.local_flags)
    }

    fn by(input: InputFlags, output: OutputFlags, local: LocalFlags) -> Typing {
        // Without ONLCR no person is at it but a program: Emacs' for its shells and compilers, and those of other
        // editors, hide what is typed for as long as they last.
        if local.contains(LocalFlags::ECHO) || !output.contains(OutputFlags::OPOST | OutputFlags::ONLCR) {
            return Typing::Shown;
        }
        // The end of a line that is hidden is shown by who asks for one alone (sudo-rs).
        if local.intersects(LocalFlags::ICANON | LocalFlags::ECHONL) {
            return Typing::Hidden;
        }
        // Line editors and full screens take Enter as it comes (no ICRNL) or exchange it (INLCR: zsh); less and top clear
        // ECHOE.
        let is_enter_a_newline = input.contains(InputFlags::ICRNL) && !input.contains(InputFlags::INLCR);
        match is_enter_a_newline && local.contains(LocalFlags::ECHOE) {
            true => Typing::Starred,
            false => Typing::Shown,
        }
    }
}

/// After so many lines a program that still hides what is typed asks for nothing: `sudo` asks three times.
const MOST_LINES: u8 = 6;

/// A terminal as one program has it: the number is given again to another terminal, and the next program in the same one
/// mostly changes other settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    number: u32,
    /// Its file's ctime.
    made: Duration,
    settings: [u32; 3],
}

impl Place {
    pub fn of(number: u32, made: Duration, settings: &Termios) -> Place {
        let Termios { input_flags, output_flags, local_flags, .. } = settings;
        Place { number, made, settings: [input_flags.bits(), output_flags.bits(), local_flags.bits()] }
    }
}

/// Where a program may show stars, and how many lines were typed since each began.
#[derive(Debug, Default)]
pub(super) struct Starred(BTreeMap<Place, u8>);

impl Starred {
    /// Takes how all terminals stand; whether any of them asks for a secret.
    pub fn take(&mut self, known: impl Iterator<Item = (Place, Typing)>) -> bool {
        let before = std::mem::take(&mut self.0);
        let mut is_asked = false;
        for (place, typing) in known {
            match typing {
                Typing::Shown => {}
                Typing::Hidden => is_asked = true,
                Typing::Starred => {
                    let lines = before.get(&place).copied().unwrap_or(0);
                    is_asked |= lines < MOST_LINES;
                    self.0.insert(place, lines);
                }
            }
        }
        is_asked
    }

    pub fn note_enter(&mut self) {
        self.0.values_mut().for_each(|lines| *lines = lines.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The settings of a terminal in which a shell runs a command, changed as in stty(1).
    fn after(changes: &str) -> Typing {
        let mut input = InputFlags::ICRNL | InputFlags::IXON;
        let mut output = OutputFlags::OPOST | OutputFlags::ONLCR;
        let mut local =
            LocalFlags::ISIG | LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ECHOE | LocalFlags::IEXTEN;
        for change in changes.split_whitespace() {
            let is_set = !change.starts_with('-');
            match change.trim_start_matches('-') {
                "icrnl" => input.set(InputFlags::ICRNL, is_set),
                "inlcr" => input.set(InputFlags::INLCR, is_set),
                "opost" => output.set(OutputFlags::OPOST, is_set),
                "onlcr" => output.set(OutputFlags::ONLCR, is_set),
                "isig" => local.set(LocalFlags::ISIG, is_set),
                "icanon" => local.set(LocalFlags::ICANON, is_set),
                "echo" => local.set(LocalFlags::ECHO, is_set),
                "echoe" => local.set(LocalFlags::ECHOE, is_set),
                "echonl" => local.set(LocalFlags::ECHONL, is_set),
                "iexten" => local.set(LocalFlags::IEXTEN, is_set),
                other => panic!("{other}"),
            }
        }
        Typing::by(input, output, local)
    }

    #[test]
    fn who_asks_for_a_password_hides_it() {
        for (program, changes) in [
            ("sudo, su, ssh, ssh-keygen, passwd, read -s, getpass", "-echo"),
            ("getpass(3)", "-echo -isig"),
            ("gpg --pinentry-mode loopback", "-echo -echoe"),
            ("sudo-rs, which shows stars", "-echo -icanon echonl"),
        ] {
            assert_eq!(after(changes), Typing::Hidden, "{program}");
        }
    }

    #[test]
    fn who_shows_stars_takes_each_key_and_so_do_a_few_that_ask_for_nothing() {
        for (program, changes) in [
            ("sudo with pwfeedback", "-echo -icanon -iexten"),
            ("systemd-ask-password, read -s -n, mpv, more", "-echo -icanon"),
        ] {
            assert_eq!(after(changes), Typing::Starred, "{program}");
        }
    }

    #[test]
    fn shells_editors_and_full_screens_ask_for_nothing() {
        for (program, changes) in [
            ("cat", ""),
            ("bash, python, fish", "-echo -icanon -icrnl"),
            ("zsh", "-echo -icanon inlcr"),
            ("vim", "-echo -icanon -icrnl -onlcr -isig -echoe -iexten"),
            ("nano", "-echo -icanon -icrnl -onlcr -opost -isig -iexten"),
            ("emacs -nw", "-echo -icanon -icrnl -onlcr -iexten"),
            ("less, top", "-echo -icanon -echoe"),
            ("htop, watch, pinentry-curses", "-echo -icanon -icrnl -onlcr"),
            ("tmux, ssh to elsewhere", "-echo -icanon -icrnl -opost -isig -iexten"),
            ("Emacs' for a shell or a compiler of its own", "-echo -onlcr"),
        ] {
            assert_eq!(after(changes), Typing::Shown, "{program}");
        }
    }

    fn place(number: u32) -> Place {
        Place { number, made: Duration::ZERO, settings: [0; 3] }
    }

    fn take(starred: &mut Starred, known: &[(u32, Typing)]) -> bool {
        starred.take(known.iter().map(|&(number, typing)| (place(number), typing)))
    }

    #[test]
    fn one_that_is_starred_is_believed_for_some_lines_and_anew_when_it_begins_again() {
        let starred = &mut Starred::default();
        for _ in 0..MOST_LINES {
            assert!(take(starred, &[(1, Typing::Starred)]));
            starred.note_enter();
        }
        assert!(!take(starred, &[(1, Typing::Starred)]));
        assert!(take(starred, &[(1, Typing::Starred), (2, Typing::Starred)]), "another terminal");
        assert!(!take(starred, &[(1, Typing::Shown)]));
        assert!(take(starred, &[(1, Typing::Starred)]));
    }

    #[test]
    fn another_program_or_terminal_in_its_place_is_believed_though_nobody_looked_between() {
        let (more, sudo) = (place(1), Place { settings: [0, 0, 1], ..place(1) });
        for next in [sudo, Place { made: Duration::from_secs(1), ..more }] {
            let starred = &mut Starred::default();
            starred.take([(more, Typing::Starred)].into_iter());
            (0..MOST_LINES).for_each(|_| starred.note_enter());
            assert!(!starred.take([(more, Typing::Starred)].into_iter()));
            assert!(starred.take([(next, Typing::Starred)].into_iter()));
        }
    }

    proptest! {
        #[test]
        fn one_that_is_hidden_is_always_believed(
            others in proptest::collection::vec((0..4_u32, 0..2_u8), 0..20), enters in 0..20,
        ) {
            let starred = &mut Starred::default();
            for (number, kind) in others {
                take(starred, &[(number, if kind == 0 { Typing::Shown } else { Typing::Starred })]);
            }
            (0..enters).for_each(|_| starred.note_enter());
            prop_assert!(take(starred, &[(1, Typing::Shown), (2, Typing::Hidden)]));
            prop_assert!(!take(starred, &[(1, Typing::Shown)]));
        }
    }
}
