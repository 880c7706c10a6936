//! The keyboard's layout, as `setxkbmap` sets it.

use std::process::Command;

use seclyzer::event::{Key, KeySet, Layout};
use seclyzer::sources::x11::Update;

use crate::follower::{Follower, NOTHING};
use crate::xserver::XServer;
use crate::xwindows::Windows;

/// Where a letter or a mark is on a layout: alone, with Shift, with AltGr, and what is a dead key.
struct Expected {
    options: &'static [&'static str],
    plain: &'static str,
    shift: &'static str,
    altgr: &'static str,
    accents: &'static str,
    /// Keys that write nothing of a word, alone and with Shift.
    neither: [&'static str; 2],
}

/// By the key in that place of a US keyboard.
const LAYOUTS: [Expected; 11] = [
    Expected {
        options: &["us"],
        plain: "qwertyuiopasdfghjklzxcvbnm,.'-",
        shift: "qwertyuiopasdfghjklzxcvbnm",
        altgr: "",
        accents: "",
        neither: ["1234567890=[];/\\`", "1234567890-=[];',./"],
    },
    Expected {
        options: &["de"],
        plain: "qwertyuiop[asdfghjkl;'zxcvbnm,./-",
        shift: "qwertyuiop[asdfghjkl;'zxcvbnm",
        altgr: "s",
        accents: "=`",
        neither: ["1234567890]\\", "1234567890-],./"],
    },
    Expected {
        options: &["fr"],
        plain: "qwertyuiopasdfghjkl;'zxcvbnm24670",
        shift: "qwertyuiopasdfghjkl;zxcvbn,",
        altgr: "",
        accents: "[",
        neither: ["1358-,./=]", "1234567890-m./=]"],
    },
    Expected {
        options: &["us", "-variant", "dvorak"],
        plain: "qwertyuiopasdfghjkl;'xcvbnm,./",
        shift: "rtyuiopasdfghjkl;xcvbnm,./",
        altgr: "",
        accents: "",
        neither: ["1234567890-=[]z", "1234567890-=[]qwez'"],
    },
    Expected {
        options: &["us", "-variant", "colemak"],
        plain: "qwertyuioasdfghjkl;zxcvbnm,.'-",
        shift: "qwertyuioasdfghjkl;zxcvbnm",
        altgr: "",
        accents: "",
        neither: ["1234567890=p[]/", "1234567890=p[]/"],
    },
    Expected {
        options: &["ru"],
        plain: "qwertyuiop[]asdfghjkl;'zxcvbnm,./`-",
        shift: "qwertyuiop[]asdfghjkl;'zxcvbnm,.`/",
        altgr: "",
        accents: "",
        neither: ["1234567890=\\", "1234567890-="],
    },
    Expected {
        options: &["pl"],
        plain: "qwertyuiopasdfghjklzxcvbnm,.'-",
        shift: "qwertyuiopasdfghjklzxcvbnm",
        altgr: "acelnosxz",
        accents: "",
        neither: ["1234567890=[];/", "1234567890-=[];',./"],
    },
    Expected {
        options: &["es"],
        plain: "qwertyuiopasdfghjkl;zxcvbnm\\,./-",
        shift: "qwertyuiopasdfghjkl;zxcvbnm\\",
        altgr: "",
        accents: "['",
        neither: ["1234567890]", "124567890-],./"],
    },
    Expected {
        options: &["cz"],
        plain: "234567890qwertyuiop[asdfghjkl;zxcvbnm,./",
        shift: "qwertyuiopasdfghjklzxcvbnm",
        altgr: "",
        accents: "=",
        neither: ["1]'\\", "1234567890-[];',./"],
    },
    Expected {
        options: &["gr"],
        plain: "wertyuiopasdfghjklzxcvbnm,.'-",
        shift: "ertyuiopasdfghjklzxcvbnm",
        altgr: "",
        accents: ";",
        neither: ["1234567890q=[]/", "1234567890q=[]-,./'"],
    },
    Expected {
        options: &["il"],
        plain: "wertyuiopasdfghjkl;zxcvbnm,./-",
        shift: "",
        altgr: "",
        accents: "",
        neither: ["1234567890=[]q", "1234567890=[]"],
    },
];

fn keys(characters: &str) -> KeySet {
    characters.chars().map(|c| Key::named(&c.to_string()).expect("a key of a US keyboard")).collect()
}

/// What is in the one set and not in the other, by the characters of a US keyboard.
fn missing(of: &str, from: KeySet) -> String {
    of.chars().filter(|c| !from.contains(Key::named(&c.to_string()).expect("a key"))).collect()
}

fn present(of: &str, within: KeySet) -> String {
    of.chars().filter(|c| within.contains(Key::named(&c.to_string()).expect("a key"))).collect()
}

fn set_layout(server: &XServer, options: &[&str]) {
    let mut setxkbmap = Command::new("setxkbmap");
    let status = setxkbmap.args(["-display", &server.display(), "-option", ""]).args(options).status();
    assert!(status.expect("setxkbmap runs").success(), "{options:?}");
}

/// What is wrong with a layout.
fn faults(layout: &Layout, expected: &Expected) -> Vec<String> {
    let [plain, shift] = expected.neither;
    [
        ("no letter alone", missing(expected.plain, layout.plain)),
        ("no letter with Shift", missing(expected.shift, layout.shift)),
        ("no letter with AltGr", missing(expected.altgr, layout.altgr)),
        ("no dead key", missing(expected.accents, layout.accents)),
        ("a letter alone", present(plain, layout.plain)),
        ("a letter with Shift", present(shift, layout.shift)),
        ("a letter besides its dead key", present(expected.accents, layout.plain.union(layout.shift))),
    ]
    .into_iter()
    .filter(|(_, keys)| !keys.is_empty())
    .map(|(what, keys)| format!("{what}: {keys}"))
    .collect()
}

async fn followed() -> (XServer, Follower) {
    let server = XServer::start();
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    (server, follower)
}

#[tokio::test]
async fn the_letters_of_each_layout_are_those_that_it_writes() {
    let mut wrong = Vec::new();
    for expected in &LAYOUTS {
        let server = XServer::start();
        set_layout(&server, expected.options);
        let mut follower = Follower::on(server.display());
        follower.expect(Update::Ready).await;
        let layout = follower.wait_for_layout(|_| true).await;
        wrong.extend(faults(&layout, expected).into_iter().map(|fault| format!("{:?}: {fault}", expected.options)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_us_layout_is_the_one_that_is_assumed_without_x() {
    let (_server, mut follower) = followed().await;
    let layout = follower.wait_for_layout(|_| true).await;
    assert!(layout.plain == Layout::US.plain && layout.altgr.is_empty() && layout.accents.is_empty());
    // With Shift the marks are others.
    assert!(layout.shift == Layout::US.shift.without(Key::US_MARKS));
}

#[tokio::test]
async fn a_layout_that_is_set_later_is_followed() {
    let (server, mut follower) = followed().await;
    follower.wait_for_layout(|layout| layout.plain == Layout::US.plain).await;
    set_layout(&server, &["de"]);
    let layout = follower.wait_for_layout(|layout| layout.plain.contains(Key::named(";").unwrap())).await;
    assert_eq!(faults(&layout, &LAYOUTS[1]), [""; 0]);
}

#[tokio::test]
async fn switching_between_two_layouts_is_followed() {
    let server = XServer::start();
    let windows = Windows::on(&server);
    set_layout(&server, &["us,ru,gr,de", "-option", "grp:alt_shift_toggle"]);
    let mut follower = Follower::on(server.display());
    follower.expect(Update::Ready).await;
    for (group, number) in [(0, 0), (1, 5), (2, 9), (3, 1), (0, 0)] {
        windows.switch_layout(group);
        let expected = &LAYOUTS[number];
        follower.wait_for_layout(|layout| faults(layout, expected).is_empty()).await;
    }
}

#[tokio::test]
async fn a_key_that_is_given_other_symbols_is_followed() {
    let (server, mut follower) = followed().await;
    follower.expect(NOTHING).await;
    follower.wait_for_layout(|layout| layout.plain == Layout::US.plain).await;
    const SEMICOLON: u8 = 47;
    Windows::on(&server).remap(SEMICOLON, &[0xf6, 0xd6]);
    let layout = follower.wait_for_layout(|layout| layout.plain != Layout::US.plain).await;
    assert!(layout.plain == Layout::US.plain.union(keys(";")));
}
