//! Outside issuers whose tokens are accepted; the pool that keeps the passwords is one of them.

use super::super::mistake::Mistake;
use super::super::values::Values;
use super::UserPool;

/// An issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the claim, the specification and the setting are all called issuer")]
pub(crate) struct Issuer {
    /// Where it stands in the configuration: `issuers.0`, or `user_pool`.
    pub(crate) entry: String,
    /// Its name, to the letter.
    pub(crate) issuer: String,
    /// Audiences of which its tokens must name one.
    pub(crate) audiences: Vec<String>,
    /// Its keys, instead of the discovered address.
    pub(crate) jwks_uri: Option<String>,
}

impl Issuer {
    /// The entry of the pool that keeps the passwords.
    pub(super) const USER_POOL: &str = "user_pool";

    /// Whether it is the pool that keeps the passwords, which is described elsewhere.
    pub(crate) fn is_user_pool(&self) -> bool {
        self.entry == Self::USER_POOL
    }

    pub(super) fn read_all(values: &Values, pool: &UserPool) -> Result<Vec<Self>, Mistake> {
        let read = |entry: &String| {
            Ok(Self {
                entry: entry.clone(),
                issuer: values.one(&format!("{entry}.issuer"))?,
                audiences: values.many(&format!("{entry}.audiences"))?,
                jwks_uri: values.maybe(&format!("{entry}.jwks_uri"))?,
            })
        };
        let mut issuers = values.entries("issuers").iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if let Some(pool) = pool.issuer() {
            match issuers.iter_mut().find(|issuer| issuer.issuer == pool.issuer) {
                // Named for other clients of the same pool too.
                Some(issuer) => issuer.audiences.extend(pool.audiences),
                None => issuers.push(pool),
            }
        }
        Ok(issuers)
    }
}
