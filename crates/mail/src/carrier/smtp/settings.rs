//! `smtp://user:password@host:587` and `smtps://…`: parsed strictly, and never shown with the password.

use std::fmt;
use std::sync::Arc;

use doorward_identity::secret::SecretSource;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::dial::is_inside;

/// How an SMTP server is reached.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    host: Host,
    pub(super) port: u16,
    pub(super) security: Security,
    /// The whole URL, as it becomes: who signs in is read out of it each time.
    pub(super) url: Arc<dyn SecretSource>,
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
    /// A URL for good.
    pub fn parse(url: &str) -> Result<Self, BadSmtpUrl> {
        Self::follow(Arc::new(SecretString::from(url)))
    }

    /// A URL of which user and password may be replaced; the server stays.
    pub fn follow(source: Arc<dyn SecretSource>) -> Result<Self, BadSmtpUrl> {
        let (host, port, security, _) = read(source.current().expose_secret())?;
        Ok(Self { host, port, security, url: source })
    }

    /// Who signs in by this URL, if it leads to the same server.
    pub(super) fn login(&self, url: &SecretString) -> Option<Login> {
        let (host, port, security, login) = read(url.expose_secret()).ok()?;
        login.filter(|_| (&host, port, security) == (&self.host, self.port, self.security))
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

/// Reads a URL. `smtp` means STARTTLS, port 587; `smtps` TLS from the start, port 465.
fn read(url: &str) -> Result<(Host, u16, Security, Option<Login>), BadSmtpUrl> {
    let url = Url::parse(url.trim()).map_err(|_| BadSmtpUrl::Form)?;
    let (security, port) = match url.scheme() {
        "smtp" => (security(&url)?, 587),
        "smtps" if url.query().is_some() => return Err(BadSmtpUrl::TlsTwice),
        "smtps" => (Security::Tls, 465),
        _ => return Err(BadSmtpUrl::Scheme),
    };
    // The parser leaves hosts of schemes it does not know as they are.
    let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or(BadSmtpUrl::Form)?;
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(BadSmtpUrl::Excess);
    }
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
    if security == Security::None && far { Err(BadSmtpUrl::ClearFar) } else { Ok((host, port, security, login)) }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_url_says_where_and_how() {
        for (url, shown, security) in [
            ("smtp://mail.example.com", "mail.example.com:587", Security::StartTls),
            ("smtp://mail.example.com:2525/?tls=starttls", "mail.example.com:2525", Security::StartTls),
            ("smtps://Mail.Example.com", "mail.example.com:465", Security::Tls),
            ("smtps://b\u{fc}cher.example:4650", "xn--bcher-kva.example:4650", Security::Tls),
            ("smtp://127.0.0.1:1025?tls=none", "127.0.0.1:1025", Security::None),
            ("smtp://[::1]:1025?tls=none", "[::1]:1025", Security::None),
            ("smtp://[fd00::1]?tls=none", "[fd00::1]:587", Security::None),
            ("smtp://maildev?tls=none", "maildev:587", Security::None),
            (" smtp://10.0.0.7?tls=none ", "10.0.0.7:587", Security::None),
        ] {
            let settings = SmtpSettings::parse(url).unwrap();
            assert_eq!((settings.to_string().as_str(), settings.security), (shown, security), "{url}");
            assert!(settings.login(&url.into()).is_none());
        }
    }

    #[test]
    fn user_and_password_are_unescaped_and_never_shown() {
        let url = "smtps://ann%40example.com:p%3a%2F%23%C3%BC@mail.example.com";
        let settings = SmtpSettings::parse(url).unwrap();
        let login = settings.login(&url.into()).unwrap();
        assert_eq!((login.user.as_str(), login.password.expose_secret()), ("ann@example.com", "p:/#\u{fc}"));
        assert!(!format!("{settings} {settings:?}").contains("p:/#"));
    }

    #[test]
    fn who_signs_in_may_be_replaced_and_the_server_may_not() {
        let settings = SmtpSettings::parse("smtps://ann:old@mail.example.com").unwrap();
        let login = settings.login(&"smtps://ann:new@mail.example.com".into()).unwrap();
        assert_eq!(login.password.expose_secret(), "new");
        for other in ["smtps://ann:new@mail.example.net", "smtp://ann:new@mail.example.com", "hunter2"] {
            assert!(settings.login(&other.into()).is_none(), "{other}");
        }
    }

    #[test]
    fn what_is_unclear_or_unsafe_is_refused_without_repeating_it() {
        for (url, refusal) in [
            ("mail.example.com:587", BadSmtpUrl::Scheme),
            ("http://mail.example.com", BadSmtpUrl::Scheme),
            ("", BadSmtpUrl::Form),
            ("smtp:mail.example.com", BadSmtpUrl::Form),
            ("smtp://", BadSmtpUrl::Form),
            ("smtp://ann:s3cret#x@mail.example.com", BadSmtpUrl::Form),
            ("smtp://mail.example.com:0", BadSmtpUrl::Form),
            ("smtp://mail.example.com:99999", BadSmtpUrl::Form),
            ("smtp://ann@mail.example.com", BadSmtpUrl::HalfLogin),
            ("smtp://:s3cret@mail.example.com", BadSmtpUrl::HalfLogin),
            ("smtp://ann:@mail.example.com", BadSmtpUrl::HalfLogin),
            ("smtp://ann:s3cret%00@mail.example.com", BadSmtpUrl::OddLogin),
            ("smtp://ann%0d%0a:s3cret@mail.example.com", BadSmtpUrl::OddLogin),
            ("smtp://ann:%ff@mail.example.com", BadSmtpUrl::OddLogin),
            ("smtp://mail.example.com/inbox", BadSmtpUrl::Excess),
            ("smtp://mail.example.com#x", BadSmtpUrl::Excess),
            ("smtp://mail.example.com?tls=opportunistic", BadSmtpUrl::Excess),
            ("smtp://mail.example.com?tls=none&tls=starttls", BadSmtpUrl::Excess),
            ("smtp://mail.example.com?verify=false", BadSmtpUrl::Excess),
            ("smtps://mail.example.com?tls=none", BadSmtpUrl::TlsTwice),
            ("smtp://ann:s3cret@127.0.0.1?tls=none", BadSmtpUrl::ClearPassword),
            ("smtp://192.0.2.1?tls=none", BadSmtpUrl::ClearFar),
            ("smtp://[2001:db8::1]?tls=none", BadSmtpUrl::ClearFar),
            ("smtp://169.254.169.254?tls=none", BadSmtpUrl::ClearFar),
        ] {
            let refused = SmtpSettings::parse(url).err();
            assert_eq!(refused, Some(refusal), "{url}");
            assert!(!refusal.to_string().contains("s3cret"));
        }
    }
}
