//! What counts as a provider's metadata: what the operator says, else what the provider says and may say.

use std::sync::Arc;

use doorward_identity::provider::ProviderError;
use doorward_protocol::algorithm::Algorithm;
use url::Url;

use super::config::{ClientAuth, ProviderConfig};
use crate::discovery::{Address, Description, Metadata};

/// A provider's metadata.
pub(super) struct Facts<'p> {
    config: &'p ProviderConfig,
    description: Option<Arc<Description>>,
}

impl<'p> Facts<'p> {
    pub(super) fn new(config: &'p ProviderConfig, description: Option<Arc<Description>>) -> Self {
        Self { config, description }
    }

    /// Where people sign in.
    pub(super) fn authorization(&self) -> Result<Url, ProviderError> {
        let found =
            self.address(self.config.endpoints.authorization.as_ref(), |m| m.authorization_endpoint.as_ref())?;
        found.map(|address| address.url).ok_or_else(|| lacks("authorization endpoint"))
    }

    /// Where codes and refresh tokens are exchanged.
    pub(super) fn token(&self) -> Result<Address, ProviderError> {
        let found = self.address(self.config.endpoints.token.as_ref(), |m| m.token_endpoint.as_ref())?;
        found.ok_or_else(|| lacks("token endpoint"))
    }

    /// Where it tells more of a person.
    pub(super) fn userinfo(&self) -> Result<Option<Address>, ProviderError> {
        self.address(self.config.endpoints.userinfo.as_ref(), |m| m.userinfo_endpoint.as_ref())
    }

    /// Where people sign out.
    pub(super) fn end_session(&self) -> Option<Url> {
        let found = self.address(self.config.endpoints.end_session.as_ref(), |m| m.end_session_endpoint.as_ref());
        found.ok().flatten().map(|address| address.url)
    }

    /// Whether it says who it is when it sends people back (RFC 9207).
    pub(super) fn promises_iss(&self) -> bool {
        self.metadata().is_some_and(|metadata| metadata.authorization_response_iss_parameter_supported)
    }

    /// Whether its tokens may be signed so: with the algorithm the operator names, else with one it names itself.
    pub(super) fn signs_with(&self, algorithm: Algorithm) -> bool {
        let named = self.metadata().and_then(|metadata| metadata.id_token_signing_alg_values_supported.as_ref());
        !algorithm.is_symmetric()
            && match (self.config.algorithm, named) {
                (Some(only), _) => algorithm == only,
                (None, Some(named)) => named.iter().any(|name| name == algorithm.as_str()),
                (None, None) => true,
            }
    }

    /// How Doorward proves who it is.
    pub(super) fn client_auth(&self) -> ClientAuth {
        let named = self.metadata().and_then(|metadata| metadata.token_endpoint_auth_methods_supported.as_ref());
        let takes = |method: &str| named.is_some_and(|named| named.iter().any(|name| name == method));
        match &self.config.client_auth {
            Some(configured) => configured.clone(),
            None if self.config.client_secret.is_none() => ClientAuth::None,
            None if takes("client_secret_post") && !takes("client_secret_basic") => ClientAuth::Post,
            // What a provider takes that names no method (Discovery 1.0 §3).
            None => ClientAuth::Basic,
        }
    }

    fn metadata(&self) -> Option<&Metadata> {
        self.description.as_ref().map(|description| &description.metadata)
    }

    fn address(
        &self,
        configured: Option<&String>,
        named: impl Fn(&Metadata) -> Option<&String>,
    ) -> Result<Option<Address>, ProviderError> {
        let unacceptable = || ProviderError::Untrustworthy("one of its endpoints is unacceptable".to_owned());
        if let Some(configured) = configured {
            return Address::configured(configured).map(Some).ok_or_else(unacceptable);
        }
        let Some(description) = &self.description else { return Ok(None) };
        let Some(named) = named(&description.metadata) else { return Ok(None) };
        description.address(named).map(Some).ok_or_else(unacceptable)
    }
}

fn lacks(endpoint: &str) -> ProviderError {
    ProviderError::Untrustworthy(format!("its metadata lack the {endpoint}"))
}
