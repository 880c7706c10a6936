//! The QEMU process under a guest: how it starts, how it is connected, and that it ends.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What tests/vm/prepare.sh has made.
const PREPARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/vm");
/// What tests/vm/prepare-desktop.sh has made.
pub const DESKTOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/vm/desktop");
const QEMU: &str = "qemu-system-x86_64";
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
const CONSOLE_LINES: usize = 60;

/// The same for each start of the desktop: a saved state knows it.
const ARCHIVE_DISK_BYTES: u64 = 96 << 20;

/// The bus on which a device may come and go.
pub const HOTPLUG_BUS: &str = "free-slot";

/// What the small guest is typed and pointed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardware {
    Virtio,
    /// As [`Virtio`](Self::Virtio), with a processor that takes a nanosecond for an instruction: time in the guest goes
    /// slower than here, where the host is slow.
    VirtioSteady,
    /// As [`Virtio`](Self::Virtio), on a kernel whose Landlock is switched off.
    WithoutLandlock,
    /// A keyboard and a mouse behind an i8042.
    Ps2,
    /// A tablet, which tells where it is rather than how far it has gone.
    Usb,
}

impl Hardware {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Hardware::Virtio | Hardware::WithoutLandlock => {
                &["-device", "virtio-keyboard-pci", "-device", "virtio-mouse-pci"]
            }
            Hardware::VirtioSteady => {
                &["-device", "virtio-keyboard-pci", "-device", "virtio-mouse-pci", "-icount", "shift=0"]
            }
            Hardware::Ps2 => &[],
            Hardware::Usb => &["-device", "qemu-xhci", "-device", "usb-tablet"],
        }
    }

    fn kernel_arguments(self) -> &'static str {
        match self {
            Hardware::WithoutLandlock => "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on lsm=yama",
            _ => "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on",
        }
    }
}

/// How the desktop's machine starts.
#[derive(Debug, Clone)]
pub struct Desktop {
    arguments: Vec<String>,
}

impl Desktop {
    /// From a disk, which is written to.
    pub fn on(disk: &Path) -> Desktop {
        let kernel = format!("{PREPARED}/vmlinux");
        let initramfs = format!("{DESKTOP}/initramfs.cpio");
        let disk = format!("file={},format=raw,if=virtio", disk.display());
        let arguments = [
            ["-smp", "1"],
            ["-m", "512"],
            ["-device", "VGA"],
            ["-kernel", &kernel],
            ["-initrd", &initramfs],
            ["-append", "console=ttyS0 quiet mitigations=off random.trust_cpu=on fsck.repair=yes"],
            ["-drive", &disk],
            ["-drive", "file=archive,format=raw,if=virtio"],
            ["-device", "virtio-keyboard-pci"],
            ["-device", "virtio-mouse-pci"],
        ];
        Desktop { arguments: arguments.concat().into_iter().map(str::to_owned).collect() }
    }

    /// From a state that was saved, and the disk as it was then. What is written to the disk is forgotten.
    pub fn restored(disk: &Path, state: &Path) -> Desktop {
        let mut desktop = Desktop::on(disk);
        let incoming = format!("exec:cat '{}'", state.display());
        desktop.arguments.extend(["-snapshot".to_owned(), "-incoming".to_owned(), incoming]);
        desktop
    }

    /// What a saved state depends on, besides the disk.
    pub fn key() -> String {
        let version = Command::new(QEMU).arg("--version").output().expect("QEMU starts");
        format!(
            "{}{:?}",
            String::from_utf8_lossy(&version.stdout),
            base_arguments(&Desktop::on(Path::new("disk")).arguments)
        )
    }
}

pub struct Machine {
    qemu: Child,
    home: TempDir,
}

impl Machine {
    /// Starts QEMU with the prepared kernel and initramfs, and one more archive behind that. Gives the ends of the
    /// guest's port and of QMP.
    pub fn start(hardware: Hardware, archive: Vec<u8>) -> (Machine, UnixStream, UnixStream) {
        let home = TempDir::new().expect("a temporary folder");
        let mut initramfs =
            fs::read(Path::new(PREPARED).join("initramfs.cpio")).expect("run tests/vm/prepare.sh first");
        initramfs.extend(archive);
        fs::write(home.path().join("initramfs.cpio"), initramfs).expect("room for the initramfs");
        let kernel = format!("{PREPARED}/vmlinux");
        let arguments = [
            &["-no-reboot", "-smp", "1", "-m", "256", "-kernel", &kernel, "-initrd", "initramfs.cpio"],
            &["-append", hardware.kernel_arguments()][..],
            hardware.arguments(),
        ];
        Machine::launch(home, &arguments.concat())
    }

    /// Starts QEMU with the desktop's disk, and a second one that holds an archive.
    pub fn start_desktop(desktop: &Desktop, archive: &[u8]) -> (Machine, UnixStream, UnixStream) {
        let home = TempDir::new().expect("a temporary folder");
        let archive_disk = File::create(home.path().join("archive")).expect("a new file");
        archive_disk.write_all_at(archive, 0).expect("room for the archive");
        archive_disk.set_len(ARCHIVE_DISK_BYTES).expect("room for the archive");
        assert!(archive.len() as u64 <= ARCHIVE_DISK_BYTES, "an archive of {} bytes", archive.len());
        let arguments: Vec<&str> = desktop.arguments.iter().map(String::as_str).collect();
        Machine::launch(home, &arguments)
    }

    /// Starts QEMU in a folder with what all machines have and these arguments.
    fn launch(home: TempDir, arguments: &[&str]) -> (Machine, UnixStream, UnixStream) {
        let [port, qmp] = ["port", "qmp"].map(|name| {
            let listener = UnixListener::bind(home.path().join(name)).expect("a socket in a new folder");
            listener.set_nonblocking(true).expect("sockets can do that");
            listener
        });
        let mut machine = Machine { qemu: spawn_qemu(home.path(), arguments), home };
        let [port, qmp] = [port, qmp].map(|listener| machine.accept(&listener));
        (machine, port, qmp)
    }

    fn accept(&mut self, listener: &UnixListener) -> UnixStream {
        let deadline = Instant::now() + CONNECT_LIMIT;
        loop {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(false).expect("sockets can do that");
                return stream;
            }
            let ended = self.qemu.try_wait().expect("QEMU is our child");
            assert!(ended.is_none() && Instant::now() < deadline, "QEMU does not connect ({ended:?})");
            sleep(Duration::from_millis(5));
        }
    }

    fn print_console(&self) {
        for name in ["console", "qemu"] {
            let text = fs::read(self.home.path().join(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(CONSOLE_LINES)..].join("\n"));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Neither can fail while the child has not been waited for.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        if panicking() {
            self.print_console();
        }
    }
}

/// What all machines have, and more arguments.
fn base_arguments<T: AsRef<str>>(arguments: &[T]) -> Vec<String> {
    let port = format!("pcie-root-port,id={HOTPLUG_BUS}");
    let first =
        ["-nodefaults", "-no-user-config", "-display", "none", "-M", "q35,usb=off", "-accel", "tcg", "-cpu", "max"];
    let clock_and_console = ["-rtc", "base=utc,clock=host", "-serial", "file:console"];
    let last = [
        ["-device", &port],
        ["-device", "virtio-serial-pci"],
        ["-chardev", "socket,id=port,path=port"],
        ["-device", "virtserialport,chardev=port"],
        ["-chardev", "socket,id=qmp,path=qmp"],
        ["-mon", "chardev=qmp,mode=control"],
    ];
    let more = arguments.iter().map(AsRef::as_ref);
    first.into_iter().chain(clock_and_console).chain(more).chain(last.concat()).map(str::to_owned).collect()
}

fn spawn_qemu(home: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(QEMU);
    command
        .current_dir(home)
        .args(base_arguments(arguments))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(home.join("qemu")).expect("a new file"));
    // SAFETY: prctl may be called between fork and exec. It ends QEMU should the test be killed.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    command.spawn().expect("QEMU starts")
}
