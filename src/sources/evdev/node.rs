//! One node under /dev/input: what it is, whether it is read, and why not.

use super::classify::{Capabilities, Codes, Kind};
use super::decode::Decoder;
use super::interval;
use super::pattern::{Candidate, Selection, Unread};
use crate::event::without_controls;
use evdev::raw_stream::RawDevice;
use evdev::{AbsInfo, AbsoluteAxisCode};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What sysfs knows of every character device, by its number.
const SYSFS: &str = "/sys/dev/char";

/// A node and what is known of it. Its number changes from boot to boot; the rest identifies the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Between two of its reports, at least, where that is known.
    pub interval: Option<Duration>,
    /// It may well open in a moment: a new node exists before its permissions do.
    pub is_worth_a_retry: bool,
}

/// Finds out what a node is and opens it if it is to be read.
///
/// What it is sysfs tells, to everybody: so a node that is not to be read is never opened, one that may not be opened
/// can be named all the same, and nothing waits for the kernel, which takes some 10 ms to close a node.
pub(super) fn examine(path: &Path, selection: &Selection) -> Examined {
    let mut node = Node::unknown(path);
    let result = node.identify().and_then(|capabilities| match selection.admit(node.candidate()) {
        Ok(()) => open(&node, &capabilities).map(Some),
        Err(reason) => {
            node.state = State::Unread(reason);
            Ok(None)
        }
    });
    match result {
        Ok(opened) => {
            let interval = opened.as_ref().and_then(|_| interval::shortest(&node.place().ok()?.join("device")));
            Examined { node, opened, interval, is_worth_a_retry: false }
        }
        Err(error) => {
            node.state = State::Refused(errno_name(&error));
            let is_worth_a_retry = matches!(error.raw_os_error(), Some(libc::EACCES | libc::ENOENT));
            Examined { node, opened: None, interval: None, is_worth_a_retry }
        }
    }
}

impl Node {
    pub(super) fn unknown(path: &Path) -> Node {
        Node {
            path: path.to_owned(),
            name: String::new(),
            bus: 0,
            vendor: 0,
            product: 0,
            uniq: String::new(),
            kinds: Vec::new(),
            is_virtual: false,
            state: State::Read,
        }
    }

    /// Fills in who the device is, and says what it can do.
    fn identify(&mut self) -> io::Result<Capabilities> {
        let not_input = || io::Error::from_raw_os_error(libc::ENOTTY);
        let place = self.place()?;
        let link = fs::read_link(&place).map_err(|_| io::Error::other("unknown to /sys"))?;
        let text = |file: &str| fs::read_to_string(place.join("device").join(file));
        let codes = |file: &str| text(file).map(|bitmap| Codes::parse(&bitmap)).map_err(|_| not_input());
        let capabilities = Capabilities {
            keys: codes("capabilities/key")?,
            relative: codes("capabilities/rel")?,
            absolute: codes("capabilities/abs")?,
            properties: codes("properties")?,
        };
        let line = |file: &str| without_controls(text(file).unwrap_or_default().trim_end_matches('\n'));
        let id = |file: &str| u16::from_str_radix(&line(file), 16).unwrap_or_default();
        (self.name, self.uniq) = (line("name"), line("uniq"));
        (self.bus, self.vendor, self.product) = (id("id/bustype"), id("id/vendor"), id("id/product"));
        self.kinds = capabilities.kinds();
        self.is_virtual = is_virtual(&link);
        Ok(capabilities)
    }

    /// Where sysfs describes it.
    fn place(&self) -> io::Result<PathBuf> {
        let metadata = fs::metadata(&self.path)?;
        if !metadata.file_type().is_char_device() {
            return Err(io::Error::from_raw_os_error(libc::ENOTTY));
        }
        let number = metadata.rdev();
        Ok(Path::new(SYSFS).join(format!("{}:{}", libc::major(number), libc::minor(number))))
    }

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
fn open(node: &Node, capabilities: &Capabilities) -> io::Result<(File, Decoder)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&node.path)?;
    set_clock(&file)?;
    let vertical = if node.kinds.contains(&Kind::Touchpad) { vertical(&file)? } else { None };
    let decoder = Decoder::new(capabilities.modalities(), capabilities.surface(vertical));
    Ok((file, decoder))
}

/// Range and resolution of the vertical axis: the contacts' own where it is known.
fn vertical(file: &File) -> io::Result<Option<AbsInfo>> {
    let device = RawDevice::from_fd(file.try_clone()?.into())?;
    let axes: Vec<_> = device.get_absinfo()?.collect();
    let range = |wanted| axes.iter().find(|(axis, _)| *axis == wanted).map(|&(_, range)| range);
    Ok(range(AbsoluteAxisCode::ABS_MT_POSITION_Y).or(range(AbsoluteAxisCode::ABS_Y)))
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

/// Whether a program made the device, by its place in sysfs. The bus says nothing: it is what the maker chose, remappers
/// choose USB and virtual machines `virtual`. Bluetooth keyboards lie below `virtual/misc/uhid` and are real.
fn is_virtual(link: &Path) -> bool {
    link.to_string_lossy().contains("/devices/virtual/input/")
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
        let at = |link: &str| is_virtual(Path::new(link));
        assert!(at("../../devices/virtual/input/input20/event9"));
        assert!(!at("../../devices/virtual/misc/uhid/0005:046D:B342.0001/input/input20/event9"));
        assert!(!at("../../devices/platform/i8042/serio0/input/input1/event1"));
    }

    #[test]
    fn a_character_device_that_is_no_input_device_is_told_so_and_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let node = folder.path().join("event0");
        std::os::unix::fs::symlink("/dev/null", &node).expect("a link");
        let everything = Selection::new(&crate::config::Devices { include: vec!["*".to_owned()], exclude: Vec::new() });
        let examined = examine(&node, &everything);
        assert_eq!(examined.node.state, State::Refused("not an input device".to_owned()));
        assert!(examined.opened.is_none() && !examined.is_worth_a_retry);
    }

    #[test]
    fn a_name_cannot_steer_a_terminal() {
        assert_eq!(without_controls("Key\x1b[31mboard\n"), "Key\u{fffd}[31mboard\u{fffd}");
    }

    #[test]
    fn a_node_is_told_as_one_flat_object() {
        let mut node = Node::unknown(Path::new("/nowhere/event7"));
        node.state = State::Refused("EACCES".into());
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
