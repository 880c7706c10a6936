//! The stream under a connection, made so that x11rb never waits on it.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, ParsedDisplay};
use x11rb::reexports::x11rb_protocol::xauth::Family;
use x11rb::rust_connection::{PollMode, Stream};
use x11rb::utils::RawFdContainer;

/// x11rb waits for its stream by `poll` alone, and here that never waits. Where x11rb would wait for an answer it fails
/// with `WouldBlock`; where it would wait for room to send, the server has left 16 KiB of tiny requests unread, and it
/// fails with `TimedOut`.
#[derive(Debug)]
pub(super) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Socket {
    /// Connects to the first of the display's addresses that takes it.
    pub async fn open(display: &ParsedDisplay) -> io::Result<Socket> {
        let mut first_error = None;
        for address in display.connect_instruction() {
            let opened = match address {
                ConnectAddress::Socket(path) => UnixStream::connect(path).await.map(Socket::Unix),
                ConnectAddress::Hostname(host, port) => TcpStream::connect((host, port)).await.map(Socket::Tcp),
                _ => continue,
            };
            match opened {
                Ok(socket) => return Ok(socket),
                // The first address is the likely one: its error tells more than that of a fallback.
                Err(error) => first_error.get_or_insert(error),
            };
        }
        Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
    }

    /// The server's address in the form of Xauthority files.
    pub fn peer(&self) -> io::Result<(Family, Vec<u8>)> {
        let address = match self {
            Socket::Unix(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            Socket::Tcp(stream) => stream.peer_addr()?.ip().to_canonical(),
        };
        match address {
            // Whatever way it is reached, this machine goes by its name.
            this_machine if this_machine.is_loopback() => {
                let name = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
                Ok((Family::LOCAL, name.trim_end().into()))
            }
            IpAddr::V4(address) => Ok((Family::INTERNET, address.octets().into())),
            IpAddr::V6(address) => Ok((Family::INTERNET6, address.octets().into())),
        }
    }

    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await
    }

    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await
    }

    async fn ready(&self, interest: Interest) -> io::Result<()> {
        match self {
            Socket::Unix(stream) => stream.ready(interest).await.map(drop),
            Socket::Tcp(stream) => stream.ready(interest).await.map(drop),
        }
    }

    /// Reads what has come, or fails with `WouldBlock`.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(stream) => stream.try_read(buffer),
            Socket::Tcp(stream) => stream.try_read(buffer),
        }
    }

    /// Sends what there is room for, or fails with `WouldBlock`.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(stream) => stream.try_write(buffer),
            Socket::Tcp(stream) => stream.try_write(buffer),
        }
    }
}

/// Of the requests that are made here none passes descriptors.
impl Stream for Socket {
    fn poll(&self, mode: PollMode) -> io::Result<()> {
        if mode.writable() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    fn read(&self, buffer: &mut [u8], _: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.try_read(buffer)
    }

    fn write(&self, buffer: &[u8], _: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.try_write(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
            _ => error,
        })
    }
}
