//! The keys one issuer publishes, parsed once, and which of them may have signed a token. Knows no network.

use std::sync::Arc;

use doorward_protocol::jwk::{JwkSet, VerifyingKey};

/// Keys that are kept of one set.
const MOST_KEYS: usize = 128;
/// Keys that are tried on one token, so that a token without a name of its key stays cheap to refuse.
const MOST_CANDIDATES: usize = 16;

/// The usable keys of a published set.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<(Option<String>, Arc<VerifyingKey>)>);

impl KeySet {
    /// Reads a JWK set; `None` if it is none, or holds no key that can verify a signature.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let set: JwkSet = serde_json::from_slice(json).ok()?;
        let usable = set.keys.into_iter().take(MOST_KEYS).filter_map(|jwk| match VerifyingKey::from_jwk(&jwk) {
            Ok(key) => Some((jwk.kid, Arc::new(key))),
            Err(error) => {
                tracing::debug!(kid = jwk.kid, %error, "a published key is of no use");
                None
            }
        });
        let keys: Vec<_> = usable.collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys named `kid` or not named at all; every key for a token that names none.
    pub(crate) fn candidates(&self, kid: Option<&str>) -> Vec<Arc<VerifyingKey>> {
        let fits = |name: &Option<String>| kid.is_none() || name.is_none() || name.as_deref() == kid;
        let fitting = self.0.iter().filter(|(name, _)| fits(name)).map(|(_, key)| Arc::clone(key));
        fitting.take(MOST_CANDIDATES).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use doorward_protocol::algorithm::Algorithm;
    use doorward_protocol::jwk::{PublicJwk, SigningKey};
    use serde_json::{Value, json};

    use super::*;

    fn jwk(kid: &str) -> PublicJwk {
        SigningKey::generate(Algorithm::EdDSA).unwrap().public_jwk(kid).unwrap()
    }

    fn read(keys: &Value) -> Option<KeySet> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_token_meets_the_keys_of_its_name_and_those_without_one() {
        let nameless = PublicJwk { kid: None, ..jwk("") };
        let set = read(&json!([jwk("a"), jwk("b"), jwk("b"), nameless])).unwrap();
        assert_eq!(set.candidates(Some("a")).len(), 2);
        assert_eq!(set.candidates(Some("b")).len(), 3);
        assert_eq!(set.candidates(Some("c")).len(), 1);
        assert_eq!(set.candidates(None).len(), 4);
        assert_eq!(read(&json!([jwk("a")])).unwrap().candidates(Some("c")).len(), 0);
    }

    #[test]
    fn a_token_without_a_key_name_meets_a_bounded_number_of_keys() {
        let many: Vec<PublicJwk> = (0..200).map(|n| jwk(&n.to_string())).collect();
        let set = read(&json!(many)).unwrap();
        assert_eq!(set.len(), MOST_KEYS);
        assert_eq!(set.candidates(None).len(), MOST_CANDIDATES);
    }

    #[test]
    fn unusable_keys_are_left_out_and_a_set_of_only_them_is_none() {
        let secret = json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "s"});
        let confused = json!({"kty": "OKP", "crv": "Ed25519", "x": jwk("").x, "alg": "HS256", "kid": "c"});
        let encryption = PublicJwk { usage: Some("enc".to_owned()), ..jwk("e") };
        let unusable = json!([secret, confused, encryption, 7, {"kty": "EC"}]);
        assert!(read(&unusable).is_none());
        let mut mixed = unusable;
        mixed.as_array_mut().unwrap().push(json!(jwk("good")));
        assert_eq!(read(&mixed).unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_key_set_is_none() {
        let nested = "[".repeat(100_000);
        for text in ["", "{}", "null", "[]", r#"{"keys":[]}"#, r#"{"keys":{}}"#, "<html>", nested.as_str()] {
            assert!(KeySet::read(text.as_bytes()).is_none());
        }
    }
}
