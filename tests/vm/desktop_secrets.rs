//! Secrets are typed on a keyboard of the machine at the prompts of real programs in a terminal, each a line of so many
//! plain words that it would count as text. The agent is the hardened one.

use crate::alice::{BUILT, COUNTING, Desk, HARDENED, SENTENCE};
use crate::desktop::LIMIT;
use crate::leaks::{MARKER, leaks};

/// Asks for the secret, and leaves what it was given in /tmp/answer. Its name and Enter are ten keys.
const ASK: &str = "asksecret";
const PREPARE: &str = "\
    echo 'alice ALL=(ALL) PASSWD: /usr/bin/id' >/etc/sudoers.d/zz-asked
    chmod 0440 /etc/sudoers.d/zz-asked
    printf '#!/bin/sh\\n' >/usr/local/bin/asksecret
    chmod 0755 /usr/local/bin/asksecret
    printf 'Defaults:alice pwfeedback\\n' >/etc/sudoers.d/stars.off";
/// It asks late enough that its own name is not taken for a part of the secret that was typed ahead.
const HEAD: &str = "#!/bin/bash
exec 2>/tmp/asksecret.err
rm -f /tmp/answer
tty >/tmp/terminal
sleep 1
";
/// The line that ends what was typed for text; with the sentence it is a multiple of five keys.
const ENTERS: &str = "\n\n\n\n\n";

/// Plain words, 39 keys, with the marker in the middle.
fn secret() -> String {
    format!("we go on {MARKER} it is a dog at all day")
}

/// A way to be asked.
struct Way {
    name: &'static str,
    /// What asks for it, in bash; `SECRET` is the secret.
    script: &'static str,
    /// How often it is asked for.
    times: usize,
    /// How what is typed there is counted.
    counted: &'static str,
}

const WAYS: [Way; 5] = [
    Way { name: "read -s", script: "read -s x; echo \"$x\" >/tmp/answer", times: 1, counted: "secret: terminal" },
    Way {
        name: "sudo",
        script: "sudo -k id >/dev/null </dev/tty 2>/dev/tty && echo SECRET >/tmp/answer",
        times: 1,
        counted: "secret: terminal",
    },
    Way {
        name: "sudo with stars",
        script: "sudo mv /etc/sudoers.d/stars.off /etc/sudoers.d/stars
            sudo -k id >/dev/null </dev/tty 2>/dev/tty && echo SECRET >/tmp/answer",
        times: 1,
        counted: "secret: terminal",
    },
    Way {
        name: "ssh-keygen",
        script: "rm -f /tmp/key; ssh-keygen -q -t ed25519 -f /tmp/key
            ssh-keygen -y -P 'SECRET' -f /tmp/key && echo SECRET >/tmp/answer",
        times: 2,
        counted: "secret: terminal",
    },
    Way {
        name: "gpg's pinentry in the terminal",
        script: "export GPG_TTY=$(tty); unset DISPLAY; cd /tmp; rm -f hidden.gpg
            echo SECRET | gpg --batch --pinentry-mode loopback --passphrase 'SECRET' -o hidden.gpg -c
            gpgconf --kill gpg-agent
            gpg --no-symkey-cache -o /tmp/shown --yes -d hidden.gpg && mv /tmp/shown /tmp/answer",
        times: 1,
        counted: "secret: prompt",
    },
];

impl Desk {
    /// A terminal under its usual name.
    fn open_terminal(&mut self) {
        self.guest.spawn_as("alice", "DISPLAY=:0 xterm -geometry 60x24+200+200");
        self.poll_for("the terminal has the focus", |desk| desk.guest.has_focus("xterm").then_some(()));
    }

    fn strokes(&mut self, kind: &str) -> u64 {
        self.status()["keystrokes"]["strokes"][kind].as_u64().expect("a count")
    }

    /// What is typed at the prompts is discarded, and the program gets it all the same.
    fn be_asked(&mut self, way: &Way) {
        let script = format!("{HEAD}{}", way.script.replace("SECRET", &secret()));
        self.guest.write_file("/usr/local/bin/asksecret", &script);
        let discarded = self.strokes(way.counted);
        self.type_and_be_heard(&format!("{ASK}\n"));
        let heard = self.events("keystroke");
        for _ in 0..way.times {
            let hidden = "stty -a -F $(cat /tmp/terminal) | grep -q -- ' -echo '";
            self.guest.poll(hidden, LIMIT);
            self.guest.type_text(&format!("{}\n", secret()));
        }
        self.guest.poll(&format!("grep -qx '{}' /tmp/answer", secret()), LIMIT);
        let typed = (way.times * (secret().len() + 1)) as u64;
        self.poll_for(way.name, |desk| (desk.strokes(way.counted) >= discarded + typed).then_some(()));
        assert_eq!(self.strokes(way.counted), discarded + typed, "{}", way.name);
        assert_eq!(self.events("keystroke"), heard, "{}: what is typed there is no event", way.name);
    }

    /// A sentence counts, and nothing else that was typed in its line or in others.
    fn write(&mut self, sentences: &mut u64) {
        self.type_and_be_heard(&format!("{SENTENCE}{ENTERS}"));
        *sentences += 1;
        let counted = *sentences * COUNTING as u64;
        self.poll_for("the sentence counts", |desk| (desk.strokes("counted") >= counted).then_some(()));
        assert_eq!(self.strokes("counted"), counted);
    }
}

#[test]
fn of_secrets_typed_at_prompts_in_a_terminal_nothing_counts_and_what_follows_does() {
    assert_eq!((secret().len(), (SENTENCE.len() + ENTERS.len()) % 5, COUNTING % 10), (39, 0, 0));
    let mut desk = Desk::fresh(HARDENED);
    desk.install_hardened(BUILT);
    desk.guest.run(PREPARE);
    desk.guest.run(&format!("echo 'alice:{}' | chpasswd", secret()));
    desk.open_terminal();
    let mut sentences = 0;
    desk.write(&mut sentences);
    for way in &WAYS {
        desk.be_asked(way);
        desk.write(&mut sentences);
    }
    let gaps = desk.status()["events"]["gaps"]["excluded"].as_u64();
    assert!(gaps >= Some(4), "nothing spans a secret: {gaps:?}");
    let database = HARDENED.database;
    for command in [
        "journalctl -b -o export _COMM=seclyzer".to_owned(),
        format!("cat {database}"),
        format!("cat {database}-wal"),
        "runuser -u alice -- seclyzer status --json".to_owned(),
        "runuser -u alice -- seclyzer doctor || true".to_owned(),
    ] {
        let output = desk.guest.run_as("root", &command, LIMIT);
        assert!(output.status == 0 && !output.stdout.is_empty(), "{command}");
        assert_eq!(leaks(&command, &String::from_utf8_lossy(&output.stdout)), [""; 0]);
    }
}
