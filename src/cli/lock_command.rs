//! `seclyzer lock-command`: what the units seclyzer-lock.service and seclyzer-lock@.service run, in place of the agent,
//! which executes nothing.

use super::Error;
use crate::sources::environment::Environment;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// Becomes `decision.lock_command`, run by a shell with what a locker has to know of the session. Returns only if it cannot.
///
/// # Errors
/// There is no such command, or no shell.
pub fn run(command: Option<&str>) -> Result<(), Error> {
    let Some(command) = command else {
        return Err(Error::Usage("there is no command to lock the screen by; set decision.lock_command".into()));
    };
    let Environment { display, xauthority, session_type, wayland_display, .. } = Environment::of_this_process();
    let runtime = format!("/run/user/{}", nix::unistd::getuid());
    // A service of the system is in no session, and has none of these.
    let of_session = [
        ("DISPLAY", display.map(PathBuf::from)),
        ("XAUTHORITY", xauthority),
        ("XDG_SESSION_TYPE", session_type.map(PathBuf::from)),
        ("WAYLAND_DISPLAY", wayland_display.map(PathBuf::from)),
        ("DBUS_SESSION_BUS_ADDRESS", Some(format!("unix:path={runtime}/bus").into())),
        ("XDG_RUNTIME_DIR", Some(runtime.into())),
    ];
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).env_remove("STATE_DIRECTORY");
    for (name, value) in of_session {
        if let Some(value) = value.filter(|_| std::env::var_os(name).is_none()) {
            shell.env(name, value);
        }
    }
    Err(Error::Unavailable(format!("/bin/sh does not start: {}", shell.exec())))
}
