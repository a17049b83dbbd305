//! What a single value may look like: the check, its words for people and its JSON schema. Knows no setting.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value, json};
use url::Url;

use super::quantity::{Rate, Size, Span};
use super::redact;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Any text without control characters.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A length of time.
    Time { min: Duration, max: Duration },
    /// A number of bytes.
    Size { min: u64, max: u64 },
    /// So many in such a time.
    Rate,
    /// One of these, in any letter case.
    Choice(&'static [&'static str]),
    /// An IP address with a port.
    Address,
    /// The same, or nothing.
    OptionalAddress,
    /// An IP network.
    Network,
    /// A browser's origin: scheme, host and port.
    Origin,
    /// An address of the web, kept to the letter.
    Url,
    /// The same without a slash at its end.
    BaseUrl,
    /// Where accounts are kept.
    StoreUrl,
    /// Where mail goes.
    MailUrl,
    /// What a route covers.
    RoutePath,
    /// The name of a cookie.
    CookieName,
}

/// Why a value will not do, and how it would.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) hint: String,
}

type Checked = Result<String, Fault>;

/// `"text" is not …`, with passwords in addresses hidden.
fn not(text: &str, what: &str, hint: impl Into<String>) -> Fault {
    Fault { what: format!("{:?} {what}", redact::address(text)), hint: hint.into() }
}

impl Kind {
    /// The one form of `text` that is compared and parsed from here on, if it is a value of this kind.
    pub(super) fn check(self, text: &str) -> Checked {
        match self {
            Self::Text if text.chars().any(char::is_control) => Err(not(text, "holds a control character", "")),
            Self::Text => Ok(text.to_owned()),
            Self::Flag => flag(text),
            Self::Count { min, max } => count(text, min, max),
            Self::Time { min, max } => time(text, min, max),
            Self::Size { min, max } => size(text, min, max),
            Self::Rate => parsed::<Rate>(text, "is not a rate", "write it as 60/1h"),
            Self::Choice(names) => choice(text, names),
            Self::OptionalAddress if text.is_empty() => Ok(String::new()),
            Self::Address | Self::OptionalAddress => address(text),
            Self::Network => network(text),
            Self::Origin => origin(text),
            Self::Url => web(text).map(|_| text.to_owned()),
            Self::BaseUrl => base(text),
            Self::StoreUrl => store(text),
            Self::MailUrl => mail(text),
            Self::RoutePath => route_path(text),
            Self::CookieName => cookie_name(text),
        }
    }

    /// What it is, for the reference.
    pub(super) fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count { min, max } => format!("number, {min} to {max}"),
            Self::Time { min, max } => format!("time, `{}` to `{}`", written_time(min), written_time(max)),
            Self::Size { min, max } => format!("size, `{}` to `{}`", written_size(min), written_size(max)),
            Self::Rate => "rate (`60/1h`)".to_owned(),
            Self::Choice(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            Self::Address => "address with port".to_owned(),
            Self::OptionalAddress => "address with port, or empty".to_owned(),
            Self::Network => "network (`10.0.0.0/8`)".to_owned(),
            Self::Origin => "origin (`https://app.example.com`)".to_owned(),
            Self::Url | Self::BaseUrl => "URL".to_owned(),
            Self::StoreUrl => "`sqlite:` or `postgres:` URL".to_owned(),
            Self::MailUrl => "`log:`, `smtp:`, `smtps:` or `ses:` URL".to_owned(),
            Self::RoutePath => "path, exact or ending in `/*`".to_owned(),
            Self::CookieName => "cookie name".to_owned(),
        }
    }

    /// Its JSON schema.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Flag => json!({ "type": "boolean" }),
            Self::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Time { .. } => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
            Self::Size { .. } => json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" }),
            Self::Rate => json!({ "type": "string", "pattern": "^[0-9]+/[0-9]+(ms|s|m|h|d)" }),
            Self::Choice(names) => json!({ "type": "string", "enum": names }),
            Self::RoutePath => json!({ "type": "string", "pattern": "^/" }),
            Self::Url | Self::BaseUrl | Self::Origin => json!({ "type": "string", "format": "uri" }),
            _ => json!({ "type": "string" }),
        }
    }
}

fn parsed<T: FromStr>(text: &str, what: &str, hint: &str) -> Checked {
    text.parse::<T>().map(|_| text.to_owned()).map_err(|_| not(text, what, hint))
}

fn flag(text: &str) -> Checked {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok("true".to_owned()),
        "false" | "0" | "no" | "off" => Ok("false".to_owned()),
        _ => Err(not(text, "is neither true nor false", "write true or false")),
    }
}

fn count(text: &str, min: u64, max: u64) -> Checked {
    match text.parse::<u64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number.to_string()),
        Ok(_) => Err(not(text, "is out of bounds", format!("take a number from {min} to {max}"))),
        Err(_) => Err(not(text, "is not a whole number", format!("take a number from {min} to {max}"))),
    }
}

fn time(text: &str, min: Duration, max: Duration) -> Checked {
    let span: Duration = text
        .parse::<Span>()
        .map_err(|_| not(text, "is not a length of time", "write a number and a unit: 500ms, 10s, 15m, 1h, 7d"))?
        .into();
    if (min..=max).contains(&span) {
        return Ok(text.to_owned());
    }
    Err(not(text, "is out of bounds", format!("take {} to {}", written_time(min), written_time(max))))
}

fn size(text: &str, min: u64, max: u64) -> Checked {
    let size = text
        .parse::<Size>()
        .map_err(|_| not(text, "is not a size", "write a number and a unit: 512B, 16KiB, 10MiB"))?;
    if (min..=max).contains(&size.0) {
        return Ok(text.to_owned());
    }
    Err(not(text, "is out of bounds", format!("take {} to {}", written_size(min), written_size(max))))
}

fn choice(text: &str, names: &[&str]) -> Checked {
    match names.iter().find(|name| name.eq_ignore_ascii_case(text)) {
        Some(name) => Ok((*name).to_owned()),
        None => Err(not(text, "is none of its values", format!("take {}", names.join(", ")))),
    }
}

fn address(text: &str) -> Checked {
    if text.parse::<SocketAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let hint = match (text.parse::<IpAddr>(), text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok())) {
        (Ok(ip), _) => format!("write it as {}", SocketAddr::new(ip, 8000)),
        (_, Some(port)) => format!("write it as 127.0.0.1:{port}, or 0.0.0.0:{port} for every interface"),
        _ => "write it as 127.0.0.1:8000".to_owned(),
    };
    Err(not(text, "is not an address with a port", hint))
}

fn network(text: &str) -> Checked {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| network.to_string()).map_err(|_| not(text, "is not a network", "write it as 10.0.0.0/8"))
}

fn origin(text: &str) -> Checked {
    if text.contains('*') || text == "null" {
        return Err(not(text, "would let other sites act as the signed-in person", "name each origin"));
    }
    let url = web(text)?;
    let origin = url.origin().ascii_serialization();
    if text.trim_end_matches('/').eq_ignore_ascii_case(&origin) {
        return Ok(origin);
    }
    Err(not(text, "is not an origin", format!("write it as {origin}")))
}

/// An absolute http(s) URL without user, password or fragment.
fn web(text: &str) -> Result<Url, Fault> {
    let hint = "write it as https://host/path";
    let url = Url::parse(text).map_err(|_| not(text, "is not a URL", hint))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(not(text, "is not an http or https URL", hint));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(not(text, "names a user", "take the user and password out of the URL"));
    }
    if url.fragment().is_some() {
        return Err(not(text, "has a fragment", "take the # and what follows away"));
    }
    Ok(url)
}

fn base(text: &str) -> Checked {
    match web(text)?.query() {
        Some(_) => Err(not(text, "has a query", "take the ? and what follows away")),
        None => Ok(text.trim_end_matches('/').to_owned()),
    }
}

fn store(text: &str) -> Checked {
    match text.split_once(':') {
        Some(("sqlite", rest)) if !rest.trim_start_matches('/').is_empty() => Ok(text.to_owned()),
        Some(("sqlite", _)) => Err(not(text, "names no file", "write it as sqlite:doorward-data/doorward.db")),
        Some(("postgres" | "postgresql", _)) => match Url::parse(text) {
            Ok(url) if !url.cannot_be_a_base() => Ok(text.to_owned()),
            // The text itself is not shown: what does not parse cannot be redacted with certainty.
            _ => Err(Fault {
                what: "is not a PostgreSQL URL".to_owned(),
                hint: "write it as postgres://user:password@host:5432/database, special characters percent-encoded"
                    .to_owned(),
            }),
        },
        Some(("mongodb" | "mongodb+srv", _)) => Err(Fault {
            what: "is a MongoDB URL, which this version does not serve".to_owned(),
            hint: "take a sqlite: or postgres: URL".to_owned(),
        }),
        _ => Err(Fault {
            what: "is not the URL of a store".to_owned(),
            hint: "write it as sqlite:path or postgres://user:password@host/database".to_owned(),
        }),
    }
}

fn mail(text: &str) -> Checked {
    let by_server = ["smtp://", "smtps://"].iter().any(|scheme| text.starts_with(scheme)) && Url::parse(text).is_ok();
    if by_server || ["log:", "ses:"].iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(text.to_owned());
    }
    // The text itself is not shown, as of a store.
    Err(Fault {
        what: "is not a way to send mail".to_owned(),
        hint: "write it as log: or smtps://user:password@host, special characters percent-encoded".to_owned(),
    })
}

fn route_path(text: &str) -> Checked {
    let exact = text.strip_suffix("/*").unwrap_or(text);
    if !text.starts_with('/') {
        return Err(not(text, "does not begin with a slash", ""));
    }
    if exact.contains('*') {
        return Err(not(text, "has a star in its middle", "a star stands at the end alone: /files/*"));
    }
    let odd = |byte: u8| !byte.is_ascii_graphic() || b"#?%;\\\"<>".contains(&byte);
    let dots = exact.split('/').any(|segment| matches!(segment, "." | ".."));
    if exact.bytes().any(odd) || exact.contains("//") || dots {
        return Err(not(text, "could be spelt in several ways", "use letters, digits, - and _ between single slashes"));
    }
    Ok(text.to_owned())
}

fn cookie_name(text: &str) -> Checked {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(token) {
        return Ok(text.to_owned());
    }
    Err(not(text, "cannot name a cookie", "use letters, digits, - and _"))
}

fn written_time(span: Duration) -> String {
    let millis = span.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let unit = units.into_iter().find(|(_, scale)| millis > 0 && millis.is_multiple_of(*scale));
    unit.map_or_else(|| "0s".to_owned(), |(name, scale)| format!("{}{name}", millis / scale))
}

fn written_size(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.into_iter().find(|(_, scale)| bytes > 0 && bytes.is_multiple_of(*scale));
    unit.map_or_else(|| format!("{bytes}B"), |(name, scale)| format!("{}{name}", bytes / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(kind: Kind, text: &str) -> Result<String, String> {
        kind.check(text).map_err(|fault| format!("{}; {}", fault.what, fault.hint))
    }

    #[test]
    fn an_address_without_a_port_is_told_how_to_write_it() {
        let wrong = |text, hint: &str| {
            assert_eq!(taken(Kind::Address, text), Err(format!("{text:?} is not an address with a port; {hint}")));
        };
        wrong("127.0.0.1", "write it as 127.0.0.1:8000");
        wrong("::1", "write it as [::1]:8000");
        wrong("localhost:80", "write it as 127.0.0.1:80, or 0.0.0.0:80 for every interface");
        assert_eq!(taken(Kind::Address, "[::1]:8000").as_deref(), Ok("[::1]:8000"));
        assert_eq!(taken(Kind::OptionalAddress, "").as_deref(), Ok(""));
    }

    #[test]
    fn an_origin_is_exact() {
        assert_eq!(
            taken(Kind::Origin, "https://App.example.com:443/"),
            Err("\"https://App.example.com:443/\" is not an origin; write it as https://app.example.com".to_owned())
        );
        assert_eq!(taken(Kind::Origin, "https://App.example.com/").as_deref(), Ok("https://app.example.com"));
        assert_eq!(taken(Kind::Origin, "http://localhost:5173").as_deref(), Ok("http://localhost:5173"));
        for open in ["*", "null", "https://*", "ftp://x", "localhost:3000", "https://a.example/x"] {
            assert!(taken(Kind::Origin, open).is_err(), "{open}");
        }
    }

    #[test]
    fn urls_carry_no_credentials_and_show_none() {
        let told = |kind, text| taken(kind, text).err().unwrap_or_default();
        let refused = told(Kind::Url, "https://ann:hunter2@host/");
        assert!(refused.contains("names a user") && !refused.contains("hunter2"), "{refused}");
        let refused = told(Kind::StoreUrl, "postgres://ann:hunter2@host:port/x");
        assert!(refused.contains("is not a PostgreSQL URL") && !refused.contains("hunter2"), "{refused}");
        for text in ["hunter2", "smtp:ann:hunter2@host", "smtp://ann:hunter2", "smtp://ann:hunter2@host:port"] {
            let refused = told(Kind::MailUrl, text);
            assert!(refused.contains("is not a way to send mail") && !refused.contains("hunter2"), "{refused}");
        }
        assert_eq!(taken(Kind::MailUrl, "smtps://ann:p%40@host:465").as_deref(), Ok("smtps://ann:p%40@host:465"));
        assert_eq!(taken(Kind::BaseUrl, "http://h:1/").as_deref(), Ok("http://h:1"));
        assert_eq!(taken(Kind::Url, "https://tenant.example/").as_deref(), Ok("https://tenant.example/"));
    }

    #[test]
    fn a_route_path_has_one_spelling() {
        for path in ["/", "/*", "/api/v1/x", "/api/v1/x/*", "/a_b-c.d~e"] {
            assert_eq!(taken(Kind::RoutePath, path).as_deref(), Ok(path));
        }
        for path in
            ["", "x", "/a*", "/a/*/b", "//a", "/a/../b", "/a/./b", "/a%2fb", "/a;b", "/a?b", "/a#b", "/é", "/a b"]
        {
            assert!(taken(Kind::RoutePath, path).is_err(), "{path}");
        }
    }

    #[test]
    fn flags_and_choices_are_read_in_every_spelling() {
        for (text, flag) in
            [("True", "true"), ("1", "true"), ("yes", "true"), ("False", "false"), ("0", "false"), ("no", "false")]
        {
            assert_eq!(taken(Kind::Flag, text).as_deref(), Ok(flag));
        }
        assert_eq!(taken(Kind::Choice(&["lax", "strict"]), "Lax").as_deref(), Ok("lax"));
        assert!(taken(Kind::Flag, "maybe").is_err());
    }

    #[test]
    fn bounds_hold() {
        let time = Kind::Time { min: Duration::from_secs(1), max: Duration::from_secs(90) };
        assert_eq!(taken(time, "1s").as_deref(), Ok("1s"));
        assert_eq!(taken(time, "2m"), Err("\"2m\" is out of bounds; take 1s to 90s".to_owned()));
        assert!(taken(Kind::Count { min: 1, max: 9 }, "10").is_err());
        assert!(taken(Kind::Size { min: 1, max: 1024 }, "2KiB").is_err());
    }
}
