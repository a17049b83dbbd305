//! Who keeps the passwords.

use doorward_federation::pool_issuer;
use secrecy::SecretString;

use super::super::cognito;
use super::super::mistake::Mistake;
use super::super::values::Values;
use super::Issuer;
use super::choice::choice;

choice! {
    /// Who keeps the passwords.
    PoolKind {
        /// Doorward's own store.
        Local = "local",
        /// A Cognito user pool.
        Cognito = "cognito",
    }
}

/// The user pool.
#[derive(Clone, Debug)]
pub(crate) struct UserPool {
    /// Who keeps the passwords.
    pub(crate) kind: PoolKind,
    /// The pool people move over from.
    pub(crate) migrate_from: Option<PoolKind>,
    /// Id of the Cognito pool.
    pub(crate) pool_id: Option<String>,
    /// Id of the client there.
    pub(crate) client_id: Option<String>,
    /// Secret of the client there.
    #[cfg_attr(not(any(feature = "aws", test)), expect(dead_code, reason = "a build without AWS gives it to nobody"))]
    pub(crate) client_secret: Option<SecretString>,
    /// AWS region, where it is said.
    pub(crate) region: Option<String>,
    /// Where its API is, if not at AWS.
    pub(crate) endpoint_url: Option<String>,
}

impl UserPool {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        let everywhere = values.maybe("aws.endpoint_url")?;
        Ok(Self {
            kind: values.one("user_pool.kind")?,
            migrate_from: values.maybe("user_pool.migrate_from")?,
            pool_id: values.maybe("user_pool.pool_id")?,
            client_id: values.maybe("user_pool.client_id")?,
            client_secret: values.secret("user_pool.client_secret"),
            region: values.maybe("user_pool.region")?,
            endpoint_url: values.maybe("user_pool.endpoint_url")?.or(everywhere),
        })
    }

    /// The setting by which a pool elsewhere is asked, if one is.
    pub(crate) fn asked_by(&self) -> Option<&'static str> {
        match (self.kind, self.migrate_from) {
            (PoolKind::Cognito, _) => Some("user_pool.kind"),
            (PoolKind::Local, Some(PoolKind::Cognito)) => Some("user_pool.migrate_from"),
            (PoolKind::Local, None | Some(PoolKind::Local)) => None,
        }
    }

    /// The region its id begins with.
    pub(crate) fn region_of_id(&self) -> Option<&str> {
        cognito::region_of(self.pool_id.as_deref()?)
    }

    /// Its region.
    pub(crate) fn region(&self) -> Option<&str> {
        self.region.as_deref().or_else(|| self.region_of_id())
    }

    /// The pool that keeps the passwords as the issuer of its own tokens, made for its one client.
    pub(super) fn issuer(&self) -> Option<Issuer> {
        let (pool_id, client_id) = (self.pool_id.as_deref()?, self.client_id.clone()?);
        (self.kind == PoolKind::Cognito).then_some(Issuer {
            entry: Issuer::USER_POOL.to_owned(),
            issuer: pool_issuer(self.region()?, pool_id),
            audiences: vec![client_id],
            jwks_uri: self.endpoint_url.as_deref().map(|endpoint| cognito::document(endpoint, pool_id, "jwks.json")),
        })
    }
}
