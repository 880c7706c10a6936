//! A keyboard and a mouse for the agent, on a machine that may have none.
//!
//! Each is a terminal: a character device that the agent reads like any other. In a mount namespace of its own the agent
//! finds it under /dev/input, with a description of it where sysfs would have one. A terminal knows nothing of
//! EVIOCSCLOCKID, so a seccomp filter answers that one call. All else is the agent as it is installed. It takes root.

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const NODES: &CStr = c"/dev/input";
const SYSFS: &CStr = c"/sys/dev/char";

pub struct Desk {
    folder: TempDir,
    made_nodes: bool,
    /// How often its devices can report at most, as sysfs has it of an endpoint of USB.
    interval: Option<&'static str>,
}

/// A device, to which reports are written.
pub struct Device {
    terminal: File,
    /// The node that the agent reads.
    pub path: String,
    /// Kept open, so that the terminal does not hang up.
    _node: File,
}

/// Capabilities as sysfs prints them: bitmaps in hexadecimal words, the most significant first.
struct Description {
    name: &'static str,
    keys: &'static str,
    relative: &'static str,
}

const KEYBOARD: Description =
    Description { name: "Bench Keyboard", keys: "ffffffffffffffff fffffffffffffffe", relative: "0" };
/// BTN_LEFT to BTN_MIDDLE; X, Y and the wheel.
const MOUSE: Description = Description { name: "Bench Mouse", keys: "70000 0 0 0 0", relative: "103" };

impl Desk {
    /// `None` where namespaces are not ours to make.
    pub fn new() -> Option<Desk> {
        Desk::asked_every(None)
    }

    /// With devices that the host asks once a millisecond.
    pub fn of_fast_usb() -> Option<Desk> {
        Desk::asked_every(Some("1ms"))
    }

    fn asked_every(interval: Option<&'static str>) -> Option<Desk> {
        // SAFETY: a system call without arguments.
        if unsafe { libc::geteuid() } != 0 {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        for place in ["nodes", "sysfs"] {
            fs::create_dir(folder.path().join(place)).expect("a folder");
        }
        let made_nodes = fs::create_dir(Path::new("/dev/input")).is_ok();
        Some(Desk { folder, made_nodes, interval })
    }

    pub fn add_keyboard(&self) -> Device {
        self.add(&KEYBOARD)
    }

    pub fn add_mouse(&self) -> Device {
        self.add(&MOUSE)
    }

    fn add(&self, description: &Description) -> Device {
        let (terminal, path) = terminal().expect("a terminal");
        let node = OpenOptions::new().read(true).custom_flags(libc::O_NOCTTY).open(&path).expect("its other end");
        make_raw(&node);
        let rdev = node.metadata().expect("its number").rdev();
        let nodes = self.folder.path().join("nodes");
        let count = fs::read_dir(&nodes).expect("our folder").count();
        symlink(&path, nodes.join(format!("event{count}"))).expect("a link");
        let number = format!("{}:{}", libc::major(rdev), libc::minor(rdev));
        self.describe(&number, description).expect("room for a description");
        Device { terminal, path, _node: node }
    }

    fn describe(&self, number: &str, description: &Description) -> io::Result<()> {
        let sysfs = self.folder.path().join("sysfs");
        // A link, as in sysfs; beneath it, where the agent's own restrictions let it read.
        let target = Path::new("devices").join(number);
        let place = sysfs.join(&target);
        fs::create_dir_all(place.join("device/capabilities"))?;
        fs::create_dir_all(place.join("device/id"))?;
        for (file, text) in [
            ("capabilities/key", description.keys),
            ("capabilities/rel", description.relative),
            ("capabilities/abs", "0"),
            ("properties", "0"),
            ("name", description.name),
        ] {
            fs::write(place.join("device").join(file), text)?;
        }
        if let Some(interval) = self.interval {
            fs::create_dir(place.join("ep_81"))?;
            for (file, text) in [("direction", "in"), ("type", "Interrupt"), ("interval", interval)] {
                fs::write(place.join("ep_81").join(file), text)?;
            }
        }
        symlink(target, sysfs.join(number))
    }

    /// Lets a command see these devices and no other.
    pub fn sit_down(&self, command: &mut Command) {
        let path = |place: &str| {
            let path = self.folder.path().join(place).into_os_string().into_encoded_bytes();
            std::ffi::CString::new(path).expect("no NUL in it")
        };
        let (nodes, sysfs) = (path("nodes"), path("sysfs"));
        let prepare = move || {
            // SAFETY: system calls on strings and a filter that live through them; nothing is allocated, as it must
            // not be between fork and exec.
            unsafe {
                check(libc::unshare(libc::CLONE_NEWNS))?;
                mount(None, c"/", libc::MS_REC | libc::MS_PRIVATE)?;
                mount(Some(&nodes), NODES, libc::MS_BIND)?;
                mount(Some(&sysfs), SYSFS, libc::MS_BIND)?;
                answer_clock_calls()
            }
        };
        // SAFETY: see above.
        unsafe { command.pre_exec(prepare) };
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if self.made_nodes {
            // Left alone if somebody else has put something there.
            let _ = fs::remove_dir("/dev/input");
        }
    }
}

impl Device {
    /// Reports, as the kernel would lay them out.
    pub fn report(&mut self, bytes: &[u8]) {
        self.terminal.write_all(bytes).expect("a terminal that is read");
    }
}

/// A pseudo-terminal, and the path of its other end.
fn terminal() -> io::Result<(File, String)> {
    let terminal = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open("/dev/ptmx")?;
    let (unlocked, mut number): (libc::c_int, libc::c_uint) = (0, 0);
    // SAFETY: the descriptor is open, and both numbers live through the calls.
    unsafe {
        check(libc::ioctl(terminal.as_raw_fd(), libc::TIOCSPTLCK, &unlocked))?;
        check(libc::ioctl(terminal.as_raw_fd(), libc::TIOCGPTN, &mut number))?;
    }
    Ok((terminal, format!("/dev/pts/{number}")))
}

/// Bytes pass as they are.
fn make_raw(node: &File) {
    // SAFETY: the descriptor is open, and the settings live through the calls.
    unsafe {
        let mut settings = std::mem::zeroed();
        check(libc::tcgetattr(node.as_raw_fd(), &mut settings)).expect("a terminal's settings");
        libc::cfmakeraw(&mut settings);
        check(libc::tcsetattr(node.as_raw_fd(), libc::TCSANOW, &settings)).expect("a terminal");
    }
}

/// # Safety
/// A system call; the strings live through it.
unsafe fn mount(source: Option<&CStr>, target: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    let (source, nothing) = (source.map_or(std::ptr::null(), CStr::as_ptr), std::ptr::null());
    // SAFETY: the caller's promise.
    check(unsafe { libc::mount(source, target.as_ptr(), nothing, flags, nothing.cast()) })
}

/// From here on ioctl(EVIOCSCLOCKID) succeeds and does nothing.
///
/// # Safety
/// Concerns this process and those that it becomes.
unsafe fn answer_clock_calls() -> io::Result<()> {
    const EVIOCSCLOCKID: u32 = libc::_IOW::<libc::c_int>(b'E' as u32, 0xa0) as u32;
    const NUMBER_AT: u32 = 0;
    const REQUEST_AT: u32 = 24;
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, k, jf| libc::sock_filter { code, jt: 0, jf, k };
    let filter = [
        step(LOAD, NUMBER_AT, 0),
        step(JUMP_IF_EQUAL, libc::SYS_ioctl as u32, 3),
        step(LOAD, REQUEST_AT, 0),
        step(JUMP_IF_EQUAL, EVIOCSCLOCKID, 1),
        step(RETURN, libc::SECCOMP_RET_ERRNO, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program lives through the call.
    unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        check(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program))
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
