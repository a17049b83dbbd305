//! The pool against an endpoint of flesh and sockets, which answers what it is told.

#![expect(clippy::unwrap_used, reason = "tests")]

mod budget;
mod calls;
mod endpoint;
mod refusals;
mod renewal;
mod surveying;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cognitoidentityprovider::config::{Credentials, SharedCredentialsProvider};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use doorward_identity::Surface;
use doorward_identity::code::CodePurpose;
use doorward_identity::mail::{LetterKind, MailCounts};
use doorward_identity::observer::{Observer, SignInOutcome};
use doorward_identity::user::EmailAddress;
use doorward_identity::user_pool::PoolSignUp;
use secrecy::SecretString;
use serde_json::{Value, json};

use self::endpoint::Endpoint;
use super::client::Budget;
use super::{CognitoPool, CognitoSettings};

const SUBJECT: &str = "7a1b2c3d-0000-4000-8000-00000000beef";
const CLIENT: &str = "the-client";
const CLIENT_SECRET: &str = "the-client-secret";
const PASSWORD: &str = "Quiet-Harbour-41";

/// What was counted.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<Vec<(&'static str, &'static str)>>>);

impl Counted {
    fn all(&self) -> Vec<(&'static str, &'static str)> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Counted {
    fn sign_in(&self, _: Surface, _: SignInOutcome) {}
    fn sign_up(&self, _: Surface, _: &'static str) {}
    fn token(&self, _: &'static str, _: Duration) {}
    fn hashed(&self, _: Duration, _: Duration) {}
    fn hash_queue(&self, _: usize) {}
    fn store_call(&self, _: &'static str, _: Duration, _: bool) {}
    fn code(&self, _: CodePurpose, _: &'static str) {}
    fn mail(&self, _: LetterKind, _: &'static str) {}
    fn outbox(&self, _: &MailCounts) {}
    fn pool_call(&self, operation: &'static str, _: Duration, outcome: &'static str) {
        self.0.lock().unwrap().push((operation, outcome));
    }
    fn changes_read(&self, _: bool) {}
}

fn settings(endpoint_url: &str) -> CognitoSettings {
    CognitoSettings {
        pool_id: "us-east-1_people".to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: None,
        region: "us-east-1".to_owned(),
        endpoint_url: Some(endpoint_url.to_owned()),
    }
}

fn with_secret(endpoint_url: &str) -> CognitoSettings {
    CognitoSettings { client_secret: Some(Arc::new(SecretString::from(CLIENT_SECRET))), ..settings(endpoint_url) }
}

fn credentials() -> SdkConfig {
    let credentials = Credentials::new("id", "key", None, None, "tests");
    SdkConfig::builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// Less patience, so that nobody waits who knows that nothing comes.
fn impatient() -> Budget {
    let ms = Duration::from_millis;
    Budget { connect: ms(200), attempt: ms(300), whole: ms(1500), rest: ms(10) }
}

fn pool_with(settings: CognitoSettings) -> (CognitoPool, Counted) {
    let counted = Counted::default();
    (CognitoPool::with_budget(&credentials(), settings, Arc::new(counted.clone()), impatient()), counted)
}

fn pool(endpoint: &Endpoint) -> CognitoPool {
    pool_with(settings(&endpoint.url())).0
}

fn ann() -> EmailAddress {
    "ann@example.com".parse().unwrap()
}

fn password() -> SecretString {
    PASSWORD.into()
}

/// Somebody new with this address and password.
fn somebody<'s>(email: &'s EmailAddress, password: &'s SecretString) -> PoolSignUp<'s> {
    PoolSignUp { email, password, given_name: None, family_name: None, phone: None }
}

/// A token that says this, with a signature that nobody looks at.
fn token(claims: &Value) -> String {
    let part = |json: String| BASE64_URL_SAFE_NO_PAD.encode(json);
    format!("{}.{}.c2ln", part(json!({"alg": "RS256"}).to_string()), part(claims.to_string()))
}

fn access_claims() -> Value {
    json!({
        "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_people", "token_use": "access",
        "client_id": CLIENT, "sub": SUBJECT, "origin_jti": "01234567-89ab-4def-8123-456789abcdef",
    })
}

fn id_claims() -> Value {
    json!({
        "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_people", "token_use": "id",
        "aud": CLIENT, "sub": SUBJECT, "email": "ann@example.com", "email_verified": true, "given_name": "Ann",
    })
}

/// The answer that lets somebody in with tokens that say this.
fn tokens(access: &Value, id: &Value) -> Value {
    json!({"AuthenticationResult": {
        "AccessToken": token(access), "IdToken": token(id), "RefreshToken": "the-refresh-token",
        "TokenType": "Bearer", "ExpiresIn": 3600,
    }})
}
