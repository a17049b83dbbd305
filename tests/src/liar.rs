//! A provider that lies: honest in all but the bytes a test alters. A real one never does what this one is asked to.
//!
//! Nobody signs in here: whoever comes is sent back at once with a code.

use std::fmt::{self, Debug, Formatter};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::provider::{CLIENT_ID, CLIENT_SECRET};
use crate::rsa::RsaKey;
use crate::token;
use crate::upstream::{Received, Upstream, respond};
use crate::visitor::{encode, parameter};

/// The id of the key it publishes.
pub const KEY_ID: &str = "honest-1";
const ACCESS_TOKEN: &str = "an-access-token-of-the-liar";

/// Alters what a JSON document says.
type Alter = Box<dyn Fn(&mut Value) + Send + Sync>;

/// Makes a token of header and claims.
type Sign = Box<dyn Fn(&Value, &Value) -> String + Send + Sync>;

/// Where an answer of the provider can be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The discovery document.
    Discovery,
    /// The published keys.
    Keys,
    /// Where codes become tokens.
    Token,
}

/// What is answered instead of a document.
#[derive(Clone, Debug)]
pub enum Instead {
    /// A status, and this as JSON.
    Answer(&'static str, String),
    /// A redirect to this address.
    Redirect(String),
    /// Never an end.
    Endless,
    /// Never a byte.
    Silence,
}

/// Which way an ID token is lied about; everything else is as it should be.
pub struct Lie {
    discovery: Alter,
    keys: Alter,
    /// Parameters of the way back, by name; `null` leaves one out.
    way_back: Alter,
    header: Alter,
    claims: Alter,
    /// The token endpoint's answer.
    tokens: Alter,
    sign: Sign,
    instead: Option<(Endpoint, Instead)>,
}

impl Lie {
    /// No lie at all.
    pub fn none() -> Self {
        let honest = || -> Alter { Box::new(|_| ()) };
        Self {
            discovery: honest(),
            keys: honest(),
            way_back: honest(),
            header: honest(),
            claims: honest(),
            tokens: honest(),
            sign: Box::new(|header, claims| key().sign(header, claims)),
            instead: None,
        }
    }

    /// Lies in the discovery document.
    pub fn discovery(alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { discovery: Box::new(alter), ..Self::none() }
    }

    /// Lies in the published keys.
    pub fn keys(alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { keys: Box::new(alter), ..Self::none() }
    }

    /// Lies in the parameters of the way back: an object by name, `null` leaves one out.
    pub fn way_back(alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { way_back: Box::new(alter), ..Self::none() }
    }

    /// Lies in the ID token's header.
    pub fn header(alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { header: Box::new(alter), ..Self::none() }
    }

    /// Lies in the ID token's claims.
    pub fn claims(alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { claims: Box::new(alter), ..Self::none() }
    }

    /// Lies in the answer of the token endpoint.
    pub fn tokens(alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { tokens: Box::new(alter), ..Self::none() }
    }

    /// Makes the ID token of header and claims in another way.
    pub fn signature(sign: impl Fn(&Value, &Value) -> String + Send + Sync + 'static) -> Self {
        Self { sign: Box::new(sign), ..Self::none() }
    }

    /// Answers something else at an endpoint.
    pub fn instead(endpoint: Endpoint, instead: Instead) -> Self {
        Self { instead: Some((endpoint, instead)), ..Self::none() }
    }

    /// Lies about the published keys as well.
    pub fn and_keys(self, alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { keys: Box::new(alter), ..self }
    }

    /// Lies in the header as well.
    pub fn and_header(self, alter: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self { header: Box::new(alter), ..self }
    }

    fn answer(&self, received: &Received, stream: &mut TcpStream) {
        let host = received.headers("host").first().map_or_else(String::new, |host| (*host).to_owned());
        let issuer = format!("http://{host}");
        let endpoint = match received.target().split('?').next() {
            Some("/authorize") => return self.send_back(&issuer, received.target(), stream),
            Some("/jwks") => Endpoint::Keys,
            Some("/token") => Endpoint::Token,
            _ => Endpoint::Discovery,
        };
        if let Some((_, instead)) = self.instead.as_ref().filter(|(at, _)| *at == endpoint) {
            return instead.answer(stream);
        }
        let (mut document, alter) = match endpoint {
            Endpoint::Discovery => (metadata(&issuer), &self.discovery),
            Endpoint::Keys => (json!({"keys": [key().public_jwk(KEY_ID)]}), &self.keys),
            Endpoint::Token => (self.tokens_for(&issuer, &received.text()), &self.tokens),
        };
        alter(&mut document);
        respond(stream, "200 OK", "application/json", &document.to_string());
    }

    /// The code carries the nonce, so that nothing has to be remembered.
    fn send_back(&self, issuer: &str, target: &str, stream: &mut TcpStream) {
        let of = |name: &str| parameter(target, name).unwrap_or_default();
        let mut back = json!({"code": format!("code~{}", of("nonce")), "state": of("state"), "iss": issuer});
        (self.way_back)(&mut back);
        let pairs = back.as_object().into_iter().flatten().filter_map(|(name, value)| {
            let value = value.as_str()?;
            Some(format!("{name}={}", encode(value)))
        });
        let query: Vec<_> = pairs.collect();
        let location = format!("{}?{}", of("redirect_uri"), query.join("&"));
        // The visitor going away shows in the test.
        let _ = write!(stream, "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    }

    fn tokens_for(&self, issuer: &str, form: &str) -> Value {
        let code = parameter(&format!("?{form}"), "code").unwrap_or_default();
        let nonce = code.split_once('~').map_or("", |(_, nonce)| nonce);
        let hash = digest(&SHA256, ACCESS_TOKEN.as_bytes());
        let mut claims = json!({
            "iss": issuer, "aud": CLIENT_ID, "sub": "liar-1", "nonce": nonce, "at_hash": token::base64url(&hash.as_ref()[..16]),
            "iat": token::now(), "exp": token::now() + 600, "auth_time": token::now(),
            "email": "mallory@example.com", "email_verified": true, "name": "Mallory",
        });
        let mut header = json!({"alg": "RS256", "kid": KEY_ID});
        (self.claims)(&mut claims);
        (self.header)(&mut header);
        json!({
            "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600,
            "id_token": (self.sign)(&header, &claims),
        })
    }
}

impl Debug for Lie {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lie").field("instead", &self.instead).finish_non_exhaustive()
    }
}

impl Instead {
    fn answer(&self, stream: &mut TcpStream) {
        match self {
            Self::Answer(status, body) => respond(stream, status, "application/json", body),
            Self::Redirect(location) => {
                let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
                // Whether it is followed shows in the test.
                let _ = stream.write_all(answer.as_bytes());
            }
            Self::Endless => {
                let started = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"keys\":[\"";
                let mut open = stream.write_all(started).is_ok();
                while open {
                    open = stream.write_all(&[b'x'; 16 * 1024]).is_ok();
                }
            }
            // A read ends when the other side gives up.
            Self::Silence => drop(stream.read(&mut [0; 1])),
        }
    }
}

/// A listening liar.
#[derive(Debug)]
pub struct Liar(Upstream);

impl Liar {
    /// Starts to tell a lie.
    pub fn telling(lie: Lie) -> Self {
        Self(Upstream::answering(move |received, stream| lie.answer(received, stream)))
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        self.0.url()
    }

    /// Every request that reached it since the last look.
    pub fn asked(&self) -> Vec<Received> {
        self.0.pending()
    }

    /// The lines of `doorward.toml` that name it.
    pub fn settings(&self, id: &str) -> String {
        format!(
            "[[providers]]\nid = \"{id}\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret = \"{CLIENT_SECRET}\"\n",
            self.issuer()
        )
    }
}

/// The key whose public half every liar publishes.
pub fn key() -> &'static RsaKey {
    static KEY: OnceLock<RsaKey> = OnceLock::new();
    KEY.get_or_init(RsaKey::generate)
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}
