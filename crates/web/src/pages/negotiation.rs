//! Whether somebody reads answers as pages (RFC 9110, 12.5.1). Knows `Accept` and nothing else.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

/// Whether HTML is asked for more than JSON is. Programs send `*/*` or name JSON; browsers that navigate name HTML.
pub(crate) fn prefers_html(request: &HeaderMap) -> bool {
    let is_text = |line: &HeaderValue| line.as_bytes().windows(5).any(|part| part.eq_ignore_ascii_case(b"text/"));
    if !request.get_all(ACCEPT).iter().any(is_text) {
        // Nearly every program.
        return false;
    }
    let lines: Vec<&str> = request.get_all(ACCEPT).iter().filter_map(|line| HeaderValue::to_str(line).ok()).collect();
    let wanted = |media_type: &str| {
        let ranges = lines.iter().flat_map(|line| line.split(','));
        // Of several ranges the most particular one counts.
        ranges.filter_map(|range| weight(range, media_type)).max_by_key(|(particular, _)| *particular)
    };
    let weight = |media_type| wanted(media_type).map_or(0, |(_, weight)| weight);
    weight("text/html") > weight("application/problem+json").max(weight("application/json"))
}

/// How particularly a range speaks of a media type, and how much it is wanted, in thousandths.
fn weight(range: &str, media_type: &str) -> Option<(u8, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let pattern = parts.next()?.to_ascii_lowercase();
    let particular = match pattern.as_str() {
        exact if exact == media_type => 2,
        "*/*" => 0,
        family if family.strip_suffix('*').is_some_and(|kind| kind.ends_with('/') && media_type.starts_with(kind)) => 1,
        _ => return None,
    };
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((particular, quality.map_or(1000, thousandths)))
}

/// A quality (`0.8`) in thousandths; what is none wants nothing.
fn thousandths(quality: &str) -> u16 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" => 1000,
        "0" if fraction.len() <= 3 && digits(fraction) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_that_navigate_get_pages_and_programs_get_json() {
        for (accept, html) in [
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"][..], true),
            (&["text/html"], true),
            (&["TEXT/HTML;level=1"], true),
            (&["text/*"], true),
            (&["application/json;q=0.5, text/html;q=0.501"], true),
            (&["application/xhtml+xml", "text/html;q=0.9,*/*;q=0.8"], true),
            (&[], false),
            (&[""], false),
            (&["*/*"], false),
            (&["application/json"], false),
            (&["application/json, text/plain, */*"], false),
            (&["text/html;q=0, */*"], false),
            (&["text/html, application/json"], false),
            (&["text/html;q=0.5, application/*"], false),
            (&["text/html;q=nonsense"], false),
            (&["text/html;q=-1", "text/html;q=0.0000001"], false),
            (&["text"], false),
            (&["texthtml, */html"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in accept {
                headers.append(ACCEPT, HeaderValue::from_static(line));
            }
            assert_eq!(prefers_html(&headers), html, "{accept:?}");
        }
    }
}
