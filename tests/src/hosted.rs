//! A Doorward that people sign in to through providers: where it is known before it and its providers start.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http::Response;
use crate::instance::{Doorward, Setup};
use crate::ports;
use crate::store::Store;
use crate::visitor::{Page, Visitor};

/// The front end; nobody listens there unless a test does.
pub const FRONTEND: &str = "http://app.localhost:3000";
/// The session cookie where nothing else is said and nothing is encrypted.
pub const COOKIE: &str = "access_token";

/// An address chosen for a Doorward, and its name in links.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it will listen.
    pub address: SocketAddr,
    host: String,
}

impl Place {
    /// A free port under the name 127.0.0.1.
    pub fn choose() -> Self {
        Self::named("127.0.0.1")
    }

    /// A free port under a name that means this machine.
    pub fn named(host: &str) -> Self {
        Self { address: ports::free(), host: host.to_owned() }
    }

    /// Its public URL.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.address.port())
    }

    /// The address of a page.
    pub fn page(&self, target: &str) -> String {
        self.url() + target
    }

    /// A Doorward there, with a configuration file.
    pub fn setup(&self, toml: &str) -> Setup {
        Setup::on(Store::Sqlite)
            .at(self.address)
            .set("server.public_url", &self.url())
            .set("server.frontend_url", FRONTEND)
            .file(toml)
    }

    /// Where signing in begins.
    pub fn login(&self) -> String {
        self.page("/api/v1/auth/login")
    }

    /// What the way back from a provider starts with.
    pub fn callback(&self) -> String {
        self.page("/api/v1/auth/callback")
    }

    /// The visitor's session cookie.
    pub fn session(&self, visitor: &Visitor) -> Option<String> {
        visitor.cookie(&self.host, COOKIE).map(str::to_owned)
    }

    /// Lets a visitor have a session cookie.
    pub fn plant(&self, visitor: &mut Visitor, handle: &str) {
        visitor.plant(&self.host, COOKIE, handle);
    }

    /// Who Doorward says the visitor is, as a script asks.
    pub fn me(&self, visitor: &mut Visitor) -> Response {
        visitor.ask(&self.page("/api/v1/users/me"), |client, target| client.get(target))
    }

    /// Whether the visitor is signed in, by the endpoint that never fails.
    #[track_caller]
    pub fn is_signed_in(&self, visitor: &mut Visitor) -> bool {
        let status = visitor.ask(&self.page("/api/v1/auth/status"), |client, target| client.get(target));
        let status = status.expect(200).json();
        status["authenticated"].as_bool().unwrap_or_else(|| panic!("{status}"))
    }

    /// Signs out, as the front end does; gives the answer.
    #[track_caller]
    pub fn sign_out(&self, visitor: &mut Visitor, query: &str) -> Value {
        let target = format!("/api/v1/auth/logout{query}");
        let post = |client: crate::Client, target: &str| client.post(target).header("Origin", FRONTEND);
        visitor.ask(&self.page(&target), post).expect(200).json()
    }
}

/// Asserts that nobody was let in: a refusal that a person can read, and no session.
#[track_caller]
pub fn assert_refused(what: &str, place: &Place, visitor: &mut Visitor, end: &Page) {
    let answer = &end.response;
    assert!((400..=503).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    assert_ne!(answer.status, 500, "{what}: {}", answer.text());
    assert_eq!(place.session(visitor), None, "{what}: a session cookie was set");
    place.me(visitor).problem(401);
}

impl Doorward {
    /// How many accounts there are.
    pub fn accounts(&self) -> u32 {
        self.setup().database().query("select count(*) from users").parse().expect("a number")
    }
}
