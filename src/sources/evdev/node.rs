//! One node under /dev/input: what it is, whether it is read, and why not.

use super::classify::{Capabilities, Kind};
use super::decode::Decoder;
use super::pattern::{Candidate, Selection, Unread};
use evdev::BusType;
use evdev::raw_stream::RawDevice;
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A node and what is known of it. Its number changes from boot to boot; the rest identifies the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    pub path: PathBuf,
    /// As the device tells it, control characters replaced; empty if unknown.
    pub name: String,
    pub bus: u16,
    pub vendor: u16,
    pub product: u16,
    /// Serial number or Bluetooth address; empty if it has none.
    pub uniq: String,
    pub kinds: Vec<Kind>,
    /// Made by a program (uinput), as remappers do.
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
    #[serde(flatten)]
    pub state: State,
}

/// Whether a node is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum State {
    Read,
    Unread(Unread),
    /// It could not be opened: the error's name as in errno(3), or its text.
    Refused(String),
}

/// A node that was looked at.
pub(super) struct Examined {
    pub node: Node,
    /// To read from, if it is to be read.
    pub opened: Option<(File, Decoder)>,
    /// It may well open in a moment: a new node exists before its permissions do.
    pub is_worth_a_retry: bool,
}

/// Opens a node, finds out what it is, and keeps it open if it is to be read.
pub(super) fn examine(path: &Path, selection: &Selection) -> Examined {
    match open(path) {
        Ok((file, device)) => {
            let capabilities = Capabilities::of(&device);
            let id = device.input_id();
            let mut node = Node {
                path: path.to_owned(),
                name: printable(device.name().unwrap_or_default()),
                bus: id.bus_type().0,
                vendor: id.vendor(),
                product: id.product(),
                uniq: printable(device.unique_name().unwrap_or_default()),
                kinds: capabilities.kinds(),
                is_virtual: is_virtual(fs::read_link(sysfs(path)).ok().as_deref(), id.bus_type()),
                state: State::Read,
            };
            let admitted = selection.admit(node.candidate());
            if let Err(reason) = admitted {
                node.state = State::Unread(reason);
            }
            let opened = admitted.is_ok().then(|| {
                let decoder = Decoder::new(capabilities.modalities(), capabilities.surface());
                (file, decoder)
            });
            Examined { node, opened, is_worth_a_retry: false }
        }
        Err(error) => Examined {
            node: unopened(path, State::Refused(errno_name(&error))),
            opened: None,
            is_worth_a_retry: matches!(error.raw_os_error(), Some(libc::EACCES | libc::ENOENT)),
        },
    }
}

impl Node {
    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            path: &self.path,
            name: &self.name,
            vendor: self.vendor,
            product: self.product,
            is_input: !self.kinds.is_empty(),
        }
    }
}

/// Opens a node for reading only, on the clock that counts sleep.
fn open(path: &Path) -> io::Result<(File, RawDevice)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    set_clock(&file)?;
    let device = RawDevice::from_fd(file.try_clone()?.into())?;
    Ok((file, device))
}

/// Lets the kernel stamp events by CLOCK_BOOTTIME. To be done before the first read: it empties the queue.
fn set_clock(file: &File) -> io::Result<()> {
    const EVIOCSCLOCKID: libc::Ioctl = libc::_IOW::<libc::c_int>(b'E' as u32, 0xa0);
    let clock: libc::c_int = libc::CLOCK_BOOTTIME;
    // SAFETY: the descriptor is open; the kernel reads one int, which lives through the call.
    match unsafe { libc::ioctl(file.as_raw_fd(), EVIOCSCLOCKID, &clock) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What is known of a node that could not be opened: sysfs tells everybody.
fn unopened(path: &Path, state: State) -> Node {
    let told = |file: &str| fs::read_to_string(sysfs(path).join("device").join(file)).unwrap_or_default();
    let number = |file: &str| u16::from_str_radix(told(file).trim(), 16).unwrap_or_default();
    let bus = number("id/bustype");
    Node {
        path: path.to_owned(),
        name: printable(told("name").trim_end()),
        bus,
        vendor: number("id/vendor"),
        product: number("id/product"),
        uniq: printable(told("uniq").trim_end()),
        kinds: Vec::new(),
        is_virtual: is_virtual(fs::read_link(sysfs(path)).ok().as_deref(), BusType(bus)),
        state,
    }
}

fn sysfs(path: &Path) -> PathBuf {
    Path::new("/sys/class/input").join(path.file_name().unwrap_or_default())
}

/// Whether a program made the device. Where sysfs has it decides; the bus is only what the maker says, and the mice
/// of some virtual machines say `virtual`. Bluetooth keyboards lie below `virtual/misc/uhid` and are real.
fn is_virtual(sysfs_link: Option<&Path>, bus: BusType) -> bool {
    match sysfs_link {
        Some(link) => link.to_string_lossy().contains("/devices/virtual/input/"),
        None => bus == BusType::BUS_VIRTUAL,
    }
}

/// A device's maker chooses its name; it must not steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The name of an error as errno(3) has it, or its text.
pub(super) fn errno_name(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::EACCES) => "EACCES",
        Some(libc::EPERM) => "EPERM",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::ENODEV) => "ENODEV",
        Some(libc::ENXIO) => "ENXIO",
        Some(libc::EMFILE) => "EMFILE",
        Some(libc::ENOTTY | libc::EINVAL) => "not an input device",
        _ => return error.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_that_programs_make_are_virtual_and_bluetooth_ones_are_not() {
        let at = |link: &str| is_virtual(Some(Path::new(link)), BusType::BUS_VIRTUAL);
        assert!(at("../../devices/virtual/input/input20/event9"));
        assert!(!at("../../devices/virtual/misc/uhid/0005:046D:B342.0001/input/input20/event9"));
        assert!(!at("../../devices/platform/i8042/serio0/input/input1/event1"));
        assert!(is_virtual(None, BusType::BUS_VIRTUAL), "without sysfs the bus has to do");
        assert!(!is_virtual(None, BusType::BUS_USB));
    }

    #[test]
    fn a_name_cannot_steer_a_terminal() {
        assert_eq!(printable("Key\x1b[31mboard\n"), "Key\u{fffd}[31mboard\u{fffd}");
    }

    #[test]
    fn a_node_is_told_as_one_flat_object() {
        let mut node = unopened(Path::new("/nowhere/event7"), State::Refused("EACCES".into()));
        node.kinds = vec![Kind::Keyboard, Kind::AbsolutePointer];
        let told = serde_json::to_value(&node).expect("JSON");
        assert_eq!(told["path"], "/nowhere/event7");
        assert_eq!(told["kinds"], serde_json::json!(["keyboard", "absolute_pointer"]));
        assert_eq!(told["virtual"], false);
        assert_eq!((&told["state"], &told["reason"]), (&"refused".into(), &"EACCES".into()));
        node.state = State::Read;
        assert_eq!(serde_json::to_value(&node).expect("JSON")["state"], "read");
    }
}
