//! A Cognito user pool with its hosted pages: the emulator, with people and clients in it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::deadline::{PATIENCE, until};
use crate::http::{Client, Response};
use crate::instance::Setup;
use crate::mailbox::six_digits;
use crate::part::Part;
use crate::ports;
use crate::python::client;
use crate::scratch::Scratch;
use crate::shape::text;
use crate::visitor::{Page, Visitor};

/// Who is in the pool, in the group `teachers`; `alan@example.com` is in none. The password is [`crate::PASSWORD`].
pub const GRACE: &str = "grace@example.com";

/// Which of the pool's clients Doorward is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolClient {
    /// One without a secret.
    Public,
    /// One with a secret, which every call has to prove.
    Confidential,
}

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

    /// A Doorward whose passwords this pool keeps, called at `endpoint`: the variables of its own `.env`.
    pub fn keeps_passwords(&self, setup: Setup, client: PoolClient, endpoint: &str) -> Setup {
        let setup = setup
            .env("COGNITO_USER_POOL_ID", &self.fact("pool_id"))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", endpoint);
        match client {
            PoolClient::Public => setup.env("COGNITO_CLIENT_ID", &self.fact("public_client_id")),
            PoolClient::Confidential => setup
                .env("COGNITO_CLIENT_ID", &self.fact("client_id"))
                .env("COGNITO_CLIENT_SECRET", &self.fact("client_secret")),
        }
    }

    /// Where its API is.
    pub fn address(&self) -> SocketAddr {
        self.base().trim_start_matches("http://").parse().expect("an address")
    }

    /// A call of its API, as an administrator makes it; `body` without the pool's id.
    pub fn call(&self, operation: &str, mut body: Value) -> Response {
        body["UserPoolId"] = self.fact("pool_id").into();
        let credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/cognito-idp/aws4_request";
        let request = Client::new(self.address()).post("/").header("Authorization", credential);
        let request = request.header("X-Amz-Target", &format!("AWSCognitoIdentityProviderService.{operation}"));
        request.text("application/x-amz-json-1.1", &body.to_string()).send()
    }

    /// The account of that address or subject, with its attributes as members; `None` where there is none.
    pub fn account(&self, username: &str) -> Option<Value> {
        let answer = self.call("AdminGetUser", json!({"Username": username}));
        (answer.status == 200).then(|| {
            let mut account = answer.json();
            for attribute in account["UserAttributes"].take().as_array().into_iter().flatten() {
                account[text(&attribute["Name"])] = attribute["Value"].clone();
            }
            account
        })
    }

    /// Whether this is the password of a confirmed account.
    pub fn knows(&self, email: &str, password: &str) -> bool {
        let body = json!({
            "ClientId": self.fact("public_client_id"), "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": email, "PASSWORD": password},
        });
        self.call("InitiateAuth", body).status == 200
    }

    /// Puts a confirmed account with [`crate::PASSWORD`] into the pool, as somebody who was there before Doorward.
    #[track_caller]
    pub fn adopt(&self, email: &str) {
        let attributes =
            [("email", email), ("email_verified", "true"), ("given_name", "Grace"), ("family_name", "Hopper")];
        let attributes = attributes.map(|(name, value)| json!({"Name": name, "Value": value}));
        let body = json!({"Username": email, "UserAttributes": attributes, "MessageAction": "SUPPRESS"});
        self.call("AdminCreateUser", body).expect(200);
        let body = json!({"Username": email, "Password": crate::PASSWORD, "Permanent": true});
        self.call("AdminSetUserPassword", body).expect(200);
    }

    /// The texts of the mail it sent to an address.
    pub fn mail_to(&self, email: &str) -> Vec<String> {
        let sent = Client::new(self.address()).get("/_ministack/ses/messages").send().expect(200).json();
        let all = sent["messages"].as_object().into_iter().flatten().filter_map(|(_, list)| list.as_array());
        let matching = all.flatten().filter(|mail| mail["To"][0] == email);
        matching.map(|mail| text(&mail["BodyText"])).collect()
    }

    /// Waits for its mail number `count` to an address; gives the code in it.
    #[track_caller]
    pub fn mailed_code(&self, email: &str, count: usize) -> String {
        let what = format!("mail number {count} of the pool to {email}");
        let mail = until(&what, PATIENCE, || self.mail_to(email).get(count - 1).cloned());
        six_digits(&mail).unwrap_or_else(|| panic!("no code in {mail}"))
    }

    /// Signs somebody in on the hosted page that `start` leads to; gives the redirect below `stop`, unfollowed.
    #[track_caller]
    pub fn sign_in(&self, visitor: &mut Visitor, start: &str, email: &str, stop: &str) -> Page {
        let form = visitor.follow(start, stop);
        let sent = visitor.submit(&form, &[("username", email), ("password", crate::PASSWORD)]);
        visitor.follow_on(sent, stop)
    }
}
