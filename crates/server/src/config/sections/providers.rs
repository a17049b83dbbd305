//! Providers people sign in through.

use doorward_protocol::algorithm::Algorithm;
use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::values::Values;
use super::Server;

/// Where the provider sends people back to, at the public URL.
const CALLBACK: &str = "/api/v1/auth/callback";

/// A provider.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "sign-in through providers comes with the hosted surface"))]
pub(crate) struct Provider {
    /// Where it stands in the configuration: `providers.0`.
    pub(crate) entry: String,
    /// Its name here.
    pub(crate) id: String,
    /// Its issuer, to the letter.
    pub(crate) issuer: String,
    /// Doorward's id there.
    pub(crate) client_id: String,
    /// Doorward's secret there.
    pub(crate) client_secret: Option<SecretString>,
    /// What is asked for.
    pub(crate) scopes: Vec<String>,
    /// The one algorithm of its ID tokens.
    pub(crate) algorithm: Option<Algorithm>,
    /// Where it sends people back to.
    pub(crate) redirect_uri: String,
    /// Instead of the discovered ones.
    pub(crate) endpoints: Endpoints,
}

/// Addresses that override discovery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// Where people sign in.
    pub(crate) authorization: Option<String>,
    /// Where codes are exchanged.
    pub(crate) token: Option<String>,
    /// Where the keys are.
    pub(crate) jwks: Option<String>,
    /// Where people sign out.
    pub(crate) end_session: Option<String>,
}

impl Provider {
    pub(super) fn read_all(values: &Values, server: &Server) -> Result<Vec<Self>, Mistake> {
        values.entries("providers").iter().map(|entry| Self::read(values, entry, server)).collect()
    }

    fn read(values: &Values, entry: &str, server: &Server) -> Result<Self, Mistake> {
        let key = |setting: &str| format!("{entry}.{setting}");
        let redirect_uri = values.maybe(&key("redirect_uri"))?;
        Ok(Self {
            entry: entry.to_owned(),
            id: values.one(&key("id"))?,
            issuer: values.one(&key("issuer"))?,
            client_id: values.one(&key("client_id"))?,
            client_secret: values.secret(&key("client_secret")),
            scopes: values.many(&key("scopes"))?,
            algorithm: values.maybe(&key("algorithm"))?,
            redirect_uri: redirect_uri.unwrap_or_else(|| format!("{}{CALLBACK}", server.public_url)),
            endpoints: Endpoints {
                authorization: values.maybe(&key("authorization_endpoint"))?,
                token: values.maybe(&key("token_endpoint"))?,
                jwks: values.maybe(&key("jwks_uri"))?,
                end_session: values.maybe(&key("end_session_endpoint"))?,
            },
        })
    }
}
