//! Cookies and the sessions behind them.

use jiff::SignedDuration;

use super::super::mistake::Mistake;
use super::super::quantity::Span;
use super::super::values::Values;
use super::choice::choice;

choice! {
    /// When a cookie travels from other sites.
    SameSite {
        /// When a link is followed.
        Lax = "lax",
        /// Never.
        Strict = "strict",
        /// Always.
        None = "none",
    }
}

/// Cookie sessions.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Name of the cookie.
    pub(crate) cookie_name: String,
    /// Whether it travels over TLS only.
    pub(crate) cookie_secure: bool,
    /// Whether scripts are kept from it.
    pub(crate) cookie_http_only: bool,
    /// When it travels from other sites.
    pub(crate) cookie_same_site: SameSite,
    /// Unused for so long, a session is over.
    pub(crate) idle_ttl: SignedDuration,
    /// After so long, a session is over in any case.
    pub(crate) absolute_ttl: SignedDuration,
}

impl Session {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self {
            cookie_name: values.one("session.cookie_name")?,
            cookie_secure: values.one("session.cookie_secure")?,
            cookie_http_only: values.one("session.cookie_http_only")?,
            cookie_same_site: values.one("session.cookie_same_site")?,
            idle_ttl: values.one::<Span>("session.idle_ttl")?.into(),
            absolute_ttl: values.one::<Span>("session.absolute_ttl")?.into(),
        })
    }
}
