//! What WM_CLASS may contain.

use crate::follower::{NAMELESS, focus, two_windows};
use seclyzer::sources::x11::Update;

#[tokio::test]
async fn a_hostile_wm_class_gives_a_bounded_name_or_none_and_stops_nothing() {
    let (_server, windows, [one, _], mut follower) = two_windows().await;
    let megabyte = vec![b'a'; 1 << 20];
    let megabyte_of_class = [b"short\0", &megabyte[..]].concat();
    let unknown: [&[u8]; 4] = [b"", b"\0\0", b"\x1b\x01\0\n\0", &megabyte];
    let named: [(&[u8], Update); 4] = [
        (b"no nul", focus("no nul", "")),
        (b"\xff\xfe\0\xe9\0", focus("ÿþ", "é")),
        (b"a\x1b[31m\0B\r\n\0", focus("a[31m", "B")),
        (&megabyte_of_class, focus("short", "")),
    ];
    for wm_class in unknown {
        windows.focus(windows.open(Some(wm_class)));
        follower.expect(NAMELESS).await;
        windows.focus(one);
        follower.expect(focus("one", "One")).await;
    }
    for (wm_class, expected) in named {
        windows.focus(windows.open(Some(wm_class)));
        follower.expect(expected).await;
    }
    let of_numbers = windows.open(None);
    windows.set_wm_class_of_numbers(of_numbers, &[0x6d72_6574; 4]);
    windows.focus(of_numbers);
    follower.expect(NAMELESS).await;
}
