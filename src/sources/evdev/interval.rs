//! How often a device can report at most: for a USB device the interval at which the host asks it, which the device
//! itself demands.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Between an input device and the USB interface that it belongs to lie a device for HID, and for receivers another.
const HIGHEST: usize = 5;

/// Where the user may order other intervals for USB devices: `mousepoll`, `kbpoll`, `jspoll`, in ms; 0: as they demand.
const ORDERED: &str = "/sys/module/usbhid/parameters";
/// What a program makes itself reports as fast as it likes: it is taken for the fastest mouse that there is.
pub(super) const OF_A_PROGRAM: Duration = Duration::from_micros(125);

/// The shortest time between two reports of the input device that this folder of sysfs describes; `None`: not known.
pub(super) fn shortest(device: &Path) -> Option<Duration> {
    shortest_by(device, Path::new(ORDERED))
}

fn shortest_by(device: &Path, ordered: &Path) -> Option<Duration> {
    let mut folder = fs::canonicalize(device).ok()?;
    for _ in 0..HIGHEST {
        if let Some(interval) = endpoints(&folder).min() {
            let ordered = ["mousepoll", "kbpoll", "jspoll"].into_iter().filter_map(|name| {
                let ms = fs::read_to_string(ordered.join(name)).ok()?.trim().parse().ok()?;
                (ms > 0).then(|| Duration::from_millis(ms))
            });
            return ordered.chain([interval]).min();
        }
        if !folder.pop() {
            return None;
        }
    }
    None
}

/// The intervals of an interface's endpoints that send to the host.
fn endpoints(interface: &Path) -> impl Iterator<Item = Duration> {
    let entries = fs::read_dir(interface).into_iter().flatten().flatten();
    let endpoints = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("ep_"));
    endpoints.filter_map(|endpoint| {
        let text = |name| fs::read_to_string(endpoint.path().join(name)).ok();
        let is_in = text("direction")?.trim() == "in" && text("type")?.trim() == "Interrupt";
        if is_in { parse(text("interval")?.trim()) } else { None }
    })
}

/// As the kernel prints it: `125us`, `8ms`.
fn parse(interval: &str) -> Option<Duration> {
    let (number, unit_us) = match interval.strip_suffix("us") {
        Some(number) => (number, 1),
        None => (interval.strip_suffix("ms")?, 1000),
    };
    let us = number.parse::<u64>().ok()?.checked_mul(unit_us)?;
    (us > 0).then(|| Duration::from_micros(us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tempfile::TempDir;

    /// As sysfs has a mouse, at a receiver or not; the interface's folder and the input device's.
    fn mouse(between: &[&str]) -> (TempDir, PathBuf, PathBuf) {
        let sysfs = tempfile::tempdir().expect("a folder");
        let interface = sysfs.path().join("1-2/1-2:1.0");
        let device = between.iter().fold(interface.clone(), |folder, name| folder.join(name)).join("input/input7");
        fs::create_dir_all(&device).expect("a folder");
        (sysfs, interface, device)
    }

    fn add_endpoint(interface: &Path, name: &str, direction: &str, interval: &str) {
        let endpoint = interface.join(name);
        fs::create_dir_all(&endpoint).expect("a folder");
        for (file, text) in [("direction", direction), ("type", "Interrupt"), ("interval", interval)] {
            fs::write(endpoint.join(file), format!("{text}\n")).expect("room");
        }
    }

    #[test]
    fn a_usb_device_is_asked_at_the_interval_that_its_endpoint_demands() {
        for between in [&["0003:046D:C077.0001"][..], &["0003:046D:C52B.0003", "0003:046D:4069.0004"]] {
            let (_sysfs, interface, device) = mouse(between);
            assert_eq!(shortest(&device), None);
            add_endpoint(&interface, "ep_02", "out", "1us");
            add_endpoint(&interface, "ep_81", "in", "125us");
            assert_eq!(shortest(&device), Some(Duration::from_micros(125)));
        }
    }

    #[test]
    fn the_user_may_have_devices_asked_more_often_than_they_demand() {
        let (sysfs, interface, device) = mouse(&["0003:046D:C077.0001"]);
        add_endpoint(&interface, "ep_81", "in", "8ms");
        let ordered = sysfs.path().join("parameters");
        fs::create_dir(&ordered).expect("a folder");
        for (mousepoll, shortest_ms) in [("0", 8), ("1", 1), ("?", 8), ("20", 8)] {
            fs::write(ordered.join("mousepoll"), format!("{mousepoll}\n")).expect("room");
            assert_eq!(shortest_by(&device, &ordered), Some(Duration::from_millis(shortest_ms)), "{mousepoll}");
        }
    }

    #[test]
    fn what_is_no_interval_is_none() {
        assert_eq!(parse("8ms"), Some(Duration::from_millis(8)));
        for text in ["", "ms", "0ms", "-1ms", "8", "8s", "99999999999999999999ms"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
