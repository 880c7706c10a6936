//! A service manager, so that the agent has a live state: it listens, and stores nothing.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

pub struct Manager {
    pub socket: PathBuf,
}

impl Manager {
    /// Its socket is in this folder. It ends with the process.
    pub fn start(folder: &Path) -> Manager {
        let socket = folder.join("notify");
        let listener = UnixDatagram::bind(&socket).expect("a socket");
        std::thread::spawn(move || while listener.recv(&mut [0; 256]).is_ok() {});
        Manager { socket }
    }
}
