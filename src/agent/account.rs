//! The account that a service of the system works for.
//!
//! A process may be signalled, stopped and given other limits by whatever has its real or its saved user id
//! (`kill(2)`), while files, X and D-Bus go by the effective one. The hardened service therefore keeps an account of its
//! own for the first two and takes the account's for the third: it reads what its user may read, and only root ends it.

use nix::errno::Errno;
use nix::unistd::{User, getuid, setresuid};
use std::io;

/// Why the agent cannot work for an account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("--account: there is no account {0:?}")]
    Unknown(String),
    #[error("--account: the account {name:?} cannot be looked up: {error}")]
    Unread { name: String, error: Errno },
    #[error(
        "--account: the user id of {name:?} cannot be taken: {error}; this is for a service with an account and \
         CAP_SETUID of its own, such as seclyzer@.service"
    )]
    Forbidden { name: String, error: Errno },
    #[error("--account: the capabilities cannot be given up: {0}")]
    Kept(io::Error),
}

/// Takes the effective user id of this account, and gives up every capability. To be called before there is a second
/// thread: capabilities are a thread's own.
///
/// # Errors
/// There is no such account, or the process may not.
pub fn work_for(name: &str) -> Result<(), Error> {
    let user = User::from_name(name).map_err(|error| Error::Unread { name: name.into(), error })?;
    let user = user.ok_or_else(|| Error::Unknown(name.into()))?;
    let own = getuid();
    if own.is_root() || own == user.uid {
        // Then whoever may signal the account's processes could signal this one, or it would stay root.
        return Err(Error::Forbidden { name: name.into(), error: Errno::EINVAL });
    }
    setresuid(own, user.uid, own).map_err(|error| Error::Forbidden { name: name.into(), error })?;
    give_up_capabilities().map_err(Error::Kept)
}

/// `capset(2)` with empty sets; the ambient set follows the permitted one.
fn give_up_capabilities() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    const THIS_THREAD: u32 = 0;
    let header = [VERSION_3, THIS_THREAD];
    let none = [0_u32; 6];
    // SAFETY: version 3 reads a header of two 32-bit words and two times three of data, and keeps neither pointer.
    match unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
