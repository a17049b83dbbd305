//! What a single value may look like: the check, its words for people and its JSON schema. Knows no setting.

mod name;
mod place;

use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use super::quantity::{Rate, RouteRate, Size, Span};
use super::redact;
use super::sections::Resolve;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Any text without control characters.
    Text,
    /// A key or certificate in the letters of PEM; `\n` may stand for its line ends.
    Pem,
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
    /// The same, and whose requests are counted together.
    RouteRate,
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
    /// The id of a Cognito user pool.
    PoolId,
    /// What a route covers.
    RoutePath,
    /// One path.
    Path,
    /// The name of a cookie.
    CookieName,
    /// The name of a member of a body.
    Field,
    /// A name that stands in paths and logs.
    Slug,
    /// A role's name.
    Role,
    /// Where a host and port are.
    Resolve,
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
            Self::Pem => pem(text),
            Self::Flag => flag(text),
            Self::Count { min, max } => count(text, min, max),
            Self::Time { min, max } => time(text, min, max),
            Self::Size { min, max } => size(text, min, max),
            Self::Rate => parsed::<Rate>(text, "is not a rate", "write it as 60/1h"),
            Self::RouteRate => {
                parsed::<RouteRate>(text, "is not a rate", "write it as 60/1m per user, per address or per route")
            }
            Self::Choice(names) => choice(text, names),
            Self::OptionalAddress if text.is_empty() => Ok(String::new()),
            Self::Address | Self::OptionalAddress => place::address(text),
            Self::Network => place::network(text),
            Self::Origin => place::origin(text),
            Self::Url => place::web(text).map(|_| text.to_owned()),
            Self::BaseUrl => place::base(text),
            Self::StoreUrl => place::store(text),
            Self::MailUrl => place::mail(text),
            Self::PoolId => name::pool_id(text),
            Self::RoutePath => name::route_path(text),
            Self::Path => name::exact_path(text),
            Self::CookieName => name::cookie_name(text),
            Self::Field => name::field(text),
            Self::Slug => name::slug(text),
            Self::Role => name::role(text),
            Self::Resolve => parsed::<Resolve>(text, "is no such pair", "write it as host:443=127.0.0.1:4566"),
        }
    }

    /// What it is, for the reference.
    pub(super) fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Pem => "PEM".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count { min, max } => format!("number, {min} to {max}"),
            Self::Time { min, max } => format!("time, `{}` to `{}`", written_time(min), written_time(max)),
            Self::Size { min, max } => format!("size, `{}` to `{}`", written_size(min), written_size(max)),
            Self::Rate => "rate (`60/1h`)".to_owned(),
            Self::RouteRate => "rate (`60/1m per user`; also `per address`, `per route`)".to_owned(),
            Self::Choice(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            Self::Address => "address with port".to_owned(),
            Self::OptionalAddress => "address with port, or empty".to_owned(),
            Self::Network => "network (`10.0.0.0/8`)".to_owned(),
            Self::Origin => "origin (`https://app.example.com`)".to_owned(),
            Self::Url | Self::BaseUrl => "URL".to_owned(),
            Self::StoreUrl => "`sqlite:` or `postgres:` URL".to_owned(),
            Self::MailUrl => "`log:`, `smtp:`, `smtps:` or `ses:` URL".to_owned(),
            Self::PoolId => "`region_id`".to_owned(),
            Self::RoutePath => "path, exact or ending in `/*`".to_owned(),
            Self::Path => "path".to_owned(),
            Self::CookieName => "cookie name".to_owned(),
            Self::Field | Self::Slug => "name".to_owned(),
            Self::Role => "role".to_owned(),
            Self::Resolve => "`host:port=address:port`".to_owned(),
        }
    }

    /// Its JSON schema.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Flag => json!({ "type": "boolean" }),
            Self::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Time { .. } => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
            Self::Size { .. } => json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" }),
            Self::Rate => json!({ "type": "string", "pattern": "^[0-9]+/[0-9]+(ms|s|m|h|d)$" }),
            Self::RouteRate => {
                json!({ "type": "string", "pattern": "^[0-9]+/[0-9]+(ms|s|m|h|d) per (user|address|route)$" })
            }
            Self::Choice(names) => json!({ "type": "string", "enum": names }),
            Self::RoutePath | Self::Path => json!({ "type": "string", "pattern": "^/" }),
            Self::Url | Self::BaseUrl | Self::Origin => json!({ "type": "string", "format": "uri" }),
            _ => json!({ "type": "string" }),
        }
    }
}

fn parsed<T: FromStr>(text: &str, what: &str, hint: &str) -> Checked {
    text.parse::<T>().map(|_| text.to_owned()).map_err(|_| not(text, what, hint))
}

fn pem(text: &str) -> Checked {
    let text = text.replace("\\n", "\n");
    if text.trim_start().starts_with("-----BEGIN ") && text.trim_end().ends_with("-----") {
        return Ok(text);
    }
    // The text itself is not shown: it may be a key.
    Err(Fault { what: "is not PEM".to_owned(), hint: "it begins with -----BEGIN".to_owned() })
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
fn taken(kind: Kind, text: &str) -> Result<String, String> {
    kind.check(text).map_err(|fault| format!("{}; {}", fault.what, fault.hint))
}

#[cfg(test)]
mod tests {
    use super::*;

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
