//! Values that say where something is: addresses, networks, URLs.

use std::net::{IpAddr, SocketAddr};

use doorward_mail::SmtpSettings;
use ipnet::IpNet;
use url::Url;

use super::{Checked, Fault, not};

pub(super) fn address(text: &str) -> Checked {
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

pub(super) fn network(text: &str) -> Checked {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| network.to_string()).map_err(|_| not(text, "is not a network", "write it as 10.0.0.0/8"))
}

pub(super) fn origin(text: &str) -> Checked {
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
pub(super) fn web(text: &str) -> Result<Url, Fault> {
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

pub(super) fn base(text: &str) -> Checked {
    match web(text)?.query() {
        Some(_) => Err(not(text, "has a query", "take the ? and what follows away")),
        None => Ok(text.trim_end_matches('/').to_owned()),
    }
}

pub(super) fn store(text: &str) -> Checked {
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
        Some(("mongodb" | "mongodb+srv", rest)) if rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty()) => {
            Ok(text.to_owned())
        }
        Some(("mongodb" | "mongodb+srv", _)) => Err(Fault {
            what: "is not a MongoDB URL".to_owned(),
            hint: "write it as mongodb://user:password@host:27017/database, special characters percent-encoded"
                .to_owned(),
        }),
        _ => Err(Fault {
            what: "is not the URL of a store".to_owned(),
            hint: "write it as sqlite:path, postgres://user:password@host/database or \
                   mongodb://user:password@host/database"
                .to_owned(),
        }),
    }
}

pub(super) fn mail(text: &str) -> Checked {
    let hint = match text.split_once(':') {
        Some(("log", "")) => return Ok(text.to_owned()),
        Some(("ses", region)) if is_region(region.strip_prefix("//").unwrap_or(region)) => return Ok(text.to_owned()),
        Some(("ses", _)) => "write it as ses: or ses://us-east-1".to_owned(),
        Some(("smtp" | "smtps", _)) => match SmtpSettings::parse(text) {
            Ok(_) => return Ok(text.to_owned()),
            Err(error) => error.to_string(),
        },
        _ => "write it as smtp://user:password@host:587, smtps://user:password@host:465, ses:// with a region, or log:"
            .to_owned(),
    };
    // The text itself is not shown, as of a store.
    Err(Fault { what: "is not a way to send mail".to_owned(), hint })
}

fn is_region(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, taken};

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
}
