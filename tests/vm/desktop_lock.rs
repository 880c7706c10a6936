//! From an alarm to a real lock: a notice that a real daemon shows, a screen that a real locker locks, the password that
//! opens it, and a session in which nothing locks.

use std::time::{Duration, Instant};

use crate::agent::binary_at;
use crate::alice::{BUILT, Desk, HARDENED, USER_WAY, Way};
use crate::desktop::LIMIT;
use crate::desktop_recognition::{Work, learnt_elsewhere, owner, stranger, typewriter};
use crate::harness::Guest;
use crate::leaks::MARKER;
use crate::typists::Person;

const CONFIG: &str = "\
[redis]
enabled = true
url = \"redis://127.0.0.1:6379\"
stream = true
[recognition]
ready_strokes = 500
[decision]
mode = \"lock\"";
/// With this the session follows logind's request to lock.
pub const FOLLOWER: &str = "export DISPLAY=:0; xss-lock -s $(loginctl show-user alice -p Display --value) -- i3lock -n \
    >/dev/null 2>&1 &";
/// What it shows it prints, too.
const NOTIFIER: &str = "export DISPLAY=:0; dunst -print >/tmp/notices 2>/dev/null &";
pub const HINT: &str = "loginctl show-session $(loginctl show-user alice -p Display --value) -p LockedHint --value";
/// On average within 60 s of typing; a run may take three times as long.
const LOCK_LIMIT: Duration = Duration::from_secs(180);

/// alice's desktop with an agent that knows her and locks.
pub fn desk_that_locks(way: Way, programs: &[&str], more: &str) -> Work {
    let guest = Guest::desktop(&[binary_at(BUILT), typewriter()]);
    let mut desk = Desk { guest, way };
    let config = format!("{CONFIG}\n{more}");
    if way.program == HARDENED.program {
        desk.guest.run(&format!("mkdir -p /etc/seclyzer; cat >/etc/seclyzer/config.toml <<'END'\n{config}\nEND"));
        desk.install_hardened(BUILT);
    } else {
        let file = "~/.config/seclyzer/config.toml";
        desk.run(&format!("umask 077; mkdir -p ~/.config/seclyzer; cat >{file} <<'END'\n{config}\nEND"));
        desk.run(&format!("{BUILT} install"));
        desk.guest.log_out();
        desk.guest.log_in();
        desk.await_agent();
    }
    for program in programs {
        desk.run(program);
    }
    desk.guest.write_file("/tmp/learnt.json", &learnt_elsewhere(&mut owner()));
    // As root: in this mode what is learnt is not replaced without the password.
    let [program, database] = [way.program, way.database].map(|path| path.replace('~', "/home/alice"));
    desk.guest.run(&format!("SECLYZER_STORE_PATH={database} {program} model import --yes /tmp/learnt.json"));
    // The command is answered before the decision is committed.
    desk.await_row("SELECT 1 FROM decisions WHERE reason = 'imported'");
    Work::begin(desk)
}

pub fn is_locked(work: &mut Work) -> bool {
    work.desk.guest.run(HINT) == "yes" || !work.desk.guest.run("pgrep -x i3lock || true").is_empty()
}

/// Somebody types line by line until the screen is locked; how long that took, the last line to its end.
pub fn type_until_locked(work: &mut Work, person: &mut Person) -> Duration {
    let (mut typed, begun) = (Duration::ZERO, Instant::now());
    while !is_locked(work) {
        assert!(begun.elapsed() < LOCK_LIMIT, "not locked: {:?}", work.decisions());
        let strokes = person.type_lines(1, MARKER);
        let time_us = strokes[strokes.len() - 1].release_us - strokes[0].press_us;
        work.put_strokes(&strokes);
        typed += Duration::from_micros(time_us.unsigned_abs());
    }
    typed
}

pub fn locks(work: &mut Work) -> usize {
    work.decisions().iter().filter(|decision| decision.ends_with(" lock")).count()
}

fn enter_password(work: &mut Work) {
    work.desk.guest.type_text("alice\n");
    work.desk.poll_for("the locker ends", |desk| desk.guest.run("pgrep -x i3lock || true").is_empty().then_some(()));
}

#[test]
fn a_stranger_is_asked_and_then_locked_out_and_the_password_answers_the_alarm() {
    let mut work = desk_that_locks(USER_WAY, &[NOTIFIER, FOLLOWER], "");
    type_until_locked(&mut work, &mut stranger());
    assert_eq!(work.desk.guest.run(HINT), "yes");
    assert_eq!(locks(&mut work), 1);
    work.desk.guest.poll("grep -q 'Is it you?' /tmp/notices", LIMIT);
    // What is typed at the locker is nobody's typing.
    enter_password(&mut work);
    work.desk
        .poll_for("the alarm is answered", |desk| (desk.status()["recognition"]["state"] == "owner").then_some(()));
    // Whoever has the password stays, and is noticed again.
    let mut stranger = stranger();
    for _ in 0..12 {
        work.type_strokes(&stranger.type_lines(1, MARKER));
        if work.decisions().iter().any(|decision| decision.ends_with(" contested")) {
            break;
        }
    }
    assert_eq!(work.state(), "stranger", "{:?}", work.decisions());
    work.type_strokes(&stranger.type_lines(3, MARKER));
    assert!(!is_locked(&mut work), "{:?}", work.decisions());
    assert_eq!(locks(&mut work), 1);
}

#[test]
fn the_hardened_agent_locks_by_the_command_where_nobody_follows_logind() {
    let mut work = desk_that_locks(HARDENED, &[], "lock_command = \"i3lock\"");
    type_until_locked(&mut work, &mut stranger());
    // It went to the background, as the user, outside the agent.
    let unit = "systemctl show seclyzer-lock@alice.service -p ActiveState --value";
    work.desk.guest.poll(&format!("[ $({unit}) = active ] && pgrep -x -u alice i3lock"), LIMIT);
    enter_password(&mut work);
    assert_eq!(locks(&mut work), 1);
}

#[test]
fn a_session_in_which_nothing_locks_is_told_so_once() {
    let mut work = desk_that_locks(HARDENED, &[NOTIFIER], "");
    let mut stranger = stranger();
    let failures = |work: &mut Work| work.decisions().iter().filter(|one| one.ends_with(" not_locked")).count();
    for _ in 0..8 {
        work.type_strokes(&stranger.type_lines(1, MARKER));
        if failures(&mut work) > 0 {
            break;
        }
    }
    work.type_strokes(&stranger.type_lines(2, MARKER));
    assert_eq!(failures(&mut work), 1, "{:?}", work.decisions());
    let journal = work.journal();
    assert_eq!(journal.matches("nothing locked the session").count(), 1, "{journal}");
    assert_eq!(work.desk.status()["decision"]["not_locked"], true);
    work.desk.guest.poll("grep -q 'The screen is not locked' /tmp/notices", LIMIT);
    let chain = work.desk.guest.run_as("alice", "seclyzer lock --test 2>&1", LIMIT);
    for step in ["logind", "org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver", "decision.lock_command"] {
        assert!(chain.status == 77 && chain.text().contains(step), "{step}: {}", chain.text());
    }
    for (password, state) in [("bob", "stranger"), ("alice", "owner")] {
        answer_in_a_terminal(&mut work, password);
        assert_eq!(work.state(), state, "{:?}", work.decisions());
    }
}

/// alice's `seclyzer me` in a terminal of her session, where polkit's own agent asks for the password.
fn answer_in_a_terminal(work: &mut Work, password: &str) {
    let guest = &mut work.desk.guest;
    guest.run("rm -f /tmp/asked; echo \"script -qfc 'seclyzer me' /tmp/asked\" >/home/alice/ask");
    guest.click_into("notes");
    guest.type_text("sh ask\n");
    guest.poll("grep -q Password: /tmp/asked", LIMIT);
    guest.type_text(&format!("{password}\n"));
    guest.poll("grep -q 'Script done' /tmp/asked", LIMIT);
}
