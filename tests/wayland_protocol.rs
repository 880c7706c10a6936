//! What a Wayland compositor may say of its windows, well or badly, and what is told of it.

#[path = "wayland/fake.rs"]
mod fake;
#[path = "wayland/follower.rs"]
mod follower;
#[path = "wayland/hostile.rs"]
mod hostile;
mod support;

use fake::{ACTIVATED, COSMIC, Client, Event, FIRST_WINDOW, Fake, LIST, Request, WLR};
use follower::{FREE, Follower, NAMELESS, NOTHING, PROMPT, app};
use seclyzer::sources::focus::{Update, wayland};
use tokio::io::AsyncWriteExt;

const ONE: u32 = FIRST_WINDOW;
const TWO: u32 = FIRST_WINDOW + 1;

/// A client that has been told of windows `one` and `two`, of which the first has the focus.
async fn two_windows(fake: &Fake) -> (Follower, Client, u32) {
    let mut follower = Follower::of(fake.environment());
    let (mut client, manager) = fake.accept_wlr().await;
    client.open(manager, ONE, b"one", &[ACTIVATED]).await;
    client.open(manager, TWO, b"two", &[]).await;
    client.answer().await;
    follower.expect(Update::Ready).await;
    follower.expect(app("one")).await;
    (follower, client, manager)
}

#[tokio::test]
async fn the_focus_goes_from_window_to_window_whatever_the_order_in_which_that_is_said() {
    let fake = Fake::new();
    let (mut follower, mut client, _) = two_windows(&fake).await;
    client.set_states(ONE, &[]).await;
    client.set_states(TWO, &[0, ACTIVATED]).await;
    follower.expect(app("two")).await;
    client.set_states(ONE, &[ACTIVATED]).await;
    client.set_states(TWO, &[0]).await;
    follower.expect(app("one")).await;
    client.send(Event::of(ONE, 1).text(b"another")).await;
    client.send(Event::of(ONE, 5)).await;
    follower.expect(app("another")).await;
}

#[tokio::test]
async fn where_no_window_has_the_focus_the_desktop_has_taken_the_keys() {
    let fake = Fake::new();
    let (mut follower, mut client, _) = two_windows(&fake).await;
    client.set_states(ONE, &[]).await;
    follower.expect(PROMPT).await;
    follower.expect(NOTHING).await;
    client.set_states(ONE, &[ACTIVATED]).await;
    follower.expect(app("one")).await;
    follower.expect(FREE).await;
    // However short the time was.
    let taken = [fake::states_of(ONE, &[]), fake::states_of(ONE, &[ACTIVATED])].concat();
    client.send_bytes(&taken).await;
    follower.expect(PROMPT).await;
    follower.expect(FREE).await;
}

#[tokio::test]
async fn a_closed_window_is_given_back_and_its_number_may_be_another_s_then() {
    let fake = Fake::new();
    let (mut follower, mut client, manager) = two_windows(&fake).await;
    client.close(ONE).await;
    // What was on its way is nobody's.
    client.set_states(ONE, &[ACTIVATED]).await;
    assert_eq!(client.request().await, Request { object: ONE, opcode: 7, arguments: vec![] });
    client.open(manager, ONE, b"three", &[ACTIVATED]).await;
    follower.wait_for(app("three")).await;
}

#[tokio::test]
async fn cosmic_tells_windows_and_their_states_apart() {
    let fake = Fake::new();
    let mut follower = Follower::of(fake.environment());
    let mut client = fake.accept_with(&[(LIST, 1), (COSMIC, 3)]).await;
    let (cosmic, list) = (client.bound(2).await, client.bound(1).await);
    client.asked_to_sync().await;
    let open = async |client: &mut Client, window: u32, app_id: &[u8]| {
        client.send(Event::of(list, 0).number(window)).await;
        client.send(Event::of(window, 3).text(app_id)).await;
        client.send(Event::of(window, 1)).await;
        client.asked_for_states(cosmic, window).await
    };
    let one = open(&mut client, ONE, b"one").await;
    client.answer().await;
    follower.expect(Update::Ready).await;
    client.send(Event::of(one, 8).array(&ACTIVATED.to_ne_bytes())).await;
    client.send(Event::of(ONE, 1)).await;
    follower.expect(app("one")).await;
    let two = open(&mut client, TWO, b"two").await;
    client.send(Event::of(one, 8).array(&[])).await;
    client.send(Event::of(two, 8).array(&ACTIVATED.to_ne_bytes())).await;
    client.send(Event::of(cosmic, 2)).await;
    follower.expect(app("two")).await;
    client.send(Event::of(TWO, 0)).await;
    assert_eq!(client.request().await, Request { object: two, opcode: 0, arguments: vec![] });
    assert_eq!(client.request().await, Request { object: TWO, opcode: 0, arguments: vec![] });
    follower.expect(PROMPT).await;
    follower.expect(NOTHING).await;
    // The number that is free again is the next one's.
    client.send(Event::of(fake::DISPLAY, 1).number(two)).await;
    assert_eq!(open(&mut client, TWO, b"three").await, two);
}

#[tokio::test]
async fn of_both_protocols_the_one_that_has_all_in_one_is_followed() {
    let fake = Fake::new();
    let mut follower = Follower::of(fake.environment());
    let mut client = fake.accept_with(&[(COSMIC, 2), (LIST, 1), (WLR, 3)]).await;
    let manager = client.bound(3).await;
    client.asked_to_sync().await;
    client.open(manager, ONE, b"one", &[ACTIVATED]).await;
    client.answer().await;
    follower.expect(Update::Ready).await;
    follower.expect(app("one")).await;
}

#[tokio::test]
async fn a_list_alone_does_not_tell_the_focus_and_the_protocol_that_does_may_come_later() {
    let fake = Fake::new();
    let mut follower = Follower::of(fake.environment());
    let mut client = fake.accept_with(&[(LIST, 1), (COSMIC, 1)]).await;
    assert!(follower.wait_for_unknown().await.contains("no protocol"));
    client.offer(9, WLR, 1).await;
    let manager = client.bound(9).await;
    client.asked_to_sync().await;
    client.open(manager, ONE, b"one", &[ACTIVATED]).await;
    client.answer().await;
    follower.expect(Update::Ready).await;
    follower.expect(app("one")).await;
    client.withdraw(9).await;
    assert!(follower.wait_for_unknown().await.contains("ended"));
}

#[tokio::test]
async fn a_compositor_that_dies_and_comes_back_is_followed_again() {
    let fake = Fake::new();
    let (mut follower, client, _) = two_windows(&fake).await;
    drop(client);
    assert!(follower.wait_for_unknown().await.contains("ended"));
    let (mut client, manager) = fake.accept_wlr().await;
    client.open(manager, ONE, b"three", &[ACTIVATED]).await;
    client.answer().await;
    follower.expect(Update::Ready).await;
    follower.expect(app("three")).await;
}

#[tokio::test]
async fn where_nobody_is_there_is_said_once_and_where_the_socket_was_looked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut environment = Fake::new().environment();
    environment.runtime_dir = Some(folder.path().into());
    let reason = Follower::of(environment.clone()).wait_for_unknown().await;
    assert!(reason.contains("no Wayland compositor at") && reason.contains("wayland-7"), "{reason}");
    let error = wayland::check(&environment).await.expect_err("nobody");
    assert_eq!(error.to_string(), reason);
}

#[tokio::test]
async fn messages_may_come_in_pieces() {
    let fake = Fake::new();
    let (mut follower, mut client, _) = two_windows(&fake).await;
    for byte in [fake::states_of(ONE, &[]), fake::states_of(TWO, &[ACTIVATED])].concat() {
        client.send_bytes(&[byte]).await;
        client.stream.flush().await.expect("a client");
        tokio::task::yield_now().await;
    }
    follower.wait_for(app("two")).await;
}

#[tokio::test]
async fn names_that_are_none_are_nameless_and_others_are_read_as_far_as_they_can_be() {
    let fake = Fake::new();
    let (mut follower, mut client, _) = two_windows(&fake).await;
    let longest = vec![b'a'; 0xfffc - 13];
    for (app_id, told) in [
        (&b""[..], NAMELESS),
        (b"\x1b\x07\n", NAMELESS),
        (b"caf\xe9", app("café")),
        (&longest, NAMELESS),
        (b"x\x1b[31my\0z", app("x[31myz")),
    ] {
        client.send(Event::of(ONE, 1).text(app_id)).await;
        client.send(Event::of(ONE, 5)).await;
        follower.expect(told).await;
        client.send(Event::of(ONE, 1).text(b"one")).await;
        client.send(Event::of(ONE, 5)).await;
        follower.expect(app("one")).await;
    }
    // A null, where the protocol has none.
    client.send(Event::of(ONE, 1).number(0)).await;
    client.send(Event::of(ONE, 5)).await;
    follower.expect(NAMELESS).await;
}
