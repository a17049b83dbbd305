//! What stands between Doorward and a user pool and lets calls fail, before or after the pool did what they ask.

use std::fmt::{self, Debug, Formatter};
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

use crate::http::{Response, Wire};
use crate::shape::text;
use crate::upstream::{Received, Upstream, respond};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered with a status and the name of an exception; the pool hears nothing.
    Answer(u16, &'static str),
    /// Not answered before the test heals it; the pool hears nothing.
    Hang,
    /// The connection ends; the pool hears nothing.
    DropBefore,
    /// The pool does it, and then the connection ends.
    DropAfter,
    /// Everybody there comes by a provider, under a name that is neither their subject nor their address.
    ByProvider,
}

/// What is answered to whoever may not do something.
const FORBIDDEN: Fault = Fault::Answer(400, "AccessDeniedException");

/// Which calls fail, by their operation.
struct Rule {
    applies: Box<dyn Fn(&str) -> bool + Send>,
    fault: Fault,
}

#[derive(Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    healed: Condvar,
    calls: Mutex<Vec<String>>,
}

/// A proxy that passes calls on until it is told otherwise.
pub struct FaultProxy {
    upstream: Upstream,
    state: Arc<State>,
}

impl FaultProxy {
    /// A proxy to the pool that listens at `target`.
    pub fn to(target: SocketAddr) -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let upstream = Upstream::answering(move |received, stream| shared.pass(target, received, stream));
        Self { upstream, state }
    }

    /// Where to call instead of the pool.
    pub fn url(&self) -> String {
        self.upstream.url()
    }

    /// From now on every call fails so.
    pub fn fails(&self, fault: Fault) {
        self.add(fault, |_| true);
    }

    /// From now on every call of this operation, such as `SignUp`, fails so.
    pub fn fails_at(&self, operation: &str, fault: Fault) {
        let wanted = operation.to_owned();
        self.add(fault, move |operation| operation == wanted);
    }

    /// From now on only these are done of what an administrator does.
    pub fn permits(&self, operations: &'static [&'static str]) {
        let is_administrative = |operation: &str| operation.starts_with("Admin") || operation.starts_with("List");
        self.add(FORBIDDEN, move |operation| is_administrative(operation) && !operations.contains(&operation));
    }

    /// From now on whoever is in the pool comes to it by a provider, as administrators see it.
    pub fn federates(&self) {
        self.add(Fault::ByProvider, |operation| operation.starts_with("Admin") || operation == "ListUsers");
    }

    /// Passes everything on again.
    pub fn heal(&self) {
        self.state.rules.lock().expect("the rules").clear();
        self.state.healed.notify_all();
    }

    /// The operations asked for since the last time this was asked, those that failed included.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.calls.lock().expect("the calls"))
    }

    fn add(&self, fault: Fault, applies: impl Fn(&str) -> bool + Send + 'static) {
        self.state.rules.lock().expect("the rules").push(Rule { applies: Box::new(applies), fault });
    }
}

impl State {
    fn pass(&self, target: SocketAddr, received: &Received, stream: &mut TcpStream) {
        let operation = received.headers("x-amz-target").first().map_or(String::new(), |target| {
            target.rsplit_once('.').map_or(String::new(), |(_, operation)| operation.to_owned())
        });
        if !operation.is_empty() {
            self.calls.lock().expect("the calls").push(operation.clone());
        }
        match self.fault(&operation) {
            None => {
                if let Some(answer) = forward(target, received) {
                    send(&answer, stream);
                }
            }
            Some(Fault::Answer(status, exception)) => {
                let body = format!(r#"{{"__type":"{exception}","message":"a fault of the test"}}"#);
                respond(stream, &format!("{status} Fault"), "application/x-amz-json-1.1", &body);
            }
            Some(Fault::Hang) => {
                let rules = self.rules.lock().expect("the rules");
                drop(self.healed.wait_while(rules, |rules| !rules.is_empty()));
                hang_up(stream);
            }
            Some(Fault::DropBefore) => hang_up(stream),
            Some(Fault::DropAfter) => {
                forward(target, received);
                hang_up(stream);
            }
            Some(Fault::ByProvider) => by_provider(target, received, stream),
        }
    }

    fn fault(&self, operation: &str) -> Option<Fault> {
        let rules = self.rules.lock().expect("the rules");
        rules.iter().find(|rule| (rule.applies)(operation)).map(|rule| rule.fault)
    }
}

/// The emulator knows everybody by their subject. The name that is told in its place differs in its hyphens alone, so that
/// what is asked stays as long as its head says.
fn by_provider(target: SocketAddr, received: &Received, stream: &mut TcpStream) {
    let asked: Value = serde_json::from_slice(&received.body).expect("a call's body");
    let mut received = received.clone();
    if let Some(name) = asked["Username"].as_str() {
        if !name.contains('_') {
            let unknown = r#"{"__type":"UserNotFoundException","message":"User does not exist."}"#;
            return respond(stream, "400 Unknown", "application/x-amz-json-1.1", unknown);
        }
        let body = String::from_utf8_lossy(&received.body).replace(name, &name.replace('_', "-"));
        received.body = body.into();
    }
    let Some(mut answer) = forward(target, &received) else { return };
    if let Ok(mut told) = serde_json::from_slice::<Value>(&answer.body) {
        for user in told["Users"].as_array_mut().into_iter().flatten() {
            user["Username"] = text(&user["Username"]).replace('-', "_").into();
            user["UserStatus"] = "EXTERNAL_PROVIDER".into();
        }
        answer.body = told.to_string().into();
    }
    send(&answer, stream);
}

/// The pool's answer; none where it is not there.
fn forward(target: SocketAddr, received: &Received) -> Option<Response> {
    let mut wire = Wire::connect(target).ok()?;
    wire.try_send([received.head.as_bytes(), &received.body].concat()).ok()?;
    wire.try_response(received.request_line().starts_with("HEAD")).ok()
}

fn send(answer: &Response, stream: &mut TcpStream) {
    let mut head = vec![format!("HTTP/1.1 {} Passed", answer.status), format!("Content-Length: {}", answer.body.len())];
    let framing = ["content-length", "transfer-encoding", "connection"];
    let kept = answer.headers.iter().filter(|(name, _)| !framing.contains(&name.as_str()));
    head.extend(kept.map(|(name, value)| format!("{name}: {value}")));
    head.push("\r\n".to_owned());
    // A Doorward that went away shows in the test.
    let _ = stream.write_all(&[head.join("\r\n").as_bytes(), &answer.body].concat());
}

fn hang_up(stream: &TcpStream) {
    // It may have gone by itself.
    let _ = stream.shutdown(Shutdown::Both);
}

impl Debug for FaultProxy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy").field("url", &self.url()).finish_non_exhaustive()
    }
}
