//! A provider whose every word can be chosen: honest until a test says otherwise.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use doorward_identity::provider::{CodeExchange, OutsideAccount, ProviderError, ProviderTokens, Providers};
use doorward_identity::{Clock, Entropy};
use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwk::SigningKey;
use doorward_protocol::jwt::half_hash;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::issuer::{Answer, Issuer};
use crate::{Endpoints, OpenIdProviders, Outbound, OutboundSettings, ProviderConfig};

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const CLIENT_ID: &str = "doorward";
pub(super) const CLIENT_SECRET: &str = "a secret of the client, long enough to sign with";
pub(super) const NONCE: &str = "n-0123456789abcdef0123456789abcdef";
pub(super) const ACCESS_TOKEN: &str = "an-access-token";
pub(super) const SUBJECT: &str = "248289761001";
pub(super) const KID: &str = "honest-1";

/// The key the provider publishes.
pub(super) static HONEST: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());
/// One it does not.
pub(super) static STRANGE: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// How an ID token is made of header and payload.
pub(super) type Sign = fn(&str, &str) -> String;

/// Everything the provider says, and what we were told about it.
pub(super) struct Story {
    pub(super) issuer: Issuer,
    /// Somebody who must never be asked anything.
    pub(super) bystander: Issuer,
    pub(super) config: ProviderConfig,
    pub(super) metadata: Value,
    pub(super) keys: Value,
    /// How long we wait for any answer.
    pub(super) patience: Duration,
    /// The `iss` of the callback.
    pub(super) iss: Option<String>,
    pub(super) max_age: Option<SignedDuration>,
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) sign: Sign,
    /// The token endpoint's answer; the ID token is put into it.
    pub(super) tokens: Value,
    /// Answers by path instead of the above.
    pub(super) answers: Vec<(&'static str, Answer)>,
}

impl Story {
    /// No lie at all.
    pub(super) async fn honest() -> Self {
        let (issuer, bystander) = (Issuer::open(&[]).await, Issuer::open(&[]).await);
        let name = issuer.name();
        Self {
            config: ProviderConfig {
                id: "main".to_owned(),
                issuer: name.clone(),
                client_id: CLIENT_ID.to_owned(),
                client_secret: Some(Arc::new(SecretString::from(CLIENT_SECRET))),
                client_auth: None,
                scopes: vec!["openid".to_owned(), "email".to_owned()],
                algorithm: None,
                redirect_uri: "https://app.example/api/v1/auth/callback".to_owned(),
                discovery_url: None,
                endpoints: Endpoints::default(),
                groups_claim: None,
                logout: None,
            },
            metadata: json!({
                "issuer": name,
                "authorization_endpoint": format!("{name}/authorize?tenant=a"),
                "token_endpoint": format!("{name}/token"),
                "userinfo_endpoint": format!("{name}/userinfo"),
                "end_session_endpoint": format!("{name}/logout"),
                "jwks_uri": format!("{name}/jwks"),
                "id_token_signing_alg_values_supported": ["RS256"],
                "authorization_response_iss_parameter_supported": true,
            }),
            keys: json!([HONEST.public_jwk(KID)]),
            patience: Duration::from_secs(5),
            iss: Some(name.clone()),
            max_age: None,
            header: json!({"alg": "RS256", "kid": KID, "typ": "JWT"}),
            claims: json!({
                "iss": name, "aud": CLIENT_ID, "sub": SUBJECT, "nonce": NONCE, "iat": NOW, "exp": NOW + 600,
                "auth_time": NOW - 5, "at_hash": half_hash(Algorithm::RS256, ACCESS_TOKEN), "sid": "s-1",
                "email": "jane@example.com", "email_verified": true, "name": "Jane", "groups": ["staff"],
            }),
            sign: |header, payload| signed_by(&HONEST, header, payload),
            tokens: json!({
                "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r-1",
            }),
            answers: Vec::new(),
            issuer,
            bystander,
        }
    }

    /// The provider as it was told to be, seen from our side.
    pub(super) fn tell(&self) -> OpenIdProviders {
        self.tell_with(OutboundSettings::default())
    }

    pub(super) fn tell_with(&self, settings: OutboundSettings) -> OpenIdProviders {
        self.answer();
        let outbound = Outbound::new(settings).unwrap().with_deadline(self.patience);
        let (clock, entropy) = (Arc::new(Fixed) as Arc<dyn Clock>, Arc::new(Fixed) as Arc<dyn Entropy>);
        OpenIdProviders::new(vec![self.config.clone()], &outbound, &clock, &entropy)
    }

    /// From now on the provider answers as it was told to.
    pub(super) fn answer(&self) {
        let mut tokens = self.tokens.clone();
        let id_token = (self.sign)(&self.header.to_string(), &self.claims.to_string());
        tokens.as_object_mut().unwrap().entry("id_token").or_insert(id_token.into());
        self.issuer.answer_metadata(Answer::Body(self.metadata.to_string()));
        self.issuer.answer_keys(Answer::Body(json!({ "keys": self.keys }).to_string()));
        self.issuer.answer("/token", Answer::Body(tokens.to_string()));
        for (path, answer) in &self.answers {
            self.issuer.answer(path, answer.clone());
        }
    }

    pub(super) fn exchange(&self) -> CodeExchange {
        CodeExchange {
            code: "a-code".into(),
            iss: self.iss.clone(),
            code_verifier: "the-verifier".into(),
            nonce: NONCE.to_owned(),
            max_age: self.max_age,
        }
    }

    /// Tells it, and signs in.
    pub(super) async fn sign_in(&self) -> Result<(OutsideAccount, ProviderTokens), ProviderError> {
        self.tell().exchange("main", &self.exchange()).await
    }

    /// Tells it, and renews.
    pub(super) async fn renew(&self) -> Result<(Option<OutsideAccount>, ProviderTokens), ProviderError> {
        self.tell().renew("main", SUBJECT, &"r-0".into()).await
    }
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of exactly these bytes.
pub(super) fn signed_by(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = base64url(key.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}
