//! What the agent gives up at its start, so that a flaw in it, or another program of the account, gains less by it.
//!
//! It is done once, by the command, before there is a second thread: Landlock and "no new privileges" hold for the
//! calling thread and those that it starts. What the kernel cannot do is left out; [`Hardening`] says what is in force.

use crate::config::{Config, Switch, Tls};
use crate::sources::focus::kwin;
use crate::sources::x11;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, make_bitflags,
};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use url::Url;

/// The newest that the rules below know of: `ioctl` on devices.
const KNOWN: ABI = ABI::V5;
/// The first that knows of TCP.
const WITH_TCP: ABI = ABI::V4;
/// Where devices, libraries, name services, certificates and logind's and the session's files are. All of /dev, since
/// /dev/input goes and comes with the last and the first device.
const READ: [&str; 11] =
    ["/dev", "/sys", "/run", "/etc", "/usr", "/lib", "/lib64", "/proc/sys", "/var/lib/sss", "/nix/store", "/gnu/store"];
/// For answers of a name server that are too long for a datagram.
const DNS_PORT: u16 = 53;

/// What is in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardening {
    /// No other program of the account can read its memory or trace it.
    pub private_memory: bool,
    pub no_core_dumps: bool,
    pub no_new_privileges: bool,
    /// Landlock: files are read where they have to be, written beside the database only, and none is executed.
    pub landlock_files: bool,
    /// Landlock: TCP connections go to the configured ports only, and none is accepted.
    pub landlock_tcp: bool,
}

impl Hardening {
    /// Each measure by its name, and whether it is in force.
    pub fn measures(&self) -> [(&'static str, bool); 5] {
        [
            ("private memory", self.private_memory),
            ("no core dumps", self.no_core_dumps),
            ("no new privileges", self.no_new_privileges),
            ("Landlock for files", self.landlock_files),
            ("Landlock for TCP", self.landlock_tcp),
        ]
    }
}

/// Keeps this process's memory to itself, so that no other program of the account reads keys there.
pub fn protect_memory() -> Hardening {
    Hardening {
        private_memory: prctl::set_dumpable(false).is_ok(),
        no_core_dumps: setrlimit(Resource::RLIMIT_CORE, 0, 0).is_ok(),
        ..Hardening::default()
    }
}

/// Gives up all that the agent does not need. To be called before there is a second thread.
pub fn enforce(needs: &Needs) -> Hardening {
    let mut hardening = protect_memory();
    hardening.no_new_privileges = prctl::set_no_new_privs().is_ok();
    match restrict(needs) {
        Ok(RestrictionStatus { ruleset, landlock: LandlockStatus::Available { effective_abi, .. }, .. }) => {
            hardening.landlock_files = ruleset != RulesetStatus::NotEnforced;
            hardening.landlock_tcp = hardening.landlock_files && needs.tcp_ports.is_some() && effective_abi >= WITH_TCP;
        }
        Ok(_) => tracing::debug!("this kernel has no Landlock"),
        Err(error) => tracing::warn!(%error, "Landlock is not in force"),
    }
    hardening
}

/// What the agent has to reach.
#[derive(Debug, PartialEq, Eq)]
pub struct Needs {
    /// Folders in which files are made and changed.
    pub written: Vec<PathBuf>,
    /// Files and folders that are read, besides those of the system.
    pub read: Vec<PathBuf>,
    /// `None`: not known beforehand.
    pub tcp_ports: Option<Vec<u16>>,
}

impl Needs {
    /// `variable` is the environment.
    pub fn of(config: &Config, x11: &x11::Environment, variable: impl Fn(&str) -> Option<PathBuf>) -> Needs {
        let folder = |path: &Path| path.parent().map(Path::to_owned);
        let certificates = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(&variable);
        // A login replaces the file with the cookie, so that its folder is what can be named.
        let cookie = x11.xauthority.as_deref().filter(|_| config.x11.enabled).and_then(folder);
        // So does a renewal with the files for TLS.
        let redis = config.redis.is_used().then_some(&config.redis.tls);
        let influx = config.influx.is_on().then_some(&config.influx.tls);
        let tls = redis.into_iter().chain(influx).flat_map(Tls::paths).filter_map(folder);
        Needs {
            // The other one has the file by which a lock is asked for, and for a moment KWin's script.
            written: folder(&config.store.path).into_iter().chain(runtime_folder(config, x11, &variable)).collect(),
            read: cookie.into_iter().chain(certificates).chain(tls).collect(),
            tcp_ports: tcp_ports(config, x11, variable),
        }
    }
}

/// The agent's own runtime directory, if it was given one, or needs one.
pub fn runtime_folder(
    config: &Config,
    environment: &x11::Environment,
    variable: impl Fn(&str) -> Option<PathBuf>,
) -> Option<PathBuf> {
    let given = variable("RUNTIME_DIRECTORY");
    if config.x11.enabled && environment.is_wayland() { kwin::folder(environment, given) } else { given }
}

fn tcp_ports(config: &Config, x11: &x11::Environment, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<Vec<u16>> {
    let proxies = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    if proxies.into_iter().any(|name| variable(name).is_some()) {
        return None;
    }
    const REDIS_PORT: u16 = 6379;
    let mut ports = vec![DNS_PORT];
    ports.push(port_of(&config.redis.url, REDIS_PORT));
    if config.redis.enabled == Switch::Auto {
        // Where the configured server does not answer, the one on loopback is asked.
        ports.push(REDIS_PORT);
    }
    if config.influx.is_on() {
        ports.push(port_of(&config.influx.url, 8086));
    }
    ports.extend(x11.tcp_ports());
    ports.sort_unstable();
    ports.dedup();
    Some(ports)
}

fn port_of(url: &str, default: u16) -> u16 {
    Url::parse(url).ok().and_then(|url| url.port_or_known_default()).unwrap_or(default)
}

fn restrict(needs: &Needs) -> Result<RestrictionStatus, RulesetError> {
    let reading = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let device = reading | AccessFs::IoctlDev;
    let writing = AccessFs::from_all(KNOWN) & !BitFlags::from(AccessFs::Execute);
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(KNOWN))?;
    if needs.tcp_ports.is_some() {
        ruleset = ruleset.handle_access(AccessNet::from_all(WITH_TCP))?;
    }
    let mut ruleset = ruleset.create()?;
    let read = READ.iter().map(Path::new).chain(needs.read.iter().map(PathBuf::as_path));
    let read = read.map(|path| (path, if path == Path::new("/dev") { device } else { reading }));
    let written = needs.written.iter().map(|path| (path.as_path(), writing));
    for (path, access) in read.chain(written) {
        // What is not there needs no permission.
        let Ok(opened) = PathFd::new(path) else { continue };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
        ruleset = ruleset.add_rule(PathBeneath::new(opened, access))?;
    }
    for &port in needs.tcp_ports.iter().flatten() {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    ruleset.restrict_self()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::live_state::LiveState;
    use crate::agent::notify::ServiceManager;
    use crate::config;
    use std::collections::HashMap;

    fn needs(settings: &[(&str, &str)], display: &str, environment: &[(&str, &str)]) -> Needs {
        let set = settings.iter().chain(&[("SECLYZER_STORE_PATH", "/data/seclyzer.db")]);
        let set: config::Environment = set.map(|&(name, value)| (name.to_owned(), value.into())).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "").expect("an empty configuration");
        let config = config::read(Some(&path), &set).expect("a configuration").config;
        let x11 = x11::Environment {
            display: Some(display.to_owned()),
            xauthority: Some("/home/me/.Xauthority".into()),
            ..x11::Environment::default()
        };
        let environment: HashMap<_, _> = environment.iter().copied().collect();
        Needs::of(&config, &x11, |name| environment.get(name).map(PathBuf::from))
    }

    #[test]
    fn the_agent_needs_its_database_the_cookie_and_the_configured_ports() {
        let influx = [
            ("SECLYZER_REDIS_URL", "rediss://10.0.0.1:7000"),
            ("SECLYZER_INFLUX_URL", "https://influx.example"),
            ("SECLYZER_INFLUX_TOKEN", "t"),
            ("SECLYZER_INFLUX_ORG", "o"),
            ("SECLYZER_INFLUX_BUCKET", "b"),
        ];
        let needs = needs(&influx, "far:1", &[("SSL_CERT_FILE", "/ca.pem")]);
        assert_eq!(needs.written, [Path::new("/data")]);
        assert_eq!(needs.read, [Path::new("/home/me"), Path::new("/ca.pem")]);
        assert_eq!(needs.tcp_ports, Some(vec![53, 443, 6001, 6379, 7000]));
    }

    #[test]
    fn it_needs_the_folders_of_the_files_for_tls_that_it_uses() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::default().self_signed(&key).expect("a certificate");
        std::fs::write(&path, certificate.pem()).expect("a file");
        let ca = path.to_str().expect("UTF-8");
        let tls = [("SECLYZER_REDIS_URL", "rediss://10.0.0.1:7000"), ("SECLYZER_REDIS_TLS_CA", ca)];
        assert!(needs(&tls, ":0", &[]).read.contains(&folder.path().to_owned()));
        let off = [tls[0], tls[1], ("SECLYZER_REDIS_ENABLED", "false")];
        assert!(!needs(&off, ":0", &[]).read.contains(&folder.path().to_owned()));
    }

    #[test]
    fn a_runtime_directory_is_the_one_that_was_given_or_in_a_wayland_session_the_agent_s_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "").expect("an empty configuration");
        let config = |set: &config::Environment| config::read(Some(&path), set).expect("a configuration").config;
        let on = config::Environment::new();
        let off = config::Environment::from([("SECLYZER_X11_ENABLED".to_owned(), "false".into())]);
        let session = |session_type: &str| x11::Environment {
            session_type: Some(session_type.into()),
            runtime_dir: Some("/run/user/1".into()),
            ..x11::Environment::default()
        };
        let given = |name: &str| (name == "RUNTIME_DIRECTORY").then(|| "/run/seclyzer/me".into());
        let own = |set, session_type| runtime_folder(&config(set), &session(session_type), |_| None);
        assert_eq!(runtime_folder(&config(&on), &session("wayland"), given), Some("/run/seclyzer/me".into()));
        assert_eq!(own(&on, "wayland"), Some("/run/user/1/seclyzer".into()));
        assert_eq!((own(&on, "x11"), own(&off, "wayland")), (None, None));
    }

    #[test]
    fn behind_a_proxy_no_port_is_known() {
        assert_eq!(needs(&[], ":0", &[("https_proxy", "http://proxy:3128")]).tcp_ports, None);
    }

    #[test]
    fn nothing_is_read_for_a_window_system_that_is_not_followed() {
        assert_eq!(needs(&[("SECLYZER_X11_ENABLED", "false")], ":0", &[]).read, [] as [PathBuf; 0]);
    }

    /// Landlock holds for a thread and those that it starts, so this one is spent on it.
    #[test]
    fn what_is_not_needed_cannot_be_reached_any_more() {
        let (own, others) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (kept, lost) = (own.path().join("new"), others.path().join("secret"));
        std::fs::write(&lost, "secret").expect("a file");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let needs = Needs { written: vec![own.path().into()], read: Vec::new(), tcp_ports: Some(vec![DNS_PORT]) };
        let notify = others.path().join("notify");
        let _manager = std::os::unix::net::UnixDatagram::bind(&notify).expect("a socket");
        let mut manager = ServiceManager::at(notify.as_os_str());
        let restricted = std::thread::spawn(move || {
            let status = restrict(&needs).expect("rules");
            let mut state = LiveState::inherited_or_new(&mut manager, 1 << 16).expect("a file in memory");
            assert!(state.write(|file| file.put(b"learnt")));
            state.clear();
            std::fs::write(kept, "data").expect("a file beside the database");
            std::fs::read("/etc/passwd").expect("what name services read");
            let denied = |result: std::io::Result<()>| {
                result.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
            };
            let reading = denied(std::fs::read(&lost).map(drop));
            let executing = denied(std::process::Command::new("/bin/true").status().map(drop));
            let connecting = denied(std::net::TcpStream::connect(("127.0.0.1", port)).map(drop));
            (status, [reading, executing, connecting])
        });
        let (status, denied) = restricted.join().expect("no panic");
        let expected = match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => [true, true, effective_abi >= WITH_TCP],
            _ => [false; 3],
        };
        assert_eq!(denied, expected, "{status:?}");
    }
}
