//! An outside issuer of tokens: discovery document, published keys, RS256 signatures, and a count of who asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::rsa::RsaKey;
use crate::token;
use crate::upstream::{Upstream, respond};

/// The audience its tokens are for.
pub const AUDIENCE: &str = "doorward-tests";

/// The id of its key.
const KEY_ID: &str = "outside-1";

/// The issuer and what it publishes.
pub struct Issuer {
    upstream: Upstream,
    key: RsaKey,
    down: Arc<AtomicBool>,
    key_fetches: Arc<AtomicUsize>,
}

impl Issuer {
    /// Makes a key and starts to publish it.
    pub fn start() -> Self {
        let key = RsaKey::generate();
        let jwks = json!({"keys": [key.public_jwk(KEY_ID)]}).to_string();
        let (down, key_fetches) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (is_down, fetches) = (Arc::clone(&down), Arc::clone(&key_fetches));
        let upstream = Upstream::answering(move |received, stream| {
            let host = received.headers("host").first().map_or_else(String::new, |host| (*host).to_owned());
            let base = format!("http://{host}");
            if is_down.load(Ordering::SeqCst) {
                respond(stream, "500 Internal Server Error", "text/plain", "down");
            } else if received.target() == "/jwks" {
                fetches.fetch_add(1, Ordering::SeqCst);
                respond(stream, "200 OK", "application/json", &jwks);
            } else {
                let metadata = json!({"issuer": base, "jwks_uri": format!("{base}/jwks")});
                respond(stream, "200 OK", "application/json", &metadata.to_string());
            }
        });
        Self { upstream, key, down, key_fetches }
    }

    /// Its name, as in `iss`.
    pub fn name(&self) -> String {
        self.upstream.url()
    }

    /// From now on every question is answered with an error.
    pub fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    /// How often its keys were fetched.
    pub fn key_fetches(&self) -> usize {
        self.key_fetches.load(Ordering::SeqCst)
    }

    /// Good claims for `email`, verified by this issuer.
    pub fn claims(&self, email: &str) -> Value {
        json!({
            "iss": self.name(), "aud": AUDIENCE, "sub": format!("subject of {email}"),
            "email": email, "email_verified": true, "name": "From Outside",
            "iat": token::now(), "exp": token::now() + 600,
        })
    }

    /// Signs `claims` with its key under the key id it publishes.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(KEY_ID, claims)
    }

    /// Signs `claims` naming any key id.
    pub fn sign_under(&self, kid: &str, claims: &Value) -> String {
        self.sign_with(&json!({"alg": "RS256", "typ": "JWT", "kid": kid}), claims)
    }

    /// The key it publishes.
    pub fn public_key(&self) -> Value {
        self.key.public_jwk(KEY_ID)
    }

    /// Signs `claims` under any header.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        self.key.sign(header, claims)
    }
}
