//! The cable between Doorward and its store, which a test can pull or block.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Everything,
    /// Bytes wait, connections stay: a server that hangs.
    Held,
    /// Connections end as soon as they are made: a server that is down.
    Cut,
}

#[derive(Debug)]
struct State {
    flow: Mutex<Flow>,
    changed: Condvar,
    live: Mutex<Vec<TcpStream>>,
}

/// Forwards connections to another address for as long as the test lets it.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    state: Arc<State>,
}

impl Cable {
    /// A cable to `target`, such as `127.0.0.1:5432`.
    pub fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the cable");
        let address = listener.local_addr().expect("its address");
        let live = Mutex::new(Vec::new());
        let state = Arc::new(State { flow: Mutex::new(Flow::Everything), changed: Condvar::new(), live });
        let (shared, target) = (Arc::clone(&state), target.to_owned());
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // A target that refuses shows as a connection that ends.
                if let Ok(far) = TcpStream::connect(&target) {
                    shared.join(&near, &far);
                }
            }
        });
        Self { address, state }
    }

    /// Where to connect instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and all that come.
    pub fn cut(&self) {
        self.state.set(Flow::Cut);
        for stream in self.state.live.lock().expect("the connections").drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Holds back every byte.
    pub fn hold(&self) {
        self.state.set(Flow::Held);
    }

    /// Lets everything pass again.
    pub fn mend(&self) {
        self.state.set(Flow::Everything);
    }
}

impl State {
    fn set(&self, flow: Flow) {
        *self.flow.lock().expect("the flow") = flow;
        self.changed.notify_all();
    }

    /// Waits while bytes are held; whether they may pass then.
    fn passes(&self) -> bool {
        let flow = self.flow.lock().expect("the flow");
        let flow = self.changed.wait_while(flow, |flow| *flow == Flow::Held).expect("the flow");
        *flow == Flow::Everything
    }

    fn join(self: &Arc<Self>, near: &TcpStream, far: &TcpStream) {
        for (from, to) in [(near, far), (far, near)] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
            let state = Arc::clone(self);
            self.live.lock().expect("the connections").extend(from.try_clone());
            thread::spawn(move || state.carry(from, to));
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while self.passes() {
            match from.read(&mut bytes) {
                Ok(length @ 1..) if self.passes() && to.write_all(&bytes[..length]).is_ok() => {}
                _ => break,
            }
        }
        // The other direction ends with this one.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
