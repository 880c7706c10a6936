//! What the two properties say that are ever read. Any program on the display can write anything into them, so every
//! byte sequence has a defined, bounded meaning.

use x11rb::protocol::xproto::{GetPropertyReply, Window};

use crate::sources::app::{App, readable};

/// The class of the windows behind which Java takes the keyboard; the window around it names the application.
const PROXY_CLASS: &str = "FocusProxy";

/// How much of WM_CLASS is asked for, in 32-bit units: enough to see that a half is too long.
pub(super) const WM_CLASS_LENGTH: u32 = 256;

/// The application that a WM_CLASS names. Its form is `instance NUL class NUL`; what lacks a NUL is an instance alone.
pub fn parse_wm_class(bytes: &[u8]) -> Option<App> {
    let mut halves = bytes.split(|&byte| byte == 0).map(readable);
    let mut half = || halves.next().flatten().unwrap_or_default();
    let app = App { instance: half(), class: half() };
    (!app.name().is_empty() && &*app.class != PROXY_CLASS).then_some(app)
}

/// The application that an answer about WM_CLASS names.
pub fn app(property: &GetPropertyReply) -> Option<App> {
    if property.format == 8 { parse_wm_class(&property.value) } else { None }
}

/// The window that an answer about `_NET_ACTIVE_WINDOW` or `_NET_SUPPORTING_WM_CHECK` names.
pub fn window(property: &GetPropertyReply) -> Option<Window> {
    property.value32()?.next().filter(|&window| window != x11rb::NONE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::json::LONGEST_NAME;

    fn app_of(instance: &str, class: &str) -> Option<App> {
        Some(App { instance: instance.into(), class: class.into() })
    }

    fn property(format: u8, value: &[u8]) -> GetPropertyReply {
        let value_len = value.len() as u32 / (u32::from(format) / 8).max(1);
        GetPropertyReply { format, value_len, value: value.to_vec(), ..Default::default() }
    }

    #[test]
    fn both_halves_of_an_ordinary_wm_class_are_told() {
        assert_eq!(parse_wm_class(b"xterm\0XTerm\0"), app_of("xterm", "XTerm"));
        assert_eq!(parse_wm_class(b"xterm\0XTerm"), app_of("xterm", "XTerm"));
    }

    #[test]
    fn an_empty_instance_leaves_the_class() {
        assert_eq!(parse_wm_class(b"\0XTerm\0"), app_of("", "XTerm"));
    }

    #[test]
    fn without_a_nul_all_of_it_is_the_instance() {
        assert_eq!(parse_wm_class(b"xterm"), app_of("xterm", ""));
        assert_eq!(parse_wm_class(b"xterm\0"), app_of("xterm", ""));
    }

    #[test]
    fn an_empty_wm_class_names_nothing() {
        for bytes in [&b""[..], b"\0", b"\0\0", b"\0\0\0", b"\x1b\x07\0\n\0"] {
            assert_eq!(parse_wm_class(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_window_behind_which_java_takes_the_keyboard_names_nothing() {
        assert_eq!(parse_wm_class(b"Focus-Proxy-Window\0FocusProxy\0"), None);
    }

    #[test]
    fn a_third_part_is_ignored() {
        assert_eq!(parse_wm_class(b"a\0B\0c\0"), app_of("a", "B"));
    }

    #[test]
    fn what_is_not_utf_8_is_latin_1() {
        assert_eq!(parse_wm_class("é\0É\0".as_bytes()), app_of("é", "É"));
        assert_eq!(parse_wm_class(b"caf\xe9\0Caf\xe9\0"), app_of("café", "Café"));
    }

    #[test]
    fn control_characters_are_left_out() {
        assert_eq!(parse_wm_class(b"x\x1b[31mterm\n\0X\x7fTerm\0"), app_of("x[31mterm", "XTerm"));
        assert_eq!(parse_wm_class("x\u{85}y\0Z\0".as_bytes()), app_of("xy", "Z"));
    }

    #[test]
    fn a_half_of_256_bytes_is_a_name_and_a_longer_one_is_not() {
        let longest = "a".repeat(256);
        assert_eq!(parse_wm_class(format!("{longest}\0C\0").as_bytes()), app_of(&longest, "C"));
        assert_eq!(parse_wm_class(format!("{longest}a\0C\0").as_bytes()), app_of("", "C"));
        assert_eq!(parse_wm_class(format!("a\0{longest}C\0").as_bytes()), app_of("a", ""));
        assert_eq!(parse_wm_class("a".repeat(1024).as_bytes()), None);
    }

    #[test]
    fn latin_1_counts_by_the_bytes_it_becomes() {
        assert_eq!(parse_wm_class(&[0xe9; 129]), None);
        assert_eq!(parse_wm_class(&[0xe9; 128]), app_of(&"é".repeat(128), ""));
    }

    #[test]
    fn a_wm_class_that_is_no_text_names_nothing() {
        assert_eq!(app(&property(32, b"xterm\0XT")), None);
        assert_eq!(app(&property(0, b"")), None);
        assert_eq!(app(&property(8, b"xterm\0XTerm\0")), app_of("xterm", "XTerm"));
    }

    #[test]
    fn an_active_window_is_one_number_of_32_bits_that_is_not_zero() {
        assert_eq!(window(&property(32, &7u32.to_ne_bytes())), Some(7));
        assert_eq!(window(&property(32, &0u32.to_ne_bytes())), None);
        assert_eq!(window(&property(32, b"")), None);
        assert_eq!(window(&property(8, &7u32.to_ne_bytes())), None);
        assert_eq!(window(&property(0, b"")), None);
    }

    proptest! {
        #[test]
        fn any_bytes_give_names_that_fit_and_hold_no_control_characters(
            bytes in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>(), 0x80..=0xffu8], 0..1100),
        ) {
            if let Some(app) = parse_wm_class(&bytes) {
                prop_assert!(!app.name().is_empty());
                for half in [app.instance, app.class] {
                    prop_assert!(half.len() <= LONGEST_NAME);
                    prop_assert!(!half.chars().any(char::is_control));
                }
            }
        }

        #[test]
        fn any_two_ordinary_names_come_back_as_they_were(name in "[a-zA-Z0-9._é -]{1,100}", class in "[A-Za-z0-9é]{1,100}") {
            let parsed = parse_wm_class(format!("{name}\0{class}\0").as_bytes());
            prop_assert_eq!(parsed, app_of(&name, &class));
        }
    }
}
