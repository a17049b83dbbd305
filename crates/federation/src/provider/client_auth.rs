//! Proving to a provider who we are (OIDC Core §9, RFC 6749 §2.3.1, RFC 7523 §3).

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use doorward_identity::provider::ProviderError;
use doorward_protocol::jwk::SigningKey;
use doorward_protocol::jwt;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::{ClientAuth, Provider};
use crate::outbound::Question;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long a proof counts.
const ASSERTION_LIFE_S: i64 = 60;

impl Provider {
    /// The question that presents a grant in Doorward's name.
    pub(super) fn in_our_name(
        &self,
        auth: &ClientAuth,
        secret: Option<&SecretString>,
        grant: &[(&str, &str)],
    ) -> Result<Question, ProviderError> {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(grant);
        let id = &self.config.client_id;
        let secret = secret.map_or("", |secret| secret.expose_secret());
        let mut authorization = None;
        match auth {
            ClientAuth::Basic => authorization = Some(basic(id, secret)?),
            ClientAuth::Post => {
                form.append_pair("client_id", id).append_pair("client_secret", secret);
            }
            ClientAuth::PrivateKeyJwt(key) => {
                form.append_pair("client_id", id)
                    .append_pair("client_assertion_type", ASSERTION_TYPE)
                    .append_pair("client_assertion", &self.assertion(key)?);
            }
            ClientAuth::None => {
                form.append_pair("client_id", id);
            }
        }
        Ok(Question { authorization, form: Some(form.finish()) })
    }

    /// For the issuer alone: an assertion for a token endpoint's address could be used by whoever made us call it.
    fn assertion(&self, key: &SigningKey) -> Result<String, ProviderError> {
        let now = self.clock.now().as_second();
        let id = &self.config.client_id;
        let jti = BASE64_URL_SAFE_NO_PAD.encode(self.entropy.bytes::<16>());
        let (aud, exp) = (&self.config.issuer, now + ASSERTION_LIFE_S);
        let claims = json!({"iss": id, "sub": id, "aud": aud, "jti": jti, "iat": now, "exp": exp});
        jwt::sign(key, None, "JWT", &claims).map_err(|error| ProviderError::Unavailable(error.to_string()))
    }
}

fn basic(id: &str, secret: &str) -> Result<HeaderValue, ProviderError> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = BASE64_STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
    sensitive(&format!("Basic {credentials}"))
}

/// A header that no log shows.
pub(super) fn sensitive(value: &str) -> Result<HeaderValue, ProviderError> {
    let no_header = |_| ProviderError::Untrustworthy("its token cannot stand in a header".to_owned());
    let mut header = HeaderValue::from_str(value).map_err(no_header)?;
    header.set_sensitive(true);
    Ok(header)
}
