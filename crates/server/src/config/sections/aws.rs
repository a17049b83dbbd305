//! How Amazon's services are reached, whichever they are.

use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::values::Values;

/// Amazon's services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aws {
    /// Whether this build has them.
    pub(crate) built_in: bool,
    /// The key to sign requests with, if the SDK is not to look for one itself.
    pub(crate) access_key_id: Option<SecretString>,
    /// Its secret.
    pub(crate) secret_access_key: Option<SecretString>,
    /// Its token, if it is a temporary one.
    #[cfg_attr(not(any(feature = "aws", test)), expect(dead_code, reason = "a build without AWS gives it to nobody"))]
    pub(crate) session_token: Option<SecretString>,
    /// Where they are, if not at AWS.
    pub(crate) endpoint_url: Option<String>,
}

impl Aws {
    pub(in crate::config) fn read(values: &Values, built_in: bool) -> Result<Self, Mistake> {
        Ok(Self {
            built_in,
            access_key_id: values.secret("aws.access_key_id"),
            secret_access_key: values.secret("aws.secret_access_key"),
            session_token: values.secret("aws.session_token"),
            endpoint_url: values.maybe("aws.endpoint_url")?,
        })
    }
}
