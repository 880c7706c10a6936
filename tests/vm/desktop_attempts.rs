//! What a stranger at the open session tries against an agent that locks, what of the session may fail around an alarm,
//! and a real PAM stack that asks the agent. docs/threat-model.md ("Acting") states all of it.

use crate::alice::{HARDENED, USER_WAY};
use crate::desktop::LIMIT;
use crate::desktop_lock::{FOLLOWER, HINT, desk_that_locks, is_locked, type_until_locked};
use crate::desktop_recognition::{Work, stranger};
use crate::leaks::MARKER;

/// Whatever makes the agent look away, or forget.
const FOR_THE_OWNER: [&str; 4] =
    ["guest 30m", "pause 30m", "model forget --yes", "model import --yes /tmp/learnt.json"];
/// The same, where there is an alarm.
const ANSWERS: [&str; 2] = ["me", "model confirm"];
/// alice again, on a console, which comes to the front.
const SECOND_SESSION: &str = "chvt 8 && systemd-run --quiet --unit=second -p User=alice -p PAMName=login \
    -p TTYPath=/dev/tty8 -p StandardInput=tty -E XDG_SEAT=seat0 -E XDG_VTNR=8 -E XDG_SESSION_TYPE=tty sleep infinity";
/// By way of logind, and back; meanwhile nothing of the machine answers.
const SUSPEND: &str = "echo core >/sys/power/pm_test; systemctl suspend; \
    until journalctl -b -o cat -u systemd-suspend | grep -q 'returned from sleep'; do sleep 1; done";
const NOTHING_LOCKED: &str = "nothing locked the session";

impl Work {
    /// Runs a command as alice, as whoever sits at her open session can.
    fn attempt(&mut self, command: &str) -> (i32, String) {
        let output = self.desk.guest.run_as("alice", &format!("{{ {command}; }} 2>&1"), LIMIT);
        (output.status, output.text())
    }

    fn speak_for_the_owner_in_vain(&mut self) {
        let (state, learnt) = (self.state(), self.learnt());
        let answers = ANSWERS.iter().filter(|_| state == "stranger");
        for command in FOR_THE_OWNER.iter().chain(answers) {
            let (status, text) = self.attempt(&format!("{} {command}", self.desk.way.program));
            assert!(status == 77 && text.contains("password"), "{command}: {status}: {text}");
        }
        assert_eq!((self.state(), self.learnt()), (state, learnt));
        let decision = self.desk.status()["decision"].clone();
        assert!(decision["guest_until_us"].is_null() && decision["paused_until_us"].is_null(), "{decision}");
    }

    fn check_that_it_still_locks(&mut self) {
        assert_eq!(self.desk.status()["decision"]["mode"], "lock");
    }

    /// Signs of a stranger until the alarm is there; the session stays as it is.
    fn raise_the_alarm(&mut self) {
        let mut stranger = stranger();
        for _ in 0..8 {
            self.type_strokes(&stranger.type_lines(1, MARKER));
            if self.journal().contains(NOTHING_LOCKED) {
                break;
            }
        }
        self.desk.poll_for("the journal says it", |desk| {
            desk.guest.run("journalctl -b -o cat _COMM=seclyzer").contains(NOTHING_LOCKED).then_some(())
        });
        assert_eq!(self.state(), "stranger", "{:?}", self.decisions());
    }

    /// Whether sudo lets alice do something by her password.
    fn sudo_lets_her(&mut self) -> bool {
        self.attempt("sudo -k; echo alice | sudo -S -p '' /usr/bin/id -u").1 == "0"
    }

    /// The stack of docs/decision.md, with refusal in place of a security key.
    fn have_pam_ask(&mut self) {
        self.desk
            .guest
            .run("echo 'alice ALL=(ALL) PASSWD: /usr/bin/id' >/etc/sudoers.d/zz; chmod 0440 /etc/sudoers.d/zz");
        let lines = "auth [success=ignore default=1] pam_exec.so quiet $(command -v seclyzer) check --stranger\n\
                     auth required pam_deny.so\n";
        self.desk
            .guest
            .run(&format!("printf \"{lines}\" | cat - /etc/pam.d/sudo >/tmp/sudo; cp /tmp/sudo /etc/pam.d/sudo"));
    }
}

#[test]
fn a_stranger_at_the_open_session_does_not_switch_the_hardened_agent_off() {
    let mut work = desk_that_locks(HARDENED, &[], "lock_command = \"i3lock\"");
    work.speak_for_the_owner_in_vain();

    let pid = work.desk.property("MainPID");
    for command in ["systemctl stop seclyzer@alice", "systemctl --user stop seclyzer", "systemctl mask seclyzer@alice"]
    {
        let (status, text) = work.attempt(&format!("{command} --no-ask-password"));
        assert_ne!(status, 0, "{command}: {text}");
    }
    for signal in ["TERM", "KILL", "STOP"] {
        let (status, text) = work.attempt(&format!("kill -{signal} {pid}"));
        assert!(status != 0 && text.contains("not permitted"), "{signal}: {status}: {text}");
    }
    assert_eq!(work.desk.property("MainPID"), pid);

    // What the account can write or set, and then has the agent start anew by saying that there is a new session.
    work.desk.run(
        "mkdir -p ~/.config/seclyzer && printf '[decision]\\nmode = \"observe\"\\n' >~/.config/seclyzer/config.toml && \
         chmod 0600 ~/.config/seclyzer/config.toml && systemctl --user set-environment SECLYZER_DECISION_MODE=observe",
    );
    work.succeed(|work, _| {
        let session = "/var/lib/seclyzer/alice/session";
        // Whoever does so again and again does not keep it down.
        work.desk.run(&format!("for time in $(seq 30); do echo SECLYZER_DECISION_MODE=observe >>{session}; done"));
    });
    work.check_that_it_still_locks();

    let database = work.desk.way.database;
    work.desk.run(&format!("rm -f {database} {database}-wal {database}-shm"));
    work.desk.guest.run("systemctl stop redis-server");
    work.desk.run(&format!("head -c 2G /dev/zero >$(dirname {database})/filler || true"));
    work.check_that_it_still_locks();
    type_until_locked(&mut work, &mut stranger());
}

#[test]
fn in_the_user_way_a_stranger_is_asked_for_the_password_and_may_stop_the_service() {
    let mut work = desk_that_locks(USER_WAY, &[], "lock_command = \"i3lock\"");
    work.speak_for_the_owner_in_vain();
    work.succeed(|work, _| drop(work.desk.run("pkill -KILL -x seclyzer")));
    work.check_that_it_still_locks();
    type_until_locked(&mut work, &mut stranger());
    assert_eq!(work.desk.run("systemctl --user show seclyzer-lock -p ActiveState --value"), "active");

    work.desk.guest.run("pkill -x i3lock");
    // Its folder goes and comes with it, which is no request to lock.
    work.succeed(|work, _| drop(work.desk.run("pkill -KILL -x seclyzer")));
    work.desk.guest.run("! pgrep -x i3lock");
    work.desk.run("systemctl --user stop seclyzer");
    assert_eq!(work.desk.property("ActiveState"), "inactive");
}

#[test]
fn what_a_session_consists_of_may_fail_around_an_alarm_and_pam_asks_the_stranger_for_more() {
    let mut work = desk_that_locks(HARDENED, &[], "");
    work.have_pam_ask();
    assert!(work.sudo_lets_her(), "the owner");
    work.raise_the_alarm();
    work.speak_for_the_owner_in_vain();
    // An agent that does not answer in time, on a machine as slow as this one, refuses nobody.
    assert!((0..10).any(|_| !work.sudo_lets_her()), "a stranger");
    work.desk.guest.run("pkill -STOP -x seclyzer");
    assert!(work.sudo_lets_her(), "nobody answers");
    work.desk.guest.run("pkill -CONT -x seclyzer");

    // An alarm stays through all of it.
    work.desk.guest.run(SUSPEND);
    work.desk.guest.run("systemctl restart systemd-logind");
    work.desk.guest.run(SECOND_SESSION);
    work.desk.guest.poll(
        "[ $(loginctl show-seat seat0 -p ActiveSession --value) != $(loginctl show-user alice -p Display --value) ]",
        LIMIT,
    );
    work.desk.guest.run("systemctl stop second; chvt 7");
    work.desk.guest.await_active("alice");
    assert_eq!(work.state(), "stranger", "{:?}", work.decisions());
    assert_eq!(work.journal().matches(NOTHING_LOCKED).count(), 1, "{}", work.journal());

    // Where nobody can ask for the password only root speaks for the owner.
    work.desk.guest.run("systemctl mask --runtime --now polkit");
    let (status, text) = work.attempt("seclyzer me");
    assert!(status == 77 && text.contains("as root"), "{status}: {text}");
    let database = work.desk.way.database;
    work.desk.guest.run(&format!("SECLYZER_STORE_PATH={database} seclyzer me"));
    assert_eq!(work.state(), "owner");

    // logind, which was started anew, is followed again.
    assert!(!is_locked(&mut work));
    work.desk.run(FOLLOWER);
    let mut told = vec![work.attempt("seclyzer lock --test")];
    while told[told.len() - 1].0 != 0 {
        assert!(told.len() < 5, "{told:?}");
        // It was slower than it is waited for, and whether it was locked already nobody tells of a session by `startx`.
        work.desk.guest.run("pkill -x i3lock || true");
        work.desk.guest.poll(&format!("[ $({HINT}) = no ] && ! pgrep -x i3lock"), LIMIT);
        told.push(work.attempt("seclyzer lock --test"));
    }
    assert!(told[told.len() - 1].1.contains("logind locked the session"), "{told:?}");
}
