//! What a device is, from what it says that it can do. Pure.

use super::contact::Surface;
use super::decode::{self, Modalities};
use evdev::{AbsInfo, AbsoluteAxisCode, KeyCode, PropType, RelativeAxisCode};
use serde::{Deserialize, Serialize};

/// A way of input. One node may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Has letters; power buttons, headset jacks and the like have keys too, but nobody types on them.
    Keyboard,
    Mouse,
    Touchpad,
    /// Touchscreens, graphics tablets, the pointers of virtual machines.
    AbsolutePointer,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Keyboard => "keyboard",
            Kind::Mouse => "mouse",
            Kind::Touchpad => "touchpad",
            Kind::AbsolutePointer => "absolute pointer",
        }
    }
}

/// The kernel's KEY_MAX.
const LAST_KEY: u16 = 0x2ff;

/// A set of the kernel's codes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Codes(Vec<usize>);

impl Codes {
    /// Reads a bitmap as sysfs prints it: hexadecimal machine words, the most significant first. Anything else is no code.
    pub fn parse(bitmap: &str) -> Codes {
        Codes(bitmap.split_whitespace().rev().map(|word| usize::from_str_radix(word, 16).unwrap_or(0)).collect())
    }

    pub fn has(&self, code: u16) -> bool {
        let (word, bit) = (usize::from(code) / usize::BITS as usize, u32::from(code) % usize::BITS);
        self.0.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    fn any(&self, is_meant: impl Fn(u16) -> bool) -> bool {
        (0..=LAST_KEY).any(|code| self.has(code) && is_meant(code))
    }
}

/// What a device says that it can do.
#[derive(Debug, Default)]
pub struct Capabilities {
    pub keys: Codes,
    pub relative: Codes,
    pub absolute: Codes,
    pub properties: Codes,
}

/// Tools of graphics tablets, and the button on a pen, which tablets without proximity have alone.
const PENS: [KeyCode; 8] = [
    KeyCode::BTN_STYLUS,
    KeyCode::BTN_TOOL_PEN,
    KeyCode::BTN_TOOL_RUBBER,
    KeyCode::BTN_TOOL_BRUSH,
    KeyCode::BTN_TOOL_PENCIL,
    KeyCode::BTN_TOOL_AIRBRUSH,
    KeyCode::BTN_TOOL_MOUSE,
    KeyCode::BTN_TOOL_LENS,
];
/// The first codes of the kernel's joystick and gamepad buttons.
const JOYSTICKS: [KeyCode; 2] = [KeyCode::BTN_TRIGGER, KeyCode::BTN_SOUTH];
/// The code before them: a mouse with so many buttons runs into those of joysticks, and a program's device may announce
/// every code that there is.
const BEFORE_JOYSTICKS: u16 = 0x11f;
/// The code before ABS_MT_SLOT, which nothing has but devices that announce every axis that there is.
const BEFORE_SLOTS: u16 = 0x2e;
/// Way of two fingers, in tenths of a millimetre, that counts as one detent of a wheel.
const DETENT_TENTHS_MM: i64 = 25;
/// The same as a share of the pad's height, for pads that do not tell their resolution; most are about 6 cm high.
const DETENTS_A_HEIGHT: i64 = 25;

impl Capabilities {
    /// Every way of input that the device is; none for what nobody types or points with.
    pub fn kinds(&self) -> Vec<Kind> {
        let pointer = match self.surface(None) {
            Surface::None => None,
            Surface::Touchpad { .. } => Some(Kind::Touchpad),
            Surface::Free | Surface::Touchscreen | Surface::Tablet => Some(Kind::AbsolutePointer),
        };
        let keyboard = (self.has(KeyCode::KEY_A) && self.has(KeyCode::KEY_Z)).then_some(Kind::Keyboard);
        let mouse = self.is_mouse().then_some(Kind::Mouse);
        [keyboard, mouse, pointer].into_iter().flatten().collect()
    }

    fn has(&self, key: KeyCode) -> bool {
        self.keys.has(key.0)
    }

    fn moves(&self, axis: RelativeAxisCode) -> bool {
        self.relative.has(axis.0)
    }

    fn is_mouse(&self) -> bool {
        self.moves(RelativeAxisCode::REL_X)
            && self.moves(RelativeAxisCode::REL_Y)
            && self.has(KeyCode::BTN_LEFT)
            && !self.is_sensor()
    }

    fn is_sensor(&self) -> bool {
        self.properties.has(PropType::ACCELEROMETER.0)
    }

    /// What the absolute axes are, by the questions of udev's `input_id` in their order. `vertical` is the range of the
    /// vertical axis, which only a touchpad needs.
    pub fn surface(&self, vertical: Option<AbsInfo>) -> Surface {
        let is_direct = self.properties.has(PropType::DIRECT.0);
        let has_mouse_buttons = self.keys.any(|code| decode::button(code).is_some());
        let has_contacts = self.has_contacts();
        if !(self.has_position() || has_contacts) || self.is_sensor() || self.is_joystick() {
            Surface::None
        } else if PENS.into_iter().any(|pen| self.has(pen)) {
            Surface::Tablet
        } else if self.has(KeyCode::BTN_TOOL_FINGER) && !is_direct {
            Surface::Touchpad { counts_per_detent: counts_per_detent(vertical) }
        } else if has_mouse_buttons && !is_direct {
            Surface::Free
        } else if self.has(KeyCode::BTN_TOUCH) || is_direct || has_contacts {
            Surface::Touchscreen
        } else {
            Surface::None
        }
    }

    fn has_position(&self) -> bool {
        self.absolute.has(AbsoluteAxisCode::ABS_X.0) && self.absolute.has(AbsoluteAxisCode::ABS_Y.0)
    }

    /// Drivers of multi-touch surfaces may leave the single-touch axes and every key out.
    fn has_contacts(&self) -> bool {
        self.absolute.has(AbsoluteAxisCode::ABS_MT_POSITION_X.0)
            && self.absolute.has(AbsoluteAxisCode::ABS_MT_POSITION_Y.0)
            && !(self.absolute.has(AbsoluteAxisCode::ABS_MT_SLOT.0) && self.absolute.has(BEFORE_SLOTS))
    }

    fn is_joystick(&self) -> bool {
        !self.keys.has(BEFORE_JOYSTICKS) && JOYSTICKS.into_iter().any(|button| self.has(button))
    }

    /// Which features an event of the device can feed.
    pub fn modalities(&self) -> Modalities {
        let points = [
            RelativeAxisCode::REL_X,
            RelativeAxisCode::REL_Y,
            RelativeAxisCode::REL_WHEEL,
            RelativeAxisCode::REL_WHEEL_HI_RES,
        ];
        Modalities {
            keystroke: self.keys.any(decode::is_key),
            mouse: points.into_iter().any(|axis| self.moves(axis))
                || self.keys.any(|code| decode::button(code).is_some())
                || self.surface(None) != Surface::None,
        }
    }
}

fn counts_per_detent(vertical: Option<AbsInfo>) -> i64 {
    let Some(range) = vertical else { return 1 };
    let (per_mm, height) = (i64::from(range.resolution()), i64::from(range.maximum()) - i64::from(range.minimum()));
    let counts = if per_mm > 0 { per_mm * DETENT_TENTHS_MM / 10 } else { height / DETENTS_A_HEIGHT };
    counts.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyCode as K;

    struct Device(Capabilities);

    fn codes(codes: impl IntoIterator<Item = u16>) -> Codes {
        let mut words = vec![0; 1_024 / usize::BITS as usize];
        for code in codes {
            words[usize::from(code) / usize::BITS as usize] |= 1 << (u32::from(code) % usize::BITS);
        }
        Codes(words)
    }

    impl Device {
        fn keys(keys: &[KeyCode]) -> Device {
            Device(Capabilities { keys: codes(keys.iter().map(|key| key.0)), ..Capabilities::default() })
        }

        fn moving(mut self) -> Device {
            self.0.relative = codes([RelativeAxisCode::REL_X.0, RelativeAxisCode::REL_Y.0]);
            self
        }

        fn positioned(mut self) -> Device {
            self.0.absolute = codes([AbsoluteAxisCode::ABS_X.0, AbsoluteAxisCode::ABS_Y.0]);
            self
        }

        fn with_contacts(mut self) -> Device {
            self.0.absolute = codes([AbsoluteAxisCode::ABS_MT_POSITION_X.0, AbsoluteAxisCode::ABS_MT_POSITION_Y.0]);
            self
        }

        fn with(mut self, property: PropType) -> Device {
            self.0.properties = codes([property.0]);
            self
        }

        fn typing() -> Device {
            Device::keys(&[K::KEY_A, K::KEY_Z, K::KEY_SPACE, K::KEY_ENTER])
        }

        fn pad() -> Device {
            Device::keys(&[K::BTN_LEFT, K::BTN_TOUCH, K::BTN_TOOL_FINGER, K::BTN_TOOL_DOUBLETAP]).positioned()
        }

        #[track_caller]
        fn is(self, kinds: &[Kind], keystroke: bool, mouse: bool) {
            assert_eq!(self.0.kinds(), kinds);
            assert_eq!(self.0.modalities(), Modalities { keystroke, mouse });
        }
    }

    #[test]
    fn what_has_letters_is_a_keyboard() {
        Device::typing().is(&[Kind::Keyboard], true, false);
    }

    #[test]
    fn keys_that_nobody_types_on_make_no_keyboard() {
        Device::keys(&[K::KEY_POWER, K::KEY_SLEEP]).is(&[], true, false);
        Device::keys(&[K::KEY_BRIGHTNESSUP, K::KEY_SWITCHVIDEOMODE]).is(&[], true, false);
        Device::keys(&[K::KEY_VOLUMEUP, K::KEY_PLAYPAUSE]).is(&[], true, false);
        Device::keys(&[]).is(&[], false, false);
    }

    #[test]
    fn what_moves_and_clicks_is_a_mouse() {
        Device::keys(&[K::BTN_LEFT, K::BTN_RIGHT]).moving().is(&[Kind::Mouse], false, true);
        Device::keys(&[]).moving().is(&[], false, true);
    }

    #[test]
    fn one_node_may_be_keyboard_and_mouse() {
        Device::keys(&[K::KEY_A, K::KEY_Z, K::BTN_LEFT]).moving().is(&[Kind::Keyboard, Kind::Mouse], true, true);
    }

    #[test]
    fn a_mouse_with_a_media_key_feeds_both_but_is_no_keyboard() {
        Device::keys(&[K::BTN_LEFT, K::KEY_PLAYPAUSE]).moving().is(&[Kind::Mouse], true, true);
    }

    #[test]
    fn fingers_on_axes_make_a_touchpad() {
        Device::pad().is(&[Kind::Touchpad], false, true);
    }

    #[test]
    fn screens_tablets_and_virtual_pointers_are_absolute_pointers() {
        let screen = Device::keys(&[K::BTN_TOUCH]).positioned().with(PropType::DIRECT);
        assert_eq!(screen.0.surface(None), Surface::Touchscreen);
        screen.is(&[Kind::AbsolutePointer], false, true);
        let finger_screen = Device::pad().with(PropType::DIRECT);
        assert_eq!(finger_screen.0.surface(None), Surface::Touchscreen);
        let tablet = Device::keys(&[K::BTN_TOOL_PEN, K::BTN_TOUCH, K::BTN_STYLUS]).positioned();
        assert_eq!(tablet.0.surface(None), Surface::Tablet);
        tablet.is(&[Kind::AbsolutePointer], false, true);
        let guest = Device::keys(&[K::BTN_LEFT, K::BTN_RIGHT]).positioned();
        assert_eq!(guest.0.surface(None), Surface::Free);
        guest.is(&[Kind::AbsolutePointer], false, true);
    }

    #[test]
    fn mouse_buttons_make_a_pointer_free_even_if_it_announces_touching() {
        let virtual_machine = [K::BTN_LEFT, K::BTN_RIGHT, K::BTN_SIDE, K::BTN_EXTRA, K::BTN_TOUCH];
        assert_eq!(Device::keys(&virtual_machine).positioned().0.surface(None), Surface::Free);
        let screen = Device::keys(&virtual_machine).positioned().with(PropType::DIRECT);
        assert_eq!(screen.0.surface(None), Surface::Touchscreen);
        assert_eq!(Device::keys(&[K::BTN_SIDE, K::BTN_TOUCH]).positioned().0.surface(None), Surface::Free);
    }

    #[test]
    fn surfaces_that_have_only_multi_touch_axes_are_pointers_too() {
        let surface = |keys: &[KeyCode]| Device::keys(keys).with_contacts().0.surface(None);
        assert_eq!(surface(&[K::BTN_TOUCH]), Surface::Touchscreen);
        assert_eq!(surface(&[]), Surface::Touchscreen, "no key at all");
        assert_eq!(surface(&[K::BTN_TOOL_PEN, K::BTN_TOUCH]), Surface::Tablet);
        assert_eq!(surface(&[K::BTN_LEFT]), Surface::Free);
        assert!(matches!(surface(&[K::BTN_TOOL_FINGER, K::BTN_LEFT]), Surface::Touchpad { .. }));
        Device::keys(&[]).with_contacts().is(&[Kind::AbsolutePointer], false, true);
    }

    #[test]
    fn a_pen_with_a_button_and_nothing_else_makes_a_tablet() {
        let tablet = Device::keys(&[K::BTN_STYLUS, K::BTN_TOUCH]).positioned();
        assert_eq!(tablet.0.surface(None), Surface::Tablet);
    }

    #[test]
    fn who_announces_everything_is_no_joystick_and_has_no_contacts() {
        let mouse = Device::keys(&[K::BTN_LEFT, KeyCode(BEFORE_JOYSTICKS), K::BTN_TRIGGER]).positioned();
        assert_eq!(mouse.0.surface(None), Surface::Free);
        let keyboard = Device(Capabilities { absolute: codes(0..0x40), ..Device::typing().with_contacts().0 });
        keyboard.is(&[Kind::Keyboard], true, false);
    }

    #[test]
    fn joysticks_gamepads_and_sensors_point_at_nothing() {
        Device::keys(&[K::BTN_TRIGGER, K::BTN_THUMB]).positioned().is(&[], false, false);
        Device::keys(&[K::BTN_SOUTH, K::BTN_EAST]).positioned().is(&[], false, false);
        Device::keys(&[]).positioned().with(PropType::ACCELEROMETER).is(&[], false, false);
        Device::keys(&[K::BTN_TOUCH]).positioned().with(PropType::ACCELEROMETER).is(&[], false, false);
    }

    #[test]
    fn a_detent_of_a_touchpad_is_two_and_a_half_millimetres() {
        let detent = |from, to, per_mm| counts_per_detent(Some(AbsInfo::new(0, from, to, 0, 0, per_mm)));
        assert_eq!(detent(0, 2_400, 40), 100);
        assert_eq!(detent(1_000, 3_500, 0), 100, "by its height if the resolution is unknown");
        assert_eq!(detent(0, 0, 0), 1);
        assert_eq!(detent(i32::MAX, i32::MIN, 0), 1, "nonsense must not divide by zero");
        assert_eq!(counts_per_detent(None), 1);
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn bitmaps_are_read_as_sysfs_prints_them() {
        // A laptop's keyboard and a mouse with side buttons.
        let keyboard = Codes::parse("402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe\n");
        assert!(keyboard.has(K::KEY_ESC.0) && keyboard.has(K::KEY_A.0) && keyboard.has(K::KEY_POWER.0));
        assert!(!keyboard.has(0) && !keyboard.has(K::BTN_LEFT.0) && !keyboard.has(u16::MAX));
        let mouse = Codes::parse("1f0000 0 0 0 0\n");
        assert!((0..=LAST_KEY).filter(|&code| mouse.has(code)).eq(K::BTN_LEFT.0..=K::BTN_EXTRA.0));
        assert!(
            !Codes::parse("0\n").any(|_| true) && !Codes::parse("").any(|_| true) && !Codes::parse("?").any(|_| true)
        );
    }
}
