//! Values that name something: routes' paths, cookies, members of bodies, providers, roles.

use doorward_identity::user::Role;

use super::{Checked, not};

pub(super) fn route_path(text: &str) -> Checked {
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

pub(super) fn cookie_name(text: &str) -> Checked {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(token) {
        return Ok(text.to_owned());
    }
    Err(not(text, "cannot name a cookie", "use letters, digits, - and _"))
}

/// A path that is one path.
pub(super) fn exact_path(text: &str) -> Checked {
    let path = route_path(text)?;
    if path.ends_with("/*") { Err(not(text, "covers many paths", "take the star away")) } else { Ok(path) }
}

/// The name of a member of a body: one that no reader of JSON, of a form or of its header takes for another.
pub(super) fn field(text: &str) -> Checked {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:$@[]".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(not(text, "cannot name a field", "use letters, digits, _ and -, at most 64"))
}

/// A name that stands in paths and logs.
pub(super) fn slug(text: &str) -> Checked {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(not(text, "cannot stand in a path", "use lower-case letters, digits, - and _, at most 64"))
}

/// A pool's id begins with its region: `us-east-1_AbCdEfGhI`.
pub(super) fn pool_id(text: &str) -> Checked {
    let region = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let sound = text.rsplit_once('_').is_some_and(|(of, id)| {
        !of.is_empty()
            && of.bytes().all(region)
            && !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if sound || text.is_empty() {
        return Ok(text.to_owned());
    }
    Err(not(text, "is not the id of a user pool", "copy it from the pool's page: us-east-1_AbCdEfGhI"))
}

pub(super) fn role(text: &str) -> Checked {
    match text.parse::<Role>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(not(text, "is no role", error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, taken};

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
    fn a_name_is_read_alike_by_everybody() {
        for name in ["user_id", "userId", "x-user.id", "a[b]"] {
            assert_eq!(taken(Kind::Field, name).as_deref(), Ok(name));
        }
        for name in ["", "user id", "user\"id", "us%65r", "user\\id", "naïve", "a=b", "a&b", "a;b"] {
            assert!(taken(Kind::Field, name).is_err(), "{name}");
        }
        assert!(taken(Kind::Slug, "corp-2").is_ok() && taken(Kind::Slug, "Corp").is_err());
        assert!(taken(Kind::Role, "billing-reader").is_ok() && taken(Kind::Role, "Billing").is_err());
        assert!(taken(Kind::PoolId, "us-east-1_Ab3").is_ok() && taken(Kind::PoolId, "local_Ab3").is_ok());
        for id in ["us-east-1", "_Ab3", "us-east-1_", "us east_Ab3", "us-east-1_Ab3/../x"] {
            assert!(taken(Kind::PoolId, id).is_err(), "{id}");
        }
        assert!(taken(Kind::Path, "/healthz").is_ok() && taken(Kind::Path, "/health/*").is_err());
    }
}
