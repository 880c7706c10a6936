//! Between the agent and a server: passes on what both say, or behaves like a network or a server that is ill.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// Accepts, and never answers.
    Silent,
    /// Answers at a byte a second.
    Slow,
    /// Cuts the connection after so many bytes of what the agent sends.
    CutAfter(u64),
    /// Answers every request with this HTTP status.
    Http(u16),
}

/// A listener on loopback; its threads end with the process.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    mode: Mode,
    connections: Vec<TcpStream>,
    /// Connections that were made in a mode other than [`Mode::Pass`].
    victims: usize,
}

impl Proxy {
    /// `server`: `host:port`.
    pub fn start(server: &str, mode: Mode) -> Proxy {
        let state = Arc::new(Mutex::new(State { mode, connections: Vec::new(), victims: 0 }));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (shared, server) = (Arc::clone(&state), server.to_owned());
        std::thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                let mode = {
                    let mut state = shared.lock().expect("no panic");
                    state.connections.push(agent.try_clone().expect("a descriptor"));
                    state.victims += usize::from(state.mode != Mode::Pass);
                    state.mode
                };
                let server = server.clone();
                // What breaks is what the test is about.
                std::thread::spawn(move || serve(agent, &server, mode));
            }
        });
        Proxy { address, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn victims(&self) -> usize {
        self.state.lock().expect("no panic").victims
    }

    /// Behaves otherwise from now on; connections that are there are cut.
    pub fn change(&self, mode: Mode) {
        let mut state = self.state.lock().expect("no panic");
        state.mode = mode;
        for connection in state.connections.drain(..) {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn serve(mut agent: TcpStream, server: &str, mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Silent => io::copy(&mut agent, &mut io::sink()).map(drop),
        Mode::Http(status) => {
            // The request, or as much of it as came at once.
            if agent.read(&mut [0; 65_536])? == 0 {
                return Ok(());
            }
            write!(agent, "HTTP/1.1 {status} Told\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
            agent.shutdown(Shutdown::Both)
        }
        Mode::Pass | Mode::Slow | Mode::CutAfter(_) => {
            let server = TcpStream::connect(server)?;
            let (mut requests, mut to_server) = (agent.try_clone()?, server.try_clone()?);
            std::thread::spawn(move || {
                let result = match mode {
                    Mode::CutAfter(bytes) => {
                        let result = io::copy(&mut (&mut requests).take(bytes), &mut to_server).map(drop);
                        let _ = requests.shutdown(Shutdown::Both);
                        result
                    }
                    _ => io::copy(&mut requests, &mut to_server).map(drop),
                };
                let _ = to_server.shutdown(Shutdown::Both);
                result
            });
            answer(server, &mut agent, mode == Mode::Slow)?;
            agent.shutdown(Shutdown::Both)
        }
    }
}

fn answer(mut server: TcpStream, agent: &mut TcpStream, is_slow: bool) -> io::Result<()> {
    if !is_slow {
        return io::copy(&mut server, agent).map(drop);
    }
    let mut byte = [0];
    while server.read(&mut byte)? > 0 {
        std::thread::sleep(Duration::from_secs(1));
        agent.write_all(&byte)?;
    }
    Ok(())
}
