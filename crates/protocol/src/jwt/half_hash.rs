//! The left half of a hash (OIDC Core §3.1.3.6), by which an ID token names the access token or code beside it.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::algorithm::Algorithm;

/// What `at_hash` is for `text` in an ID token signed with `algorithm`.
pub fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash = match algorithm {
        Algorithm::HS256 | Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &SHA256,
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &SHA384,
        // Ed25519 hashes with SHA-512 itself.
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::ES512 | Algorithm::EdDSA => &SHA512,
    };
    let digest = digest::digest(hash, text.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..hash.output_len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_half_hash_is_the_one_of_the_standard() {
        // OIDC Core, A.4: the ID token beside this access token.
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(Algorithm::RS256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn its_length_is_half_of_the_algorithms_hash() {
        for algorithm in Algorithm::ALL {
            let bits = if algorithm == Algorithm::EdDSA { "512" } else { &algorithm.as_str()[2..] };
            let characters = match bits {
                "256" => 22,
                "384" => 32,
                _ => 43,
            };
            assert_eq!(half_hash(algorithm, "a").len(), characters, "{algorithm}");
        }
    }
}
