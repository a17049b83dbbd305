//! Credentials in a request's headers: a bearer token (RFC 6750 §2.1), or a cookie (RFC 6265) with the defence that a
//! cookie needs, because a browser sends it whoever asked.
//!
//! Every function takes a header's values as they came, all of them. What two readers could read differently counts
//! as no credential at all. Knows no token, no session and no HTTP library.

/// What browsers guard, so that no other host and no plain connection can set it.
const PREFIXES: [&str; 2] = ["__host-", "__secure-"];

/// Why an `Authorization` header names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// It is there more than once.
    #[error("the header authorization must be given once")]
    Repeated,
    /// It says `Bearer`, but holds no token.
    #[error("the bearer token is missing")]
    NoToken,
}

/// The token of `Authorization: Bearer …`. Credentials of another scheme are nobody's here.
pub fn bearer<'h>(values: impl IntoIterator<Item = &'h [u8]>) -> Result<Option<&'h str>, CredentialError> {
    let mut values = values.into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(CredentialError::Repeated);
    }
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    match std::str::from_utf8(token.trim_ascii()) {
        Ok(token) if !token.is_empty() => Ok(Some(token)),
        _ => Err(CredentialError::NoToken),
    }
}

/// The value of the one cookie of that name.
///
/// None if any reader could see two of them: a name in another case, under another prefix or behind odd space counts
/// as well. So do quotes, and a `$Version`, with which the rules of RFC 2965 would apply.
pub fn cookie<'h>(values: impl IntoIterator<Item = &'h [u8]>, name: &str) -> Option<&'h str> {
    let bare = bare_name(name.as_bytes())?;
    let mut found = None;
    for pair in pairs(values) {
        let (own, value) = split_pair(pair);
        let own_bare = bare_name(own).unwrap_or_default();
        if own_bare.eq_ignore_ascii_case(b"$version") || (found.is_some() && own_bare.eq_ignore_ascii_case(bare)) {
            return None;
        }
        if own_bare.eq_ignore_ascii_case(bare) {
            found = Some((own, value));
        }
    }
    let (own, value) = found?;
    let is_plain = own.strip_prefix(b" ").unwrap_or(own) == name.as_bytes();
    let value = value.filter(|value| is_plain && value.iter().all(|byte| is_cookie_octet(*byte)))?;
    std::str::from_utf8(value).ok().filter(|value| !value.is_empty())
}

/// The names of all cookies that begin with `start`, security prefix included.
pub fn cookie_names<'h>(values: impl IntoIterator<Item = &'h [u8]>, start: &str) -> impl Iterator<Item = &'h str> {
    let names = pairs(values).filter_map(|pair| std::str::from_utf8(split_pair(pair).0.trim_ascii()).ok());
    names.filter(move |name| name.starts_with(start))
}

/// A cookie's name without what a reader may overlook around it and without its security prefix.
pub fn bare_name(name: &[u8]) -> Option<&[u8]> {
    let begin = name.iter().position(u8::is_ascii_graphic)?;
    let end = name.iter().rposition(u8::is_ascii_graphic)?;
    let name = name.get(begin..=end)?;
    let is_start =
        |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    name.get(PREFIXES.iter().find(|prefix| is_start(prefix)).map_or(0, |prefix| prefix.len())..)
}

/// Whether a request that changes something may be believed to be wanted by the person whose cookie it carries.
///
/// An `Origin` decides by itself (`null` is nobody's). Without one `Sec-Fetch-Site` does. Without both no browser sent
/// the request, so no other site can have made it.
pub fn may_write<'h>(
    origin: impl IntoIterator<Item = &'h [u8]>,
    fetch_site: impl IntoIterator<Item = &'h [u8]>,
    allowed: impl Fn(&str) -> bool,
) -> bool {
    let (mut origins, mut sites) = (origin.into_iter(), fetch_site.into_iter());
    match (origins.next(), origins.next(), sites.next(), sites.next()) {
        (_, Some(_), _, _) | (_, _, _, Some(_)) => false,
        (Some(origin), ..) => std::str::from_utf8(origin).is_ok_and(|origin| origin != "null" && allowed(origin)),
        (None, _, Some(site), _) => matches!(site, b"same-origin" | b"none"),
        (None, _, None, _) => true,
    }
}

fn pairs<'h>(values: impl IntoIterator<Item = &'h [u8]>) -> impl Iterator<Item = &'h [u8]> {
    values.into_iter().flat_map(|value| value.split(|byte| *byte == b';'))
}

/// A pair's name as it stands there, and its value if it has a `=`.
fn split_pair(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], pair.get(at + 1..)),
        None => (pair, None),
    }
}

/// RFC 6265 §4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes<'h>(values: &[&'h str]) -> Vec<&'h [u8]> {
        values.iter().map(|value| value.as_bytes()).collect()
    }

    #[test]
    fn a_token_is_read_from_one_bearer_header_only() {
        for (values, token) in [
            (&["Bearer abc"][..], Ok(Some("abc"))),
            (&["bEARER  abc "], Ok(Some("abc"))),
            (&[], Ok(None)),
            (&["Basic abc"], Ok(None)),
            (&["Bearerabc"], Ok(None)),
            (&[""], Ok(None)),
            (&["Bearer"], Err(CredentialError::NoToken)),
            (&["Bearer "], Err(CredentialError::NoToken)),
            (&["Bearer a", "Bearer a"], Err(CredentialError::Repeated)),
            (&["Basic a", "Bearer a"], Err(CredentialError::Repeated)),
        ] {
            assert_eq!(bearer(bytes(values)), token, "{values:?}");
        }
        assert_eq!(bearer([&b"Bearer \xe9a"[..]]), Err(CredentialError::NoToken));
    }

    #[test]
    fn the_one_cookie_of_a_name_is_read_wherever_it_stands() {
        for values in [
            &["sid=x-1_2"][..],
            &["a=1; sid=x-1_2; b=2"],
            &["a=1;sid=x-1_2"],
            &["a=1", "sid=x-1_2", "b=2"],
            &["asid=1; sid2=2; sid=x-1_2; s=id"],
            &["theme=\"dark sid\"; sid=x-1_2"],
            &["odd; =; sid=x-1_2;; "],
        ] {
            assert_eq!(cookie(bytes(values), "sid"), Some("x-1_2"), "{values:?}");
        }
        assert_eq!(cookie([&b"__Host-sid=x"[..]], "__Host-sid"), Some("x"));
        assert_eq!(cookie([&b"sid=a=b"[..]], "sid"), Some("a=b"));
    }

    #[test]
    fn a_cookie_that_two_readers_could_take_differently_counts_as_none() {
        for value in [
            "",
            "a=1",
            "sid",
            "sid=",
            "SID=x",
            "Sid=x",
            "__Host-sid=x",
            "__Secure-sid=x",
            "__HOST-SID=x",
            "sid=x; sid=x",
            "sid=x; sid=y",
            "sid=x; SID=y",
            "sid=x; __host-sid=y",
            "__Secure-sid=y; sid=x",
            "sid=x; sid",
            "sid=x; sid =y",
            "sid =x",
            "sid\t=x",
            "\tsid=x",
            "  sid=x",
            "a=1;\tsid=x",
            "sid=x; \u{a0}sid=y",
            "\u{a0}sid=x",
            "\u{2000}sid=x",
            "\u{feff}sid=x; sid=x",
            "sid\u{200b}=y; sid=x",
            "sid=\"x\"",
            "sid=\"x",
            "sid=x\"",
            "sid='x';sid",
            "sid=x y",
            "sid= x",
            "sid=x ",
            "sid=x,y",
            "sid=x, sid=y",
            "sid=x\\y",
            "sid=é",
            "sid=x\0",
            "sid=x\u{7f}",
            "a=\"; sid=x\"",
            "a=\"b; sid=y\"; sid=x",
            "$Version=1; sid=x",
            "$version=\"1\"; sid=x",
            "sid=x; $Version=0; $Path=/",
            " $VERSION ;sid=x",
        ] {
            assert_eq!(cookie([value.as_bytes()], "sid"), None, "{value:?}");
        }
        assert_eq!(cookie(bytes(&["sid=x", "a=1", "sid=x"]), "sid"), None);
        for other in ["sid=x", "__host-sid=x", "__HOST-sid=x", "__Secure-sid=x", "__Host-sid=x; sid=y", "Host-sid=x"] {
            assert_eq!(cookie([other.as_bytes()], "__Host-sid"), None, "{other}");
        }
    }

    #[test]
    fn names_are_listed_by_their_start() {
        let values = bytes(&["f_1=a; x=f_2", " f_3; __Host-f_4=b", "f_5=c; F_6=d"]);
        assert_eq!(cookie_names(values.clone(), "f_").collect::<Vec<_>>(), ["f_1", "f_3", "f_5"]);
        assert_eq!(cookie_names(values, "__Host-f_").collect::<Vec<_>>(), ["__Host-f_4"]);
    }

    #[test]
    fn only_a_page_that_is_trusted_writes_with_a_cookie() {
        let own = "https://app.example";
        for (origin, site, expected) in [
            (&[][..], &[][..], true),
            (&[own], &[], true),
            (&[own], &["cross-site"], true),
            (&[], &["same-origin"], true),
            (&[], &["none"], true),
            (&[], &["same-site"], false),
            (&[], &["cross-site"], false),
            (&[], &["Same-Origin"], false),
            (&[], &[""], false),
            (&[], &["same-origin", "same-origin"], false),
            (&["null"], &["same-origin"], false),
            (&[""], &["none"], false),
            (&["https://evil.example"], &["same-origin"], false),
            (&["https://app.example.evil.example"], &[], false),
            (&["https://app.example:444"], &[], false),
            (&["http://app.example"], &[], false),
            (&["https://app.example/"], &[], false),
            (&["https://app.example, https://evil.example"], &[], false),
            (&[own, own], &[], false),
            (&[own, "https://evil.example"], &[], false),
        ] {
            assert_eq!(may_write(bytes(origin), bytes(site), |it| it == own), expected, "{origin:?} {site:?}");
        }
        assert!(!may_write([&b"\xff"[..]], None, |_| true));
        assert!(!may_write([&b"null"[..]], None, |_| true));
    }

    proptest! {
        #[test]
        fn a_cookie_that_is_read_is_the_only_one_for_a_careless_reader(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["sid", "SID", "=", "=", ";", "; ", " ", "\t", "x", "\"", "__Host-", ",", "\u{a0}"]),
                0..12,
            )
        ) {
            let header = pieces.concat();
            if let Some(value) = cookie([header.as_bytes()], "sid") {
                let careless = header.to_lowercase();
                let mut named = careless.split(';').filter(|pair| {
                    pair.split('=').next().unwrap_or_default().replace("__host-", "").trim() == "sid"
                });
                prop_assert_eq!(named.next().map(|pair| pair.trim().to_owned()), Some(format!("sid={}", value.to_lowercase())));
                prop_assert_eq!(named.next(), None);
            }
        }

        #[test]
        fn no_bytes_make_a_reader_panic(value in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (bearer([&value[..]]), cookie([&value[..]], "sid"), cookie_names([&value[..]], "s").count());
            let _ = may_write([&value[..]], [&value[..]], |_| true);
        }
    }
}
