//! What a browser will make of the addresses and cookies: origins, mixed content, same-site.

use url::Url;

use super::finding::Finding;
use super::listening::is_loopback;
use crate::config::{Config, SameSite, Session};

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let server = &config.server;
    let (Ok(frontend), Ok(public)) = (server.frontend_url.parse::<Url>(), server.public_url.parse::<Url>()) else {
        return vec![Finding::bad("front end", "its URL cannot be read", "write it as https://app.example.com")];
    };
    vec![
        cors(&frontend, &server.origins()),
        mixed_content(&frontend, &public),
        cookie_flags(&config.session, &public),
        cookie_travels(&config.session, &frontend, &public),
    ]
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Browsers send an origin: never a path, never a slash at its end.
fn cors(frontend: &Url, origins: &[String]) -> Finding {
    let origin = origin(frontend);
    let others = origins.iter().filter(|other| **other != origin).cloned().collect::<Vec<_>>().join(", ");
    let others = if others.is_empty() { String::new() } else { format!(", and so may {others}") };
    let path = if frontend.path() == "/" { "" } else { " (its path does not count)" };
    if origins.contains(&origin) {
        Finding::good("CORS", format!("the front end's origin {origin}{path} may call{others}"))
    } else {
        Finding::bad("CORS", format!("the front end's origin {origin} may not call"), "correct server.frontend_url")
    }
}

fn mixed_content(frontend: &Url, public: &Url) -> Finding {
    let name = "front end";
    match (frontend.scheme(), public.scheme()) {
        ("https", "http") if !is_loopback(public) => Finding::bad(
            name,
            format!("its page is https and Doorward ({}) is http: browsers block such calls", origin(public)),
            "put TLS in front of Doorward and write server.public_url as https://…",
        ),
        ("http", "https") if !is_loopback(frontend) => Finding::bad(
            name,
            format!(
                "its page ({}) is http and Doorward https: anybody on the way can change the page",
                origin(frontend)
            ),
            "serve the front end over https and correct server.frontend_url",
        ),
        (scheme, _) => Finding::good(name, format!("its page is {scheme}, which goes with {}", origin(public))),
    }
}

fn cookie_flags(session: &Session, public: &Url) -> Finding {
    let same_site = match session.cookie_same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
        SameSite::None => "None",
    };
    let secure = if session.cookie_secure { "; Secure" } else { "" };
    let http_only = if session.cookie_http_only { "; HttpOnly" } else { "" };
    let what = format!("{}{secure}{http_only}; SameSite={same_site}", session.cookie_name);
    if session.cookie_secure && public.scheme() == "http" && !is_loopback(public) {
        let remedy = "write server.public_url as https://…, or for a test turn session.cookie_secure off";
        Finding::bad("cookie", format!("{what}: browsers drop a secure cookie from {}", origin(public)), remedy)
    } else if !session.cookie_http_only {
        let remedy = "set session.cookie_http_only = true";
        Finding::bad("cookie", format!("{what}: any script of the page can take the session"), remedy)
    } else {
        Finding::good("cookie", what)
    }
}

/// Whether calls from the page take the cookie along.
fn cookie_travels(session: &Session, frontend: &Url, public: &Url) -> Finding {
    let name = "cookie and front end";
    if session.cookie_same_site == SameSite::None {
        return Finding::good(name, "SameSite=None: the cookie travels from every page that may call");
    }
    let (page, door) = (frontend.host_str().unwrap_or_default(), public.host_str().unwrap_or_default());
    if frontend.scheme() == public.scheme() && same_site(page, door) {
        return Finding::good(name, format!("{page} and {door} are one site, so the cookie travels"));
    }
    let remedy = if is_loopback(frontend) && is_loopback(public) {
        "write the same host in server.frontend_url and server.public_url (localhost in both)"
    } else {
        "serve both from one site (app.example.com, id.example.com) over https, or set session.cookie_same_site = \"none\""
    };
    let (page, door) = (origin(frontend), origin(public));
    let what = format!("{page} and {door} are two sites to a browser, so its calls leave the cookie behind");
    Finding::bad(name, what, remedy)
}

/// Without a list of public suffixes: one host, one below the other, or both below a common name of two labels.
fn same_site(one: &str, other: &str) -> bool {
    let below = |name: &str, above: &str| name.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'));
    let parent = |name: &str| {
        let (_, parent) = name.split_once('.')?;
        (parent.contains('.') && name.parse::<std::net::Ipv4Addr>().is_err()).then(|| parent.to_owned())
    };
    one == other || below(one, other) || below(other, one) || (parent(one).is_some() && parent(one) == parent(other))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::finding::Verdict;
    use super::*;
    use crate::config::{Flag, Sources, load};

    /// Names of what is bad with these settings.
    fn bad(settings: &[(&str, &str)]) -> Vec<String> {
        let flag = |(key, value): &(&str, &str)| Flag {
            name: "test".to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        let sources = Sources { flags: settings.iter().map(flag).collect(), ..Sources::default() };
        let findings = examine(&load(&sources).unwrap());
        findings.into_iter().filter(|finding| finding.verdict == Verdict::Bad).map(|finding| finding.name).collect()
    }

    const FRONTEND: &str = "server.frontend_url";
    const PUBLIC: &str = "server.public_url";

    #[test]
    fn the_defaults_and_a_usual_deployment_are_well() {
        assert_eq!(bad(&[]), Vec::<String>::new());
        assert_eq!(
            bad(&[(FRONTEND, "https://app.example.com/home/"), (PUBLIC, "https://id.example.com")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_secure_page_cannot_call_an_insecure_door() {
        let bad = bad(&[(FRONTEND, "https://app.example.com"), (PUBLIC, "http://id.example.com")]);
        assert_eq!(bad, ["front end", "cookie and front end"]);
    }

    #[test]
    fn two_spellings_of_this_machine_are_two_sites() {
        assert_eq!(bad(&[(FRONTEND, "http://127.0.0.1:3000")]), ["cookie and front end"]);
    }

    #[test]
    fn a_cookie_for_another_site_needs_same_site_none() {
        let sites = [(FRONTEND, "https://app.example.com"), (PUBLIC, "https://id.example.org")];
        assert_eq!(bad(&sites), ["cookie and front end"]);
        assert_eq!(bad(&[&sites[..], &[("session.cookie_same_site", "none")]].concat()), Vec::<String>::new());
    }

    #[test]
    fn a_secure_cookie_needs_https_beyond_this_machine() {
        let settings =
            [(FRONTEND, "http://box.lan:3000"), (PUBLIC, "http://box.lan:8000"), ("session.cookie_secure", "true")];
        assert_eq!(bad(&settings), ["cookie"]);
    }
}
