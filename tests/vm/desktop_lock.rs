//! From an alarm to a real lock: a notice that a real daemon shows, a screen that a real locker locks, the password that
//! opens it, and a session in which nothing locks.

use std::time::{Duration, Instant};

use crate::agent::binary_at;
use crate::alice::{BUILT, Desk, HARDENED, USER_WAY, Way};
use crate::desktop::LIMIT;
use crate::desktop_recognition::{Work, learnt_elsewhere, owner, stranger, typewriter};
use crate::harness::Guest;
use crate::leaks::MARKER;

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
const FOLLOWER: &str = "export DISPLAY=:0; xss-lock -- i3lock -n >/dev/null 2>&1 &";
const NOTIFIER: &str = "export DISPLAY=:0; dunst >/dev/null 2>&1 &";
const HINT: &str = "loginctl show-session $(loginctl show-user alice -p Display --value) -p LockedHint --value";
/// On average within 60 s of typing; a run may take three times as long.
const LOCK_LIMIT: Duration = Duration::from_secs(180);

/// alice's desktop with an agent that knows her and locks.
fn desk_that_locks(way: Way, programs: &[&str], more: &str) -> Work {
    let guest = Guest::desktop(&[binary_at(BUILT), typewriter()]);
    let mut desk = Desk { guest, way };
    let config = format!("{CONFIG}\n{more}");
    for program in programs {
        desk.run(program);
    }
    let (folder, install) = match way.program {
        "seclyzer" => ("/etc/seclyzer", None),
        _ => ("/home/alice/.config/seclyzer", Some(format!("{BUILT} install"))),
    };
    desk.guest.run(&format!("mkdir -p {folder}; cat >{folder}/config.toml <<'END'\n{config}\nEND"));
    match install {
        None => desk.install_hardened(BUILT),
        Some(install) => {
            desk.guest.run(&format!("chown -R alice: {folder}; chmod 0600 {folder}/config.toml"));
            desk.run(&install);
            desk.guest.log_out();
            desk.guest.log_in();
            for program in programs {
                desk.run(program);
            }
            desk.await_agent();
        }
    }
    desk.guest.write_file("/tmp/learnt.json", &learnt_elsewhere(&mut owner()));
    // As root: in this mode what is learnt is not replaced without the password.
    let import = format!("{} model import --yes /tmp/learnt.json", desk.way.program);
    desk.guest.run(&format!("cd /home/alice && HOME=/home/alice sh -c '{import}'"));
    Work::begin(desk)
}

fn is_locked(work: &mut Work) -> bool {
    work.desk.guest.run(HINT) == "yes" || !work.desk.guest.run("pgrep -x i3lock || true").is_empty()
}

/// The other typist goes on until the screen is locked; how long that took.
fn type_until_locked(work: &mut Work) -> Duration {
    let (begun, mut stranger) = (Instant::now(), stranger());
    while !is_locked(work) {
        assert!(begun.elapsed() < LOCK_LIMIT, "not locked: {:?}", work.decisions());
        work.put_strokes(&stranger.type_lines(1, MARKER));
    }
    begun.elapsed()
}

fn locks(work: &mut Work) -> usize {
    work.decisions().iter().filter(|decision| decision.ends_with(" lock")).count()
}

fn enter_password(work: &mut Work) {
    work.desk.guest.type_text("alice\n");
    work.desk.poll_for("the locker ends", |desk| desk.guest.run("pgrep -x i3lock || true").is_empty().then_some(()));
}

#[test]
#[ignore = "needs an agent that acts on its decisions"]
fn a_stranger_is_asked_and_then_locked_out_and_the_password_answers_the_alarm() {
    let mut work = desk_that_locks(USER_WAY, &[NOTIFIER, FOLLOWER], "");
    type_until_locked(&mut work);
    assert_eq!(work.desk.guest.run(HINT), "yes");
    assert_eq!(locks(&mut work), 1);
    let shown = work.desk.run("DISPLAY=:0 dunstctl history");
    assert!(shown.contains("Is it you?") || !work.desk.run("DISPLAY=:0 dunstctl count").is_empty(), "{shown}");
    // What is typed at the locker is nobody's typing.
    enter_password(&mut work);
    work.desk
        .poll_for("the alarm is answered", |desk| (desk.status()["recognition"]["state"] == "owner").then_some(()));
    // Whoever has the password stays.
    for _ in 0..4 {
        work.type_strokes(&stranger().type_lines(1, MARKER));
    }
    assert!(!is_locked(&mut work), "{:?}", work.decisions());
    assert_eq!(locks(&mut work), 1);
}

#[test]
#[ignore = "needs an agent that acts on its decisions"]
fn the_hardened_agent_locks_by_the_command_where_nobody_follows_logind() {
    let mut work = desk_that_locks(HARDENED, &[], "lock_command = \"i3lock\"");
    type_until_locked(&mut work);
    // It went to the background, as the user, outside the agent.
    let unit = "systemctl show seclyzer-lock@alice.service -p ActiveState --value";
    work.desk.guest.poll(&format!("[ $({unit}) = active ] && pgrep -x -u alice i3lock"), LIMIT);
    enter_password(&mut work);
    assert_eq!(locks(&mut work), 1);
}

#[test]
#[ignore = "needs an agent that acts on its decisions"]
fn a_session_in_which_nothing_locks_is_told_so_once() {
    let mut work = desk_that_locks(HARDENED, &[], "");
    let mut stranger = stranger();
    for _ in 0..6 {
        work.type_strokes(&stranger.type_lines(1, MARKER));
        if locks(&mut work) > 0 {
            break;
        }
    }
    let told = "nothing locked";
    work.desk.poll_for("the journal says it", |desk| {
        desk.guest.run("journalctl -b -o cat _COMM=seclyzer").contains(told).then_some(())
    });
    work.type_strokes(&stranger.type_lines(2, MARKER));
    let journal = work.desk.guest.run("journalctl -b -o cat _COMM=seclyzer");
    assert_eq!(journal.matches(told).count(), 1, "{journal}");
}
