//! Runs in the guest: plays scripts on input devices of its own making, or watches a device as an independent witness.
//!
//! `vm-uinput KIND NAME` makes a device through uinput (KIND: keyboard, mouse, wheel, combo, touchpad or tablet; or
//! `of:` and the codes that it has, as in `of:BTN_TOUCH,ABS_X,ABS_Y,DIRECT`), or through the HID layer (`hid-keyboard`,
//! which has KEY_J only, and `hid-mouse`, which only moves), that lives until the program ends. Each line of standard input
//! is one report, its parts separated by `;`
//!
//! ```text
//! down KEY_A        up BTN_LEFT        rel DX DY        abs ABS_X VALUE
//! wheel DETENTS     hires 120THS       (wheels: plain, high-resolution)
//! next              syn VALUE          (SYN_MT_REPORT; SYN_REPORT with a value other than 0)
//! ```
//!
//! or stands alone: `wait_us MICROSECONDS`, `rest_us MICROSECONDS`, `flood TOTAL_US STEP_US` (one count of motion each
//! step), `type TOTAL_US STEP_US` (KEY_J is pressed or released each step). Waits follow a schedule, so that lateness does not add up; a rest is never shorter, however late it begins. `vm-uinput watch NODE` prints the events of a node. `vm-uinput remap NODE
//! NAME` grabs a keyboard and says through one of its own making what is typed on it; `mirror` does so without grabbing.
//!
//! Everything is told in JSON lines; `us` is microseconds of CLOCK_BOOTTIME, as the kernel stamps events.

mod uhid;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use evdev::raw_stream::RawDevice;
use evdev::uinput::{VirtualDevice, VirtualDeviceBuilder};
use evdev::{
    AbsInfo, AbsoluteAxisCode as Abs, AttributeSet, BusType, EventSummary, EventType, InputEvent, InputId, KeyCode,
    PropType, RelativeAxisCode as Rel, UinputAbsSetup,
};
use serde_json::json;
use uhid::HidDevice;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["watch", node] => watch(node),
        ["remap", node, name] => repeat(node, name, true),
        ["mirror", node, name] => repeat(node, name, false),
        ["hid-mouse", name] => play(Made::Hid(HidDevice::new(name, true)?)),
        ["hid-keyboard", name] => play(Made::Hid(HidDevice::new(name, false)?)),
        [kind, name] => play(Made::Uinput(device(kind, name)?)),
        _ => Err("usage: vm-uinput watch NODE | remap NODE NAME | mirror NODE NAME | KIND NAME".into()),
    }
}

/// Microseconds of a clock. The kernel's input layer knows the same ones.
fn now_us(clock: libc::clockid_t) -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec to be filled in; both clocks exist on every supported kernel.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

enum Made {
    Uinput(VirtualDevice),
    Hid(HidDevice),
}

impl Made {
    fn node(&mut self) -> Outcome<PathBuf> {
        match self {
            Made::Uinput(device) => node_of(device),
            Made::Hid(device) => device.node(),
        }
    }

    fn emit(&mut self, events: &[InputEvent]) -> Outcome<()> {
        match self {
            Made::Uinput(device) => Ok(device.emit(events)?),
            Made::Hid(device) => device.emit(events),
        }
    }
}

fn node_of(device: &mut VirtualDevice) -> Outcome<PathBuf> {
    Ok(device.enumerate_dev_nodes_blocking()?.next().ok_or("the device has no node")??)
}

fn play(mut device: Made) -> Outcome<()> {
    let node = device.node()?;
    println!("{}", json!({ "node": node }));
    let mut schedule = Schedule::new();
    for line in io::stdin().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["wait_us", us] => schedule.wait(us.parse()?),
            ["rest_us", us] => schedule.rest(us.parse()?),
            [what @ ("flood" | "type"), total_us, step_us] => {
                schedule.catch_up();
                for step in 0..total_us.parse::<i64>()? / step_us.parse::<i64>()? {
                    let said = match what {
                        "flood" => "rel 1 0",
                        _ if step % 2 == 0 => "down KEY_J",
                        _ => "up KEY_J",
                    };
                    device.emit(&report(said)?)?;
                    schedule.wait(step_us.parse()?);
                    schedule.forgive();
                }
            }
            _ => {
                schedule.catch_up();
                device.emit(&report(&line)?)?;
            }
        }
        println!("{}", json!({ "us": now_us(libc::CLOCK_BOOTTIME), "wrote": line }));
    }
    Ok(())
}

/// What remappers do, as if no key were to be changed.
fn repeat(node: &str, name: &str, grab: bool) -> Outcome<()> {
    let mut keyboard = RawDevice::open(node)?;
    let mut stand_in = device("keyboard", name)?;
    if grab {
        keyboard.grab()?;
    }
    let node = node_of(&mut stand_in)?;
    println!("{}", json!({ "node": node }));
    loop {
        let keys = keyboard.fetch_events()?.filter(|event| event.event_type() == EventType::KEY).collect::<Vec<_>>();
        for key in keys {
            stand_in.emit(&[key])?;
        }
    }
}

/// When the next report is due.
struct Schedule {
    due_us: i64,
}

impl Schedule {
    /// Later than this is not a thread that woke up late, but a script that had been waiting for its next line.
    const LATENESS_US: i64 = 20_000;

    fn new() -> Self {
        Schedule { due_us: now_us(libc::CLOCK_BOOTTIME) }
    }

    fn catch_up(&mut self) {
        let now_us = now_us(libc::CLOCK_BOOTTIME);
        if now_us - self.due_us > Self::LATENESS_US {
            self.due_us = now_us;
        }
    }

    /// A fast device that is late makes up for a millisecond; more at once no device says, nor does the kernel keep it.
    fn forgive(&mut self) {
        self.due_us = self.due_us.max(now_us(libc::CLOCK_BOOTTIME) - 1_000);
    }

    fn rest(&mut self, rest_us: i64) {
        self.due_us = now_us(libc::CLOCK_BOOTTIME);
        self.wait(rest_us);
    }

    fn wait(&mut self, wait_us: i64) {
        self.due_us += wait_us;
        if let Ok(left_us) = u64::try_from(self.due_us - now_us(libc::CLOCK_BOOTTIME)) {
            sleep(Duration::from_micros(left_us));
        }
    }
}

fn report(line: &str) -> Outcome<Vec<InputEvent>> {
    let mut events = Vec::new();
    for part in line.split(';') {
        let mut add = |kind: EventType, code: u16, value: i32| events.push(InputEvent::new(kind.0, code, value));
        match part.split_whitespace().collect::<Vec<_>>()[..] {
            ["down", key] => add(EventType::KEY, named::<KeyCode>(key)?.0, 1),
            ["up", key] => add(EventType::KEY, named::<KeyCode>(key)?.0, 0),
            ["rel", dx, dy] => {
                add(EventType::RELATIVE, Rel::REL_X.0, dx.parse()?);
                add(EventType::RELATIVE, Rel::REL_Y.0, dy.parse()?);
            }
            ["wheel", detents] => add(EventType::RELATIVE, Rel::REL_WHEEL.0, detents.parse()?),
            ["hires", parts] => add(EventType::RELATIVE, Rel::REL_WHEEL_HI_RES.0, parts.parse()?),
            ["next"] => add(EventType::SYNCHRONIZATION, evdev::SynchronizationCode::SYN_MT_REPORT.0, 0),
            // The kernel passes on no report that is empty: the one behind this.
            ["syn", value] => add(EventType::SYNCHRONIZATION, evdev::SynchronizationCode::SYN_REPORT.0, value.parse()?),
            ["abs", axis, value] => add(EventType::ABSOLUTE, named::<Abs>(axis)?.0, value.parse()?),
            _ => return Err(format!("not a report: {line}").into()),
        }
    }
    Ok(events)
}

fn named<T: std::str::FromStr>(name: &str) -> Outcome<T> {
    name.parse().map_err(|_| format!("no such code: {name}").into())
}

fn device(kind: &str, name: &str) -> Outcome<VirtualDevice> {
    let builder = VirtualDevice::builder()?.name(name).input_id(InputId::new(BusType::BUS_USB, 0x1209, 0x0001, 1));
    let keys = AttributeSet::from_iter((1..=248).map(KeyCode::new));
    let buttons = AttributeSet::from_iter([KeyCode::BTN_LEFT, KeyCode::BTN_RIGHT, KeyCode::BTN_MIDDLE]);
    let mut motion = AttributeSet::from_iter([Rel::REL_X, Rel::REL_Y, Rel::REL_WHEEL]);
    let builder = match kind {
        "keyboard" => builder.with_keys(&keys)?,
        "mouse" => builder.with_keys(&buttons)?.with_relative_axes(&motion)?,
        "wheel" => {
            motion.insert(Rel::REL_WHEEL_HI_RES);
            builder.with_keys(&buttons)?.with_relative_axes(&motion)?
        }
        "combo" => builder
            .with_keys(&keys.iter().chain(buttons.iter()).collect::<AttributeSet<_>>())?
            .with_relative_axes(&motion)?,
        "touchpad" => touchpad(builder)?,
        "tablet" => builder
            .with_keys(&buttons)?
            .with_absolute_axis(&axis(Abs::ABS_X, 0, 32_767))?
            .with_absolute_axis(&axis(Abs::ABS_Y, 0, 32_767))?,
        _ => of_codes(builder, kind.strip_prefix("of:").ok_or_else(|| format!("no such kind of device: {kind}"))?)?,
    };
    Ok(builder.build()?)
}

fn of_codes<'a>(mut builder: VirtualDeviceBuilder<'a>, codes: &str) -> Outcome<VirtualDeviceBuilder<'a>> {
    let (mut keys, mut motion) = (Vec::new(), Vec::new());
    for code in codes.split(',') {
        match code.split_once('_').map_or(code, |(family, _)| family) {
            "KEY" | "BTN" => keys.push(named::<KeyCode>(code)?),
            "REL" => motion.push(named::<Rel>(code)?),
            "ABS" => {
                let code = named::<Abs>(code)?;
                let maximum = if code == Abs::ABS_MT_SLOT { 9 } else { 32_767 };
                builder = builder.with_absolute_axis(&axis(code, 0, maximum))?;
            }
            "DIRECT" => builder = builder.with_properties(&AttributeSet::from_iter([PropType::DIRECT]))?,
            _ => return Err(format!("no such code: {code}").into()),
        }
    }
    if !keys.is_empty() {
        builder = builder.with_keys(&AttributeSet::from_iter(keys))?;
    }
    if !motion.is_empty() {
        builder = builder.with_relative_axes(&AttributeSet::from_iter(motion))?;
    }
    Ok(builder)
}

fn touchpad(builder: VirtualDeviceBuilder<'_>) -> io::Result<VirtualDeviceBuilder<'_>> {
    let keys = [KeyCode::BTN_LEFT, KeyCode::BTN_TOUCH, KeyCode::BTN_TOOL_FINGER, KeyCode::BTN_TOOL_DOUBLETAP];
    builder
        .with_keys(&AttributeSet::from_iter(keys))?
        .with_properties(&AttributeSet::from_iter([PropType::POINTER, PropType::BUTTONPAD]))?
        .with_absolute_axis(&axis(Abs::ABS_X, 0, 3_000))?
        .with_absolute_axis(&axis(Abs::ABS_Y, 0, 2_000))?
        .with_absolute_axis(&axis(Abs::ABS_MT_SLOT, 0, 4))?
        .with_absolute_axis(&axis(Abs::ABS_MT_POSITION_X, 0, 3_000))?
        .with_absolute_axis(&axis(Abs::ABS_MT_POSITION_Y, 0, 2_000))?
        .with_absolute_axis(&axis(Abs::ABS_MT_TOOL_TYPE, 0, 2))?
        .with_absolute_axis(&axis(Abs::ABS_MT_TRACKING_ID, 0, 65_535))
}

fn axis(code: Abs, minimum: i32, maximum: i32) -> UinputAbsSetup {
    UinputAbsSetup::new(code, AbsInfo::new(0, minimum, maximum, 0, 0, 0))
}

/// The ioctl that chooses the clock of a node's timestamps, for this reader alone.
const EVIOCSCLOCKID: libc::Ioctl = 0x4004_45a0;

/// Reads the kernel's bytes without any library between, so that its verdict on the agent's reading is its own.
fn watch(node: &str) -> Outcome<()> {
    const EVENT_BYTES: usize = 24;
    let mut file = File::open(node)?;
    // SAFETY: the ioctl reads one int from the pointer.
    if unsafe { libc::ioctl(file.as_raw_fd(), EVIOCSCLOCKID, &libc::CLOCK_BOOTTIME) } < 0 {
        return Err(io::Error::last_os_error().into());
    }
    let wall_offset_us = now_us(libc::CLOCK_REALTIME) - now_us(libc::CLOCK_BOOTTIME);
    println!("{}", json!({ "node": node, "wall_offset_us": wall_offset_us }));
    let mut buffer = [0; 64 * EVENT_BYTES];
    loop {
        let length = file.read(&mut buffer)?;
        for event in buffer[..length].chunks_exact(EVENT_BYTES) {
            let us =
                i64::from_ne_bytes(event[0..8].try_into()?) * 1_000_000 + i64::from_ne_bytes(event[8..16].try_into()?);
            let [kind, code] = [16, 18].map(|at| u16::from_ne_bytes([event[at], event[at + 1]]));
            let value = i32::from_ne_bytes(event[20..24].try_into()?);
            if let Some(name) = name(kind, code, value) {
                println!("{}", json!({ "us": us, "code": name, "value": value }));
            }
        }
    }
}

/// What an event is called; the ends of reports are left out.
fn name(kind: u16, code: u16, value: i32) -> Option<String> {
    match InputEvent::new(kind, code, value).destructure() {
        EventSummary::Synchronization(_, evdev::SynchronizationCode::SYN_REPORT, _) => None,
        EventSummary::Synchronization(_, code, _) => Some(format!("{code:?}")),
        EventSummary::Key(_, code, _) => Some(format!("{code:?}")),
        EventSummary::RelativeAxis(_, code, _) => Some(format!("{code:?}")),
        EventSummary::AbsoluteAxis(_, code, _) => Some(format!("{code:?}")),
        _ => Some(format!("{kind}/{code}")),
    }
}
