//! A display that stands before a real X server: passes everything on, keeps what clients ask, and can go deaf.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::xserver::{XServer, socket_path, unused_display};

pub struct XProxy {
    number: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    asked: Mutex<Vec<u8>>,
    is_deaf: AtomicBool,
}

impl XProxy {
    /// Stands before `server`, for as long as the runtime runs.
    pub fn before(server: &XServer) -> XProxy {
        let number = unused_display();
        let listener = UnixListener::bind(socket_path(number)).unwrap();
        let state = Arc::new(State::default());
        tokio::spawn(serve(listener, socket_path(server.number()), Arc::clone(&state)));
        XProxy { number, state }
    }

    pub fn display(&self) -> String {
        format!(":{}", self.number)
    }

    /// From now on what clients ask never arrives, and so is not answered; events still come through.
    pub fn set_deaf(&self, is_deaf: bool) {
        self.state.is_deaf.store(is_deaf, Ordering::Relaxed);
    }

    /// Everything that clients have sent.
    pub fn asked(&self) -> Vec<u8> {
        self.state.asked.lock().unwrap().clone()
    }
}

impl Drop for XProxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(socket_path(self.number));
    }
}

async fn serve(listener: UnixListener, server: PathBuf, state: Arc<State>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = UnixStream::connect(&server).await.unwrap();
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::select! {
                _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
                () = async {
                    let mut buffer = vec![0; 4096];
                    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                        state.asked.lock().unwrap().extend_from_slice(&buffer[..length]);
                        if !state.is_deaf.load(Ordering::Relaxed) && to_server.write_all(&buffer[..length]).await.is_err() {
                            break;
                        }
                    }
                } => {}
            }
        });
    }
}
