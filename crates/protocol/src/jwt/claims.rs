//! Claims whose signature has been verified, and the checks of the registered ones (RFC 7519 §4.1).
//! A claim of the wrong type is an error, never an absent claim.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use super::JwtError;

/// No caller can forgive more seconds of clock skew.
pub const MAX_LEEWAY_S: i64 = 60;

/// Claims that were signed by the key they were verified with.
#[derive(Clone, Debug)]
pub struct VerifiedClaims(Map<String, Value>);

/// What `exp`, `nbf` and `iat` are judged by.
#[derive(Clone, Copy, Debug)]
pub struct TimeRules {
    /// Now.
    pub now: Timestamp,
    /// Clock skew to forgive, in seconds; cut to 0..=[`MAX_LEEWAY_S`].
    pub leeway_s: i64,
}

/// When a token was issued and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
}

impl VerifiedClaims {
    pub(super) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// The claims as a `T`; [`JwtError::Malformed`] if one that `T` needs is missing or of another type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, JwtError> {
        T::deserialize(&self.0).map_err(|_| JwtError::Malformed)
    }

    /// Requires an `exp` in the future, and no `nbf` or `iat` there.
    pub fn check_times(&self, rules: &TimeRules) -> Result<Times, JwtError> {
        let now = rules.now.as_second();
        let leeway = rules.leeway_s.clamp(0, MAX_LEEWAY_S);
        let expires_at = self.time("exp")?.ok_or(JwtError::MissingClaim("exp"))?;
        let not_before = self.time("nbf")?;
        let issued_at = self.time("iat")?;
        if now >= expires_at.as_second() + leeway {
            return Err(JwtError::Expired);
        }
        if not_before.into_iter().chain(issued_at).any(|from| from.as_second() > now + leeway) {
            return Err(JwtError::NotYetValid);
        }
        Ok(Times { expires_at, issued_at })
    }

    /// Requires `iss` to be exactly `issuer`.
    pub fn require_issuer(&self, issuer: &str) -> Result<(), JwtError> {
        match self.0.get("iss") {
            None => Err(JwtError::MissingClaim("iss")),
            Some(Value::String(iss)) if iss == issuer => Ok(()),
            Some(Value::String(_)) => Err(JwtError::WrongIssuer),
            Some(_) => Err(JwtError::BadClaim("iss")),
        }
    }

    /// Requires `aud` to be, or to contain, exactly one of `audiences`. No audience at all accepts nothing.
    pub fn require_audience(&self, audiences: &[String]) -> Result<(), JwtError> {
        let named = self.audiences()?;
        if audiences.iter().any(|ours| named.contains(&ours.as_str())) { Ok(()) } else { Err(JwtError::WrongAudience) }
    }

    /// Everybody whom `aud` names.
    pub fn audiences(&self) -> Result<Vec<&str>, JwtError> {
        let named = match self.0.get("aud") {
            None => return Err(JwtError::MissingClaim("aud")),
            Some(Value::Array(named)) => named.as_slice(),
            Some(single) => std::slice::from_ref(single),
        };
        named.iter().map(Value::as_str).collect::<Option<_>>().ok_or(JwtError::BadClaim("aud"))
    }

    /// A claim as it is.
    pub fn get(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim)
    }

    /// A claim that is a text.
    pub fn text(&self, claim: &'static str) -> Result<Option<&str>, JwtError> {
        match self.0.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JwtError::BadClaim(claim)),
        }
    }

    /// A claim that is a time in whole seconds.
    pub fn time(&self, claim: &'static str) -> Result<Option<Timestamp>, JwtError> {
        let Some(value) = self.0.get(claim) else { return Ok(None) };
        let seconds = value.as_number().and_then(whole_seconds).filter(|seconds| *seconds >= 0);
        let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        time.map(Some).ok_or(JwtError::BadClaim(claim))
    }
}

/// Some issuers write `1.7e9` or `1700000000.0`; a fraction is no time.
fn whole_seconds(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
        #[expect(clippy::cast_possible_truncation, reason = "saturates, which is beyond the range of a timestamp")]
        Some(float as i64)
    })
}
