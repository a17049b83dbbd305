//! Leaving for a provider: where to send the browser, and what it carries until it comes back.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use doorward_protocol::return_path;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::flow::{self, FLOW_LIFE, Flow};
use super::{AuthorizationRequest, ProviderInfo, ProviderSignInError};
use crate::Identity;
use crate::session::Caller;

/// A wish to sign in through a provider.
#[derive(Clone, Debug, Default)]
pub struct Departure {
    /// Which one; the first where none is named.
    pub provider: Option<String>,
    /// Where to go afterwards; passed over unless it is a path of the same site.
    pub return_to: Option<String>,
    /// The person must have proved who they are within this time; zero asks them again.
    pub max_age: Option<SignedDuration>,
    /// Whose account shall get the identity; nobody's to sign in with it.
    pub link_to: Option<Arc<Caller>>,
}

/// Somebody on their way to a provider.
#[derive(Clone, Debug)]
pub struct Departed {
    /// Where to send the browser.
    pub url: String,
    /// What names the cookie.
    pub flow_id: String,
    /// What the cookie holds.
    pub flow: SecretString,
    /// How long it counts.
    pub max_age: SignedDuration,
}

impl Identity {
    /// The providers people can sign in through, the default first.
    pub fn providers(&self) -> &[ProviderInfo] {
        self.providers.all()
    }

    /// The provider of that name.
    pub(super) fn provider(&self, id: &str) -> Option<&ProviderInfo> {
        self.providers().iter().find(|provider| provider.id == id)
    }

    /// Sends somebody to a provider.
    pub async fn begin_provider_sign_in(&self, wish: Departure) -> Result<Departed, ProviderSignInError> {
        let provider = match &wish.provider {
            Some(id) => self.provider(id),
            None => self.providers().first(),
        };
        let provider = provider.ok_or(ProviderSignInError::UnknownProvider)?;
        let link_to = wish.link_to.as_deref().map(|caller| self.link_to(caller)).transpose()?;
        let entropy = &*self.entropy;
        let flow = Flow {
            state: flow::new_state(entropy),
            nonce: flow::unguessable(entropy),
            verifier: flow::unguessable(entropy),
            provider: provider.id.clone(),
            issuer: provider.issuer.clone(),
            return_to: wish.return_to.as_deref().and_then(return_path::same_site).map(str::to_owned),
            max_age: wish.max_age.map(|age| age.max(SignedDuration::ZERO)),
            link_to,
            expires_at: self.clock.now().checked_add(FLOW_LIFE).unwrap_or(Timestamp::MAX),
        };
        let request = AuthorizationRequest {
            state: flow.state.clone(),
            nonce: flow.nonce.clone(),
            code_challenge: code_challenge(&flow.verifier),
            max_age: flow.max_age,
        };
        let url = self.providers.authorization_url(&provider.id, &request).await?;
        let flow_id = flow::flow_id(&flow.state).unwrap_or_default().to_owned();
        Ok(Departed { url, flow_id, flow: self.seal_flow(&flow)?, max_age: FLOW_LIFE })
    }
}

/// S256 of a verifier (RFC 7636, 4.2).
fn code_challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        let challenge = code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
