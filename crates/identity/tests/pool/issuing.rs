//! What the scripted pool signs, and how others verify it.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::Clock;
use doorward_identity::clock::ManualClock;
use doorward_identity::issuer::{KeysUnavailable, OutsideKeys, TokenDialect, TrustedIssuer};
use doorward_identity::user_pool::PoolAccount;
use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwk::{SigningKey, VerifyingKey};
use doorward_protocol::jwt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::script::{CLIENT, ISSUER, Pool};

/// The pool's key, and what those who trust it know.
pub(crate) struct Issuing {
    clock: Arc<ManualClock>,
    key: SigningKey,
    published: Arc<VerifyingKey>,
    trusted: TrustedIssuer,
}

impl Issuing {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let trusted = TrustedIssuer {
            issuer: ISSUER.to_owned(),
            audiences: vec![CLIENT.to_owned()],
            dialect: TokenDialect::Cognito,
        };
        let published = Arc::new(key.verifying_key());
        Self { clock, key, published, trusted }
    }
}

impl Pool {
    /// Signs whatever it is told to, as an access or ID token of its own.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        jwt::sign(&self.issuing.key, Some("pool-1"), "JWT", claims).unwrap()
    }

    /// Claims of a good token of that account, issued now.
    pub(crate) fn claims(&self, token_use: &str, account: &PoolAccount, session: Uuid) -> Value {
        let now = self.issuing.clock.now().as_second();
        let mut claims = json!({
            "iss": ISSUER, "sub": account.subject, "token_use": token_use, "origin_jti": session.to_string(),
            "jti": self.new_id().to_string(), "auth_time": now, "iat": now, "exp": now + 3600,
        });
        if token_use == "id" {
            claims["aud"] = json!(CLIENT);
            claims["email"] = json!(account.email);
            claims["email_verified"] = json!(account.email_verified);
        } else {
            claims["client_id"] = json!(CLIENT);
        }
        claims
    }
}

#[async_trait]
impl OutsideKeys for Pool {
    fn issuer(&self, issuer: &str) -> Option<&TrustedIssuer> {
        (issuer == ISSUER).then_some(&self.issuing.trusted)
    }

    async fn keys(&self, _: &TrustedIssuer, kid: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, KeysUnavailable> {
        Ok(if kid == Some("pool-1") { vec![Arc::clone(&self.issuing.published)] } else { vec![] })
    }
}
