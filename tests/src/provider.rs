//! A certified OpenID Connect provider that people sign in at, run on Node.

use serde_json::{Value, json};

use crate::part::{self, Part};
use crate::shape::text;
use crate::visitor::{Page, Visitor};

/// Doorward's name and secret at every provider here.
pub const CLIENT_ID: &str = "doorward";
/// See [`CLIENT_ID`].
pub const CLIENT_SECRET: &str = "of-the-tests-0123456789-0123456789-0123456789";

/// A running provider.
#[derive(Debug)]
pub struct Provider {
    process: Part,
    issuer: String,
}

/// What a provider is started with.
#[derive(Clone, Debug)]
pub struct ProviderSetup(Value);

impl ProviderSetup {
    /// A provider with one confidential client: the Doorward whose public address is `public_url`, beside `frontend`.
    pub fn for_doorward(public_url: &str, frontend: &str) -> Self {
        Self(json!({"clients": [{
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [format!("{public_url}/api/v1/auth/callback")],
            "post_logout_redirect_uris": [frontend],
            "backchannel_logout_uri": format!("{public_url}/api/v1/auth/backchannel-logout"),
            "backchannel_logout_session_required": true,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        }]}))
    }

    /// Sets a member of the client's registration.
    pub fn client(mut self, member: &str, value: Value) -> Self {
        self.0["clients"][0][member] = value;
        self
    }

    /// Sets the claims of somebody; whoever is not named has good ones.
    pub fn account(mut self, login: &str, claims: Value) -> Self {
        self.0["accounts"][login] = claims;
        self
    }

    /// How long a kind of token lives, in seconds: `AccessToken`, `RefreshToken`, `Session` …
    pub fn lives(mut self, kind: &str, seconds: u32) -> Self {
        self.0["ttl"][kind] = seconds.into();
        self
    }

    /// The host of its addresses, instead of 127.0.0.1.
    pub fn host(mut self, host: &str) -> Self {
        self.0["host"] = host.into();
        self
    }

    /// Starts it.
    #[track_caller]
    pub fn start(&self) -> Provider {
        let (process, line) = Part::announced(&mut part::node("provider.mjs", &[&self.0.to_string()]));
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        Provider { process, issuer: text(&line["issuer"]) }
    }
}

impl Provider {
    /// Its issuer, to the letter.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// From now on somebody has these claims.
    pub fn changes(&mut self, login: &str, claims: &Value) {
        self.process.tell(&json!({login: claims}).to_string());
        self.process.line();
    }

    /// The lines of `doorward.toml` that name it.
    pub fn settings(&self, id: &str) -> String {
        format!(
            "[[providers]]\nid = \"{id}\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret = \"{CLIENT_SECRET}\"\n",
            self.issuer
        )
    }

    /// Signs `login` in and consents, from `start` until the provider leads to an address below `stop`; gives the
    /// redirect that leads there, unfollowed.
    #[track_caller]
    pub fn sign_in(&self, visitor: &mut Visitor, start: &str, login: &str, stop: &str) -> Page {
        let mut page = visitor.follow(start, stop);
        for _ in 0..4 {
            if page.url.starts_with(stop) {
                return page;
            }
            assert_eq!(page.response.status, 200, "{}: {}", page.url, page.response.text());
            let sent = visitor.submit(&page, &[("login", login), ("password", "any")]);
            page = visitor.follow_on(sent, stop);
        }
        panic!("the provider still asks: {}", page.response.text());
    }
}
