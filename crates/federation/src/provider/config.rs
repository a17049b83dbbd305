//! A provider as the operator describes it.

use std::sync::Arc;

use doorward_identity::issuer::TokenDialect;
use doorward_identity::secret::SecretSource;
use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwk::SigningKey;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use crate::discovery::Search;
use crate::issuer_keys::dialect_of;

/// A provider people sign in through.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Its name here.
    pub id: String,
    /// `iss`, to the letter.
    pub issuer: String,
    /// Doorward's id there.
    pub client_id: String,
    /// Doorward's secret there.
    pub client_secret: Option<Arc<dyn SecretSource>>,
    /// How Doorward proves who it is; what the provider's metadata say where nobody else does.
    pub client_auth: Option<ClientAuth>,
    /// What is asked for; `openid` always is.
    pub scopes: Vec<String>,
    /// The one algorithm of its ID tokens.
    pub algorithm: Option<Algorithm>,
    /// Where it sends people back to.
    pub redirect_uri: String,
    /// Where its metadata are, if not below its issuer.
    pub discovery_url: Option<String>,
    /// Instead of those that its metadata name.
    pub endpoints: Endpoints,
    /// The claim that names a person's groups; then somebody without the claim is in none.
    pub groups_claim: Option<String>,
    /// How people sign out there; found out where nobody says.
    pub logout: Option<LogoutStyle>,
}

/// Addresses that the operator names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Where people sign in.
    pub authorization: Option<String>,
    /// Where codes are exchanged.
    pub token: Option<String>,
    /// Where the keys are.
    pub jwks: Option<String>,
    /// Where people sign out.
    pub end_session: Option<String>,
    /// Where it tells more of a person.
    pub userinfo: Option<String>,
}

/// How Doorward proves to a provider who it is (OIDC Core §9).
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// The secret in a header.
    Basic,
    /// The secret in the form.
    Post,
    /// A token signed with this key.
    PrivateKeyJwt(Arc<SigningKey>),
    /// Not at all.
    None,
}

/// The text is no private key that can sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no unencrypted private key in PKCS#8 PEM (RSA, P-256, P-384, P-521 or Ed25519)")]
pub struct BadPrivateKey;

impl ClientAuth {
    /// Proof by a private key in PEM; its kind decides the algorithm.
    pub fn private_key_jwt(pem: &str) -> Result<Self, BadPrivateKey> {
        use Algorithm::{ES256, ES384, ES512, EdDSA, RS256};

        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| BadPrivateKey)?;
        let read = |algorithm| SigningKey::from_pkcs8(algorithm, pkcs8.secret_pkcs8_der()).ok();
        let key = [EdDSA, ES256, ES384, ES512, RS256].into_iter().find_map(read);
        key.map(|key| Self::PrivateKeyJwt(Arc::new(key))).ok_or(BadPrivateKey)
    }
}

/// How people sign out at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutStyle {
    /// As OIDC RP-Initiated Logout 1.0 says.
    Oidc,
    /// As Cognito's hosted pages do.
    Cognito,
}

impl ProviderConfig {
    /// Metadata are done without when the operator names every address that signing in needs, and does not say where
    /// the metadata are.
    pub(crate) fn search(&self) -> Search {
        let Endpoints { authorization, token, jwks, .. } = &self.endpoints;
        let complete = authorization.is_some() && token.is_some() && jwks.is_some();
        Search {
            issuer: self.issuer.clone(),
            discovery_url: self.discovery_url.clone(),
            jwks_uri: jwks.clone(),
            describe: !complete || self.discovery_url.is_some(),
        }
    }

    /// Whether it is a user pool of Cognito's, which has ways of its own.
    pub(super) fn is_cognito(&self) -> bool {
        dialect_of(&self.issuer) == TokenDialect::Cognito
    }

    pub(super) fn logout_style(&self) -> LogoutStyle {
        self.logout.unwrap_or(if self.is_cognito() { LogoutStyle::Cognito } else { LogoutStyle::Oidc })
    }
}
