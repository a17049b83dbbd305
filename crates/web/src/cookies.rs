//! Writing cookies: the one place that does. Two kinds travel: the session's, and one for each sign-in under way.
//!
//! All have `Path=/` and no `Domain`, so that no sibling host gets or plants them where browsers keep the `__Host-`
//! rules. A session's cookie is kept for as long as a session can last; whether it is over sooner, because nobody used
//! it or somebody ended it, the server knows, so using a session sends no cookie anew. Reading is
//! [`credential`]'s affair.

use doorward_identity::fault::Internal;
use doorward_protocol::credential;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

/// How long the id of a sign-in under way is.
const FLOW_ID: usize = 16;
/// How many sign-ins one browser may have under way, in tabs beside each other.
const MAX_FLOWS: usize = 5;

/// When a cookie travels from other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// When a link is followed.
    Lax,
    /// Never.
    Strict,
    /// Always.
    None,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

/// The session's cookie, as an operator wants it.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    /// Its name as it travels, `__Host-` included.
    pub name: String,
    /// Whether it travels over TLS only.
    pub secure: bool,
    /// Whether scripts are kept from it.
    pub http_only: bool,
    /// When it travels from other sites.
    pub same_site: SameSite,
    /// How long browsers keep it: the longest that a session can last.
    pub max_age: SignedDuration,
}

impl SessionCookie {
    /// Hands a session to a browser.
    pub(crate) fn set(&self, handle: &SecretString) -> Result<HeaderValue, Internal> {
        self.session(handle.expose_secret(), self.max_age)
    }

    /// Takes it away again.
    pub(crate) fn clear(&self) -> Result<HeaderValue, Internal> {
        self.session("", SignedDuration::ZERO)
    }

    /// What the cookie of a sign-in under way is called.
    pub(crate) fn flow_name(&self, id: &str) -> String {
        format!("{}{id}", self.flow_prefix())
    }

    /// Hands a sign-in under way to the browser that leaves. It comes back by a link from the provider's site, for
    /// which `Lax` is enough.
    pub(crate) fn set_flow(
        &self,
        id: &str,
        flow: &SecretString,
        max_age: SignedDuration,
    ) -> Result<HeaderValue, Internal> {
        written(&self.flow_name(id), flow.expose_secret(), max_age, true, SameSite::Lax, self.secure)
    }

    /// Takes it away again.
    pub(crate) fn clear_flow(&self, id: &str) -> Result<HeaderValue, Internal> {
        written(&self.flow_name(id), "", SignedDuration::ZERO, true, SameSite::Lax, self.secure)
    }

    /// Takes the oldest sign-ins under way from a browser that is about to get one more than it may have.
    pub(crate) fn clear_surplus_flows(&self, request: &HeaderMap) -> Result<Vec<HeaderValue>, Internal> {
        let lines = request.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let prefix = self.flow_prefix();
        let ids = credential::cookie_names(lines, prefix).filter_map(|name| name.strip_prefix(prefix));
        let ids: Vec<&str> = ids.filter(|id| is_flow_id(id)).collect();
        // Browsers send the oldest first (RFC 6265, 5.4).
        let surplus = (ids.len() + 1).saturating_sub(MAX_FLOWS);
        ids.into_iter().take(surplus).map(|id| self.clear_flow(id)).collect()
    }

    const fn flow_prefix(&self) -> &'static str {
        if self.secure { "__Host-doorward_flow_" } else { "doorward_flow_" }
    }

    fn session(&self, value: &str, max_age: SignedDuration) -> Result<HeaderValue, Internal> {
        written(&self.name, value, max_age, self.http_only, self.same_site, self.secure)
    }
}

fn is_flow_id(id: &str) -> bool {
    id.len() == FLOW_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn written(
    name: &str,
    value: &str,
    max_age: SignedDuration,
    http_only: bool,
    same_site: SameSite,
    secure: bool,
) -> Result<HeaderValue, Internal> {
    let seconds = max_age.as_secs();
    let same_site = same_site.as_str();
    let mut text = format!("{name}={value}; Path=/; Max-Age={seconds}; SameSite={same_site}");
    text.push_str(if http_only { "; HttpOnly" } else { "" });
    text.push_str(if secure { "; Secure" } else { "" });
    let mut header = HeaderValue::try_from(text).map_err(Internal::new)?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn cookie(secure: bool) -> SessionCookie {
        let name = if secure { "__Host-access_token" } else { "access_token" };
        let max_age = SignedDuration::from_hours(1);
        SessionCookie { name: name.to_owned(), secure, http_only: true, same_site: SameSite::Lax, max_age }
    }

    #[test]
    fn a_session_is_handed_over_and_taken_away_under_the_same_name_and_path() -> Outcome {
        let plain = cookie(false);
        assert_eq!(plain.set(&"dws_x".into())?, "access_token=dws_x; Path=/; Max-Age=3600; SameSite=Lax; HttpOnly");
        assert_eq!(plain.clear()?, "access_token=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly");
        let safe = cookie(true);
        let expected = "__Host-access_token=dws_x; Path=/; Max-Age=3600; SameSite=Lax; HttpOnly; Secure";
        assert_eq!(safe.set(&"dws_x".into())?, expected);
        let open = SessionCookie { http_only: false, same_site: SameSite::None, ..cookie(true) };
        assert_eq!(open.clear()?, "__Host-access_token=; Path=/; Max-Age=0; SameSite=None; Secure");
        Ok(())
    }

    #[test]
    fn no_value_can_add_a_line_or_be_printed() -> Outcome {
        assert!(cookie(true).set(&"x\r\nSet-Cookie: y=z".into()).is_err());
        assert_eq!(format!("{:?}", cookie(true).set(&"dws_x".into())?), "Sensitive");
        Ok(())
    }

    #[test]
    fn a_browser_has_at_most_five_sign_ins_under_way_and_the_oldest_go() -> Outcome {
        let safe = cookie(true);
        let flows = |count: usize| (0..count).map(|number| format!("__Host-doorward_flow_{number:016x}=v"));
        for (count, cleared) in [(0, 0), (4, 0), (5, 1), (9, 5)] {
            let mut headers = HeaderMap::new();
            let others = ["doorward_flow_0000000000000000=unsafe", "__Host-doorward_flow_x=1", "theme=dark"];
            let lines: Vec<String> = others.map(str::to_owned).into_iter().chain(flows(count)).collect();
            headers.insert(COOKIE, HeaderValue::try_from(lines.join("; "))?);
            let surplus = safe.clear_surplus_flows(&headers)?;
            assert_eq!(surplus.len(), cleared, "{count}");
            for (number, header) in surplus.iter().enumerate() {
                assert!(
                    header.to_str()?.starts_with(&format!("__Host-doorward_flow_{number:016x}=; Path=/; Max-Age=0;"))
                );
            }
        }
        Ok(())
    }
}
