//! What a device is, from what it can do. Pure but for [`Capabilities::of`].

use super::contact::Surface;
use super::decode::{self, Modalities};
use evdev::raw_stream::RawDevice;
use evdev::{AbsInfo, AbsoluteAxisCode, AttributeSet, KeyCode, PropType, RelativeAxisCode};
use serde::Serialize;

/// A way of input. One node may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// What a device says that it can do.
#[derive(Default)]
pub struct Capabilities {
    pub keys: AttributeSet<KeyCode>,
    pub relative: AttributeSet<RelativeAxisCode>,
    pub absolute: AttributeSet<AbsoluteAxisCode>,
    pub properties: AttributeSet<PropType>,
    /// Range and resolution of ABS_Y, where there is such an axis.
    pub vertical: Option<AbsInfo>,
}

const PENS: [KeyCode; 7] = [
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
/// Way of two fingers, in tenths of a millimetre, that counts as one detent of a wheel.
const DETENT_TENTHS_MM: i64 = 25;
/// The same as a share of the pad's height, for pads that do not tell their resolution; most are about 6 cm high.
const DETENTS_A_HEIGHT: i64 = 25;

impl Capabilities {
    pub fn of(device: &RawDevice) -> Capabilities {
        let vertical = device
            .get_absinfo()
            .ok()
            .and_then(|mut axes| axes.find(|&(axis, _)| axis == AbsoluteAxisCode::ABS_Y).map(|(_, range)| range));
        Capabilities {
            keys: device.supported_keys().into_iter().flatten().collect(),
            relative: device.supported_relative_axes().into_iter().flatten().collect(),
            absolute: device.supported_absolute_axes().into_iter().flatten().collect(),
            properties: device.properties().iter().collect(),
            vertical,
        }
    }

    /// Every way of input that the device is; none for what nobody types or points with.
    pub fn kinds(&self) -> Vec<Kind> {
        let pointer = match self.surface() {
            Surface::None => None,
            Surface::Touchpad { .. } => Some(Kind::Touchpad),
            Surface::Free | Surface::Touchscreen | Surface::Tablet => Some(Kind::AbsolutePointer),
        };
        let has_letters = self.keys.contains(KeyCode::KEY_A) && self.keys.contains(KeyCode::KEY_Z);
        let keyboard = has_letters.then_some(Kind::Keyboard);
        let mouse = self.is_mouse().then_some(Kind::Mouse);
        [keyboard, mouse, pointer].into_iter().flatten().collect()
    }

    fn is_mouse(&self) -> bool {
        self.relative.contains(RelativeAxisCode::REL_X)
            && self.relative.contains(RelativeAxisCode::REL_Y)
            && self.keys.contains(KeyCode::BTN_LEFT)
            && !self.is_sensor()
    }

    fn is_sensor(&self) -> bool {
        self.properties.contains(PropType::ACCELEROMETER)
    }

    /// What the absolute axes are.
    pub fn surface(&self) -> Surface {
        let has = |key| self.keys.contains(key);
        let has_axes =
            self.absolute.contains(AbsoluteAxisCode::ABS_X) && self.absolute.contains(AbsoluteAxisCode::ABS_Y);
        if !has_axes || self.is_sensor() || JOYSTICKS.into_iter().any(has) {
            return Surface::None;
        }
        let is_direct = self.properties.contains(PropType::DIRECT);
        if PENS.into_iter().any(has) {
            Surface::Tablet
        } else if has(KeyCode::BTN_TOOL_FINGER) && !is_direct {
            Surface::Touchpad { counts_per_detent: self.counts_per_detent() }
        } else if has(KeyCode::BTN_TOUCH) {
            Surface::Touchscreen
        } else if has(KeyCode::BTN_LEFT) {
            Surface::Free
        } else {
            Surface::None
        }
    }

    fn counts_per_detent(&self) -> i64 {
        let Some(range) = self.vertical else { return 1 };
        let (per_mm, height) = (i64::from(range.resolution()), i64::from(range.maximum()) - i64::from(range.minimum()));
        let counts = if per_mm > 0 { per_mm * DETENT_TENTHS_MM / 10 } else { height / DETENTS_A_HEIGHT };
        counts.max(1)
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
            keystroke: self.keys.iter().any(|key| decode::is_key(key.code())),
            mouse: points.into_iter().any(|axis| self.relative.contains(axis))
                || self.keys.iter().any(|key| decode::button(key.code()).is_some())
                || self.surface() != Surface::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyCode as K;

    struct Device(Capabilities);

    impl Device {
        fn keys(keys: &[KeyCode]) -> Device {
            Device(Capabilities { keys: keys.iter().collect(), ..Capabilities::default() })
        }

        fn moving(mut self) -> Device {
            self.0.relative = [RelativeAxisCode::REL_X, RelativeAxisCode::REL_Y].into_iter().collect();
            self
        }

        fn positioned(mut self) -> Device {
            self.0.absolute = [AbsoluteAxisCode::ABS_X, AbsoluteAxisCode::ABS_Y].into_iter().collect();
            self
        }

        fn with(mut self, property: PropType) -> Device {
            self.0.properties.insert(property);
            self
        }

        fn high(mut self, from: i32, to: i32, counts_per_mm: i32) -> Device {
            self.0.vertical = Some(AbsInfo::new(0, from, to, 0, 0, counts_per_mm));
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
        assert_eq!(screen.0.surface(), Surface::Touchscreen);
        screen.is(&[Kind::AbsolutePointer], false, true);
        let finger_screen = Device::pad().with(PropType::DIRECT);
        assert_eq!(finger_screen.0.surface(), Surface::Touchscreen);
        let tablet = Device::keys(&[K::BTN_TOOL_PEN, K::BTN_TOUCH, K::BTN_STYLUS]).positioned();
        assert_eq!(tablet.0.surface(), Surface::Tablet);
        tablet.is(&[Kind::AbsolutePointer], false, true);
        let guest = Device::keys(&[K::BTN_LEFT, K::BTN_RIGHT]).positioned();
        assert_eq!(guest.0.surface(), Surface::Free);
        guest.is(&[Kind::AbsolutePointer], false, true);
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
        let detent = |device: Device| match device.0.surface() {
            Surface::Touchpad { counts_per_detent } => counts_per_detent,
            other => panic!("{other:?}"),
        };
        assert_eq!(detent(Device::pad().high(0, 2_400, 40)), 100);
        assert_eq!(detent(Device::pad().high(1_000, 3_500, 0)), 100, "by its height if the resolution is unknown");
        assert_eq!(detent(Device::pad().high(0, 0, 0)), 1);
        assert_eq!(detent(Device::pad().high(i32::MAX, i32::MIN, 0)), 1, "nonsense divides nothing by zero");
        assert_eq!(detent(Device::pad()), 1);
    }
}
