//! `smtp://user:password@host:587` and `smtps://…`: parsed strictly, and never shown with the password.

use std::fmt;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Host, Url};

use super::dial::is_inside;

/// How an SMTP server is reached.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    host: Host,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<Login>,
}

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// From the start.
    Tls,
    /// Before anything is said that matters.
    StartTls,
    /// Never: for servers beside us.
    None,
}

/// What the server wants to know of us.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: SecretString,
}

/// Why a URL names no SMTP server. Tells nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSmtpUrl {
    /// Not a URL, most often because of a sign in the password.
    #[error(
        "not of the form smtp://user:password@host:587 or smtps://user:password@host:465; in user and password write \
         @ as %40, : as %3A, / as %2F, # as %23, ? as %3F, % as %25"
    )]
    Form,
    /// Neither `smtp` nor `smtps`.
    #[error("its scheme is neither smtp nor smtps")]
    Scheme,
    /// Only half of what it takes to sign in.
    #[error("user and password belong together, neither empty")]
    HalfLogin,
    /// Control characters, or no UTF-8.
    #[error("user and password are UTF-8 without control characters")]
    OddLogin,
    /// Something behind the host that means nothing.
    #[error("behind the host and port there may only be ?tls=starttls or ?tls=none")]
    Excess,
    /// `smtps` is TLS.
    #[error("smtps:// is TLS from the start; ?tls= belongs to smtp://")]
    TlsTwice,
    /// A password in clear text.
    #[error("with tls=none the password would travel in clear text; leave out either")]
    ClearPassword,
    /// Letters in clear text.
    #[error("tls=none is for loopback and private addresses only")]
    ClearFar,
}

impl SmtpSettings {
    /// Parses the URL. `smtp` means STARTTLS, port 587; `smtps` TLS from the start, port 465.
    pub fn parse(url: &str) -> Result<Self, BadSmtpUrl> {
        let url = Url::parse(url.trim()).map_err(|_| BadSmtpUrl::Form)?;
        let (security, port) = match url.scheme() {
            "smtp" => (security(&url)?, 587),
            "smtps" if url.query().is_some() => return Err(BadSmtpUrl::TlsTwice),
            "smtps" => (Security::Tls, 465),
            _ => return Err(BadSmtpUrl::Scheme),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(BadSmtpUrl::Excess);
        }
        // The parser leaves hosts of schemes it does not know as they are.
        let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or(BadSmtpUrl::Form)?;
        let port = url.port().unwrap_or(port);
        if port == 0 {
            return Err(BadSmtpUrl::Form);
        }
        let login = login(&url)?;
        if security == Security::None && login.is_some() {
            return Err(BadSmtpUrl::ClearPassword);
        }
        // Where a name leads is seen when it is resolved.
        let far = match &host {
            Host::Ipv4(ip) => !is_inside((*ip).into()),
            Host::Ipv6(ip) => !is_inside((*ip).into()),
            Host::Domain(_) => false,
        };
        if security == Security::None && far {
            Err(BadSmtpUrl::ClearFar)
        } else {
            Ok(Self { host, port, security, login })
        }
    }

    /// The host as the name system is asked for it and its certificate names it.
    pub(super) fn host_name(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        }
    }
}

impl fmt::Display for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn security(url: &Url) -> Result<Security, BadSmtpUrl> {
    match url.query() {
        None | Some("tls=starttls") => Ok(Security::StartTls),
        Some("tls=none") => Ok(Security::None),
        Some(_) => Err(BadSmtpUrl::Excess),
    }
}

fn login(url: &Url) -> Result<Option<Login>, BadSmtpUrl> {
    let user = decode(url.username())?;
    let password = decode(url.password().unwrap_or_default())?;
    match (user.is_empty(), password.is_empty()) {
        (true, true) if url.password().is_none() => Ok(None),
        (false, false) => Ok(Some(Login { user, password: password.into() })),
        _ => Err(BadSmtpUrl::HalfLogin),
    }
}

fn decode(text: &str) -> Result<String, BadSmtpUrl> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| BadSmtpUrl::OddLogin)?;
    if text.contains(char::is_control) { Err(BadSmtpUrl::OddLogin) } else { Ok(text.into_owned()) }
}
