use crate::dbus::{Daemon, Notifications, Polkit, Way, heard};
use crate::eventually;
use crate::notices::{pressed, question};
use seclyzer::act::ports::{Action, Heard, Subject};
use seclyzer::bus::{BURST, MESSAGE_BYTES};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use zbus::Connection;
use zbus::fdo::DBusProxy;

/// All who are on the bus but the attacker.
async fn others(attacker: &Connection) -> Vec<String> {
    let names = DBusProxy::new(attacker).await.expect("a bus").list_names().await.expect("names");
    let own = attacker.unique_name().expect("a name").as_str();
    names
        .iter()
        .map(|name| name.as_str())
        .filter(|name| name.starts_with(':') && *name != own)
        .map(Into::into)
        .collect()
}

async fn send_to_all(attacker: &Connection, body: &str) {
    for name in others(attacker).await {
        let path = "/org/freedesktop/login1/session/_31";
        let (interface, member) = ("org.freedesktop.DBus.Properties", "PropertiesChanged");
        let _ = attacker.emit_signal(Some(name.as_str()), path, interface, member, &body).await;
    }
}

/// What it has in memory at the most, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn a_message_that_is_too_long_is_passed_over_and_the_desk_stays() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
    let attacker = daemon.connect().await;
    let connected = others(&attacker).await;
    for length in [MESSAGE_BYTES, 8 << 20] {
        send_to_all(&attacker, &"x".repeat(length + 1)).await;
    }
    logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    assert_eq!(others(&attacker).await, connected, "nobody has hung up");
}

#[tokio::test]
async fn a_flood_of_signals_is_passed_over_and_holds_up_nothing() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let desk = daemon.desk();
    logind.set_hint(true).await;
    assert_eq!(heard(&desk).await, Heard::Locked);
    let attacker = daemon.connect().await;
    let connected = others(&attacker).await;
    let before = peak_kib();
    // What else runs on the desk's thread goes on meanwhile: here, this loop.
    let mut longest = Duration::ZERO;
    for _ in 0..BURST * 2 {
        let begun = Instant::now();
        send_to_all(&attacker, "x").await;
        longest = longest.max(begun.elapsed());
    }
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert!(peak_kib() - before < 64 << 10, "{} KiB more", peak_kib() - before);
    logind.set_hint(false).await;
    assert_eq!(heard(&desk).await, Heard::Unlocked);
    assert_eq!(others(&attacker).await, connected, "nobody has hung up");
}

#[tokio::test]
async fn a_flood_that_logind_is_made_to_send_takes_no_question_back_and_its_end_is_heard() {
    let daemon = Daemon::start().await;
    let logind = daemon.logind(Way::Honest).await;
    let polkit = Polkit::default();
    let _polkit = polkit.serve(&daemon).await;
    let desk = daemon.desk();
    let peer = Subject::Peer { pid: 77, uid: 4711 };
    let question = tokio::spawn(desk.authorise(peer, Action::Pause));
    eventually("it is asked", async || (!polkit.asked.lock().expect("no panic").is_empty()).then_some(())).await;
    let attacker = daemon.connect().await;
    let connected = others(&attacker).await;
    for i in 0..BURST * 4 {
        logind.set_hint(i % 2 == 0).await;
    }
    logind.set_hint(true).await;
    let last = eventually("the last is heard", async || {
        let mut last = None;
        while let Ok(heard) = tokio::time::timeout(Duration::from_secs(1), desk.heard()).await {
            last = Some(heard);
        }
        last
    })
    .await;
    assert_eq!(last, Heard::Locked);
    assert!(!question.is_finished(), "it is still asked");
    assert_eq!(others(&attacker).await, connected, "nobody has hung up");
}

#[tokio::test]
async fn a_flood_on_the_session_s_bus_is_cut_off_and_notices_come_back() {
    let daemon = Daemon::start().await;
    let notifications = Notifications::default();
    let server = notifications.serve(&daemon).await;
    let desk = daemon.desk();
    desk.show(question());
    notifications.await_posted(0).await;
    let attacker = daemon.connect().await;
    for _ in 0..BURST * 2 {
        send_to_all(&attacker, "x").await;
    }
    // It is shown anew over the new connection.
    let posted = notifications.await_posted(1).await;
    pressed(&desk, &server, posted.id).await;
}

#[tokio::test]
async fn a_bus_that_accepts_and_stays_silent_costs_a_few_seconds_and_nothing_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bus");
    let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
    let accepting = tokio::spawn(async move {
        let mut clients = Vec::new();
        while let Ok((mut client, _)) = listener.accept().await {
            // Half a greeting.
            let _ = client.write_all(b"OK 0123").await;
            clients.push(client);
        }
    });
    let daemon = Daemon::start().await;
    let mut session = daemon.session();
    let address = format!("unix:path={}", path.display());
    (session.addresses.system, session.addresses.session) = (address.clone(), address);
    let desk = seclyzer::bus::Desk::start(session);
    let begun = Instant::now();
    let locked = desk.lock().await;
    assert_eq!(locked.evidence, None, "{locked:?}");
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    accepting.abort();
}
