//! Media types (RFC 9110 §8.3), as far as a body's reader asks. Knows no header.

/// Whether a `Content-Type` is `application/json` or has the suffix `+json` (RFC 6839 §3.1), in UTF-8.
pub fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let suffix = essence.get(essence.len().saturating_sub(5)..).unwrap_or_default();
    let is_named = essence.eq_ignore_ascii_case("application/json")
        || (essence.contains('/') && suffix.eq_ignore_ascii_case("+json"));
    let other_charset = |part: &str| {
        let Some((name, value)) = part.split_once('=') else { return false };
        name.trim().eq_ignore_ascii_case("charset") && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    is_named && !parts.any(other_charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_counts_as_json() {
        for json in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/problem+json",
            "application/problem+JSON",
            "application/json;",
            "application/json; version=2",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "text/plain",
            "text/json",
            "application/jsonx",
            "application/x-www-form-urlencoded",
            "application/json, text/plain",
            "application/json; charset=utf-16",
            "application/json; charset = utf-7",
            "+json",
            "é+json",
            "",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
