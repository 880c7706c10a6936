//! Compositors that are broken or mean: the focus is unknown, and nothing else is worse for it.

use crate::fake::{ACTIVATED, Client, DISPLAY, Event, FIRST_WINDOW, Fake, states_of};
use crate::follower::{Follower, NOTHING, PROMPT, app};
use crate::support::eventually;
use crate::two_windows;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::io::{IoSlice, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// No timer of the same thread may be later than that while a peer sends as fast as it can, on a busy machine.
const LATEST: Duration = Duration::from_millis(250);

/// How late timers of this thread are at most, while something happens.
async fn latest_while(happens: impl Future<Output = ()>) -> Duration {
    let mut latest = Duration::ZERO;
    tokio::pin!(happens);
    loop {
        let begun = Instant::now();
        tokio::select! {
            () = &mut happens => return latest,
            () = tokio::time::sleep(Duration::from_millis(5)) => latest = latest.max(begun.elapsed()),
        }
    }
}

/// Sends the same again and again, from a thread of its own, until the other end hangs up or is told of something.
fn flood(client: Client, event: Vec<u8>, last: Vec<u8>) -> std::sync::mpsc::Sender<()> {
    use std::io::Write;
    let mut stream = client.stream.into_std().expect("a socket");
    stream.set_nonblocking(false).expect("a socket");
    let (stop, is_over) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let many = event.repeat(1000);
        while is_over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) && stream.write_all(&many).is_ok() {}
        let _ = stream.write_all(&last);
        // It stays connected until the test is over.
        let _ = is_over.recv();
    });
    stop
}

#[tokio::test]
async fn one_that_answers_nothing_is_waited_for_three_seconds() {
    let fake = Fake::new();
    let mut follower = Follower::of(fake.environment());
    let _client = fake.accept().await;
    assert!(follower.wait_for_unknown().await.contains("no answer within 3 s"));
}

#[tokio::test]
async fn one_that_offers_without_end_is_waited_for_three_seconds_and_holds_up_nothing() {
    let fake = Fake::new();
    let mut follower = Follower::of(fake.environment());
    let mut client = fake.accept().await;
    client.greet().await;
    let _stop = flood(client, Event::of(2, 0).number(1).text(b"wl_output").number(4).bytes(), Vec::new());
    let latest = latest_while(async { assert!(follower.wait_for_unknown().await.contains("no answer")) }).await;
    assert!(latest < LATEST, "{latest:?}");
}

#[tokio::test]
async fn a_flood_of_titles_holds_up_nothing_and_the_focus_is_told_behind_it() {
    let fake = Fake::new();
    let (mut follower, client, _) = two_windows(&fake).await;
    let title = Event::of(FIRST_WINDOW, 0).text(&[b'x'; 500]).bytes();
    let flood_of = [title, Event::of(FIRST_WINDOW, 5).bytes()].concat();
    let stop = flood(client, flood_of, states_of(FIRST_WINDOW + 1, &[ACTIVATED]));
    let latest = latest_while(tokio::time::sleep(Duration::from_secs(1))).await;
    assert!(latest < LATEST, "{latest:?}");
    stop.send(()).expect("a thread of ours");
    follower.expect(app("two")).await;
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection_and_another_is_tried() {
    let no_messages = [
        [DISPLAY.to_ne_bytes(), (4u32 << 16).to_ne_bytes()].concat(),
        [DISPLAY.to_ne_bytes(), (9u32 << 16).to_ne_bytes()].concat(),
        Event::of(FIRST_WINDOW, 1).number(1000).number(0).bytes(),
        Event::of(FIRST_WINDOW, 1).number(u32::MAX).bytes(),
        Event::of(FIRST_WINDOW, 4).bytes(),
        Event::of(77, 0).bytes(),
    ];
    for bytes in no_messages {
        let fake = Fake::new();
        let (mut follower, mut client, _) = two_windows(&fake).await;
        client.send_bytes(&bytes).await;
        let reason = follower.wait_for_unknown().await;
        assert!(reason.contains("does not keep to the protocol"), "{reason}");
        fake.accept().await;
    }
}

#[tokio::test]
async fn numbers_that_are_not_free_end_the_connection() {
    for number in [0, DISPLAY, 2, 50, FIRST_WINDOW] {
        let fake = Fake::new();
        let (mut follower, mut client, manager) = two_windows(&fake).await;
        client.send(Event::of(manager, 0).number(number)).await;
        assert!(follower.wait_for_unknown().await.contains("a window whose number is not free"));
    }
}

#[tokio::test]
async fn of_an_error_only_the_code_is_told() {
    let fake = Fake::new();
    let (mut follower, mut client, _) = two_windows(&fake).await;
    client.send(Event::of(DISPLAY, 0).number(3).number(42).text(b"a title")).await;
    let reason = follower.wait_for_unknown().await;
    assert!(reason.contains("error 42") && !reason.contains("title"), "{reason}");
}

#[tokio::test]
async fn of_more_windows_than_anybody_opens_the_last_are_not_followed_and_their_focus_is_nobody_s() {
    let fake = Fake::new();
    let (mut follower, mut client, manager) = two_windows(&fake).await;
    let window = FIRST_WINDOW + 5000;
    for window in FIRST_WINDOW + 2..=window {
        client.send(Event::of(manager, 0).number(window)).await;
    }
    client.set_states(FIRST_WINDOW, &[]).await;
    client.set_states(window, &[ACTIVATED]).await;
    follower.expect(PROMPT).await;
    follower.expect(NOTHING).await;
}

#[tokio::test]
async fn descriptors_that_come_with_a_message_are_closed() {
    let fake = Fake::new();
    let (mut follower, client, _) = two_windows(&fake).await;
    let (mut ours, theirs) = UnixStream::pair().expect("sockets");
    let states = states_of(FIRST_WINDOW + 1, &[ACTIVATED]);
    let descriptors = [theirs.as_raw_fd()];
    let message = ControlMessage::ScmRights(&descriptors);
    sendmsg::<()>(client.stream.as_raw_fd(), &[IoSlice::new(&states)], &[message], MsgFlags::empty(), None)
        .expect("a client");
    drop(theirs);
    follower.expect(app("two")).await;
    ours.set_nonblocking(true).expect("a socket");
    // Its end is seen when nobody has the other one any more.
    let ended = eventually("the end of a socket", async || ours.read(&mut [0]).ok()).await;
    assert_eq!(ended, 0);
}
