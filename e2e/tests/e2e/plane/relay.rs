//! A way to the API server that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes bytes on, both ways, while it is open. Clones are one.
#[derive(Clone)]
pub(super) struct Relay {
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Relay {
    pub(super) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        let serving = relay.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // What is cut is closed at once, as a port where nobody listens.
                serving.join(client, server);
            }
        });
        relay
    }

    /// Ends all connections, and lets no more through.
    pub(super) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for stream in state.open.drain(..) {
            let _ended_before = stream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }

    fn join(&self, client: TcpStream, server: SocketAddr) {
        let mut state = self.state.lock().unwrap();
        if state.is_cut {
            return;
        }
        let Ok(server) = TcpStream::connect(server) else {
            return;
        };
        for stream in [&client, &server] {
            state.open.push(stream.try_clone().unwrap());
        }
        let ways = [
            (client.try_clone().unwrap(), server.try_clone().unwrap()),
            (server, client),
        ];
        for (from, to) in ways {
            thread::spawn(move || pass(from, to));
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let read = bytes.get(..count).unwrap_or_default();
        if to.write_all(read).is_err() {
            break;
        }
    }
    let _ended_before = to.shutdown(Shutdown::Both);
}
