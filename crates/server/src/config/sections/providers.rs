//! Providers people sign in through.

use doorward_identity::user::Role;
use doorward_protocol::algorithm::Algorithm;
use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::values::Values;
use super::Server;
use super::choice::choice;

/// Where the provider sends people back to, at the public URL.
const CALLBACK: &str = "/api/v1/auth/callback";

choice! {
    /// How Doorward proves to a provider who it is.
    ClientAuth {
        /// The secret in a header.
        Basic = "basic",
        /// The secret in the form.
        Post = "post",
        /// A token signed with a private key.
        PrivateKeyJwt = "private_key_jwt",
        /// Not at all.
        None = "none",
    }
}

choice! {
    /// How people sign out at a provider.
    LogoutStyle {
        /// As OpenID Connect says.
        Oidc = "oidc",
        /// As Cognito does.
        Cognito = "cognito",
    }
}

/// A provider.
#[derive(Clone, Debug)]
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
    /// How Doorward proves who it is; what the provider's metadata says where nobody else does.
    pub(crate) client_auth: Option<ClientAuth>,
    /// What signs its proofs.
    pub(crate) private_key: Option<SecretString>,
    /// What is asked for.
    pub(crate) scopes: Vec<String>,
    /// The one algorithm of its ID tokens.
    pub(crate) algorithm: Option<Algorithm>,
    /// Where it sends people back to.
    pub(crate) redirect_uri: String,
    /// Where its metadata is, if not below its issuer.
    pub(crate) discovery_url: Option<String>,
    /// Instead of the discovered ones.
    pub(crate) endpoints: Endpoints,
    /// The claim that names groups.
    pub(crate) groups_claim: Option<String>,
    /// What groups give.
    pub(crate) groups: Vec<Group>,
    /// How people sign out there.
    pub(crate) logout: Option<LogoutStyle>,
}

/// What being in one of a provider's groups gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its name there, to the letter.
    pub(crate) name: String,
    /// Roles it gives.
    pub(crate) roles: Vec<Role>,
    /// Names of teams it makes people members of.
    pub(crate) teams: Vec<String>,
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
    /// Where it tells more of a person.
    pub(crate) userinfo: Option<String>,
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
            client_auth: values.maybe(&key("client_auth"))?,
            private_key: values.secret(&key("private_key")),
            scopes: values.many(&key("scopes"))?,
            algorithm: values.maybe(&key("algorithm"))?,
            redirect_uri: redirect_uri.unwrap_or_else(|| format!("{}{CALLBACK}", server.public_url)),
            discovery_url: values.maybe(&key("discovery_url"))?,
            endpoints: Endpoints {
                authorization: values.maybe(&key("authorization_endpoint"))?,
                token: values.maybe(&key("token_endpoint"))?,
                jwks: values.maybe(&key("jwks_uri"))?,
                end_session: values.maybe(&key("end_session_endpoint"))?,
                userinfo: values.maybe(&key("userinfo_endpoint"))?,
            },
            groups_claim: values.maybe(&key("groups_claim"))?,
            groups: values
                .entries(&key("groups"))
                .iter()
                .map(|entry| Group::read(values, entry))
                .collect::<Result<_, _>>()?,
            logout: values.maybe(&key("logout"))?,
        })
    }
}

impl Group {
    fn read(values: &Values, entry: &str) -> Result<Self, Mistake> {
        Ok(Self {
            name: values.one(&format!("{entry}.group"))?,
            roles: values.many(&format!("{entry}.roles"))?,
            teams: values.many(&format!("{entry}.teams"))?,
        })
    }
}
