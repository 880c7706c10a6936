//! Devices of the kernel's HID layer (uhid), as those of USB and Bluetooth are: unlike uinput's they are no program's own.

use evdev::{EventSummary, InputEvent, KeyCode, RelativeAxisCode as Rel};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Of linux/uhid.h, as are the sizes of the fields below.
const CREATE2: u32 = 11;
const INPUT2: u32 = 12;
const BUS_USB: u16 = 3;

/// A mouse with three buttons and a keyboard, as for the boot protocol (Device Class Definition for HID 1.11, appendix B).
#[rustfmt::skip]
const MOUSE: &[u8] = &[
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09, 0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01,
    0x95, 0x03, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x05, 0x81, 0x03, 0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x81,
    0x25, 0x7f, 0x75, 0x08, 0x95, 0x02, 0x81, 0x06, 0xc0, 0xc0,
];
#[rustfmt::skip]
const KEYBOARD: &[u8] = &[
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08,
    0x81, 0x02, 0x95, 0x01, 0x75, 0x08, 0x81, 0x03, 0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, 0x05, 0x07, 0x19, 0x00,
    0x29, 0x65, 0x81, 0x00, 0xc0,
];
/// KEY_J among the HID usages.
const USAGE_J: u8 = 0x0d;

pub struct HidDevice {
    file: File,
    name: String,
    is_mouse: bool,
}

impl HidDevice {
    pub fn new(name: &str, is_mouse: bool) -> io::Result<HidDevice> {
        let mut file = File::options().read(true).write(true).open("/dev/uhid")?;
        let description = if is_mouse { MOUSE } else { KEYBOARD };
        let mut event = CREATE2.to_ne_bytes().to_vec();
        event.extend(name.bytes().chain(std::iter::repeat(0)).take(128));
        // Where it is plugged in, and its serial number.
        event.extend([0; 64 + 64]);
        event.extend((description.len() as u16).to_ne_bytes());
        event.extend(BUS_USB.to_ne_bytes());
        // Vendor, product, version, country.
        event.extend([0x1209_u32, 1, 1, 0].iter().flat_map(|number| number.to_ne_bytes()));
        event.extend(description);
        file.write_all(&event)?;
        Ok(HidDevice { file, name: name.to_owned(), is_mouse })
    }

    /// Its node, once the kernel has made it.
    pub fn node(&self) -> Result<PathBuf, Box<dyn Error>> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            for entry in fs::read_dir("/sys/class/input")? {
                let name = entry?.file_name();
                let place = format!("/sys/class/input/{}/device/name", name.display());
                if fs::read_to_string(place).is_ok_and(|text| text.trim() == self.name) {
                    return Ok(PathBuf::from("/dev/input").join(name));
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("the device has no node".into())
    }

    /// Reports motion, or that KEY_J is pressed or released.
    pub fn emit(&mut self, events: &[InputEvent]) -> Result<(), Box<dyn Error>> {
        let mut report = if self.is_mouse { vec![0; 3] } else { vec![0; 8] };
        for event in events {
            match event.destructure() {
                EventSummary::RelativeAxis(_, Rel::REL_X, dx) if self.is_mouse => report[1] = i8::try_from(dx)? as u8,
                EventSummary::RelativeAxis(_, Rel::REL_Y, dy) if self.is_mouse => report[2] = i8::try_from(dy)? as u8,
                EventSummary::Key(_, KeyCode::KEY_J, value) if !self.is_mouse => report[2] = USAGE_J * value as u8,
                _ => return Err(format!("not a report of this device: {event:?}").into()),
            }
        }
        let mut event = INPUT2.to_ne_bytes().to_vec();
        event.extend((report.len() as u16).to_ne_bytes());
        event.extend(report);
        Ok(self.file.write_all(&event)?)
    }
}
