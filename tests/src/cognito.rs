//! A Cognito user pool with its hosted pages: the emulator, with people and clients in it.

use serde_json::Value;

use crate::part::Part;
use crate::ports;
use crate::python::client;
use crate::scratch::Scratch;
use crate::shape::text;
use crate::visitor::{Page, Visitor};

/// Who is in the pool, in the group `teachers`; `alan@example.com` is in none. The password is [`crate::PASSWORD`].
pub const GRACE: &str = "grace@example.com";

/// A running pool.
#[derive(Debug)]
pub struct Cognito {
    _part: Part,
    _folder: Scratch,
    facts: Value,
}

impl Cognito {
    /// A pool whose clients belong to the Doorward at `public_url`, beside `frontend`.
    #[track_caller]
    pub fn start(public_url: &str, frontend: &str) -> Self {
        let folder = Scratch::new();
        let port = ports::free().port().to_string();
        let callback = format!("{public_url}/api/v1/auth/callback");
        let mut command = client("cognito.py", &[&port, &folder.path().to_string_lossy(), &callback, frontend]);
        let (process, line) = Part::announced(&mut command);
        Self { _part: process, _folder: folder, facts: serde_json::from_str(&line).expect("a line of JSON") }
    }

    /// What the pool said of itself: `issuer`, `pool_id`, `client_id`, `client_secret`, `public_client_id`,
    /// `jwks_uri`, and tokens of [`GRACE`] for the public client: `id_token`, `access_token`.
    pub fn fact(&self, name: &str) -> String {
        text(&self.facts[name])
    }

    /// Where it listens; its issuer is another name.
    pub fn base(&self) -> String {
        self.fact("base")
    }

    /// The lines of `doorward.toml` that name it, with every endpoint where it really is.
    pub fn settings(&self, id: &str) -> String {
        let [issuer, client, secret, jwks] = ["issuer", "client_id", "client_secret", "jwks_uri"].map(|f| self.fact(f));
        let base = self.base();
        format!(
            "[[providers]]\nid = \"{id}\"\nissuer = \"{issuer}\"\nclient_id = \"{client}\"\nclient_secret = \"{secret}\"\n\
             authorization_endpoint = \"{base}/oauth2/authorize\"\ntoken_endpoint = \"{base}/oauth2/token\"\n\
             end_session_endpoint = \"{base}/logout\"\njwks_uri = \"{jwks}\"\n"
        )
    }

    /// Signs somebody in on the hosted page that `start` leads to; gives the redirect below `stop`, unfollowed.
    #[track_caller]
    pub fn sign_in(&self, visitor: &mut Visitor, start: &str, email: &str, stop: &str) -> Page {
        let form = visitor.follow(start, stop);
        let sent = visitor.submit(&form, &[("username", email), ("password", crate::PASSWORD)]);
        visitor.follow_on(sent, stop)
    }
}
