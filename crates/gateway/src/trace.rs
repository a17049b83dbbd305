//! Trace context (W3C) of a client's, on its way to a service: passed on as it is if it is in form, else not at all.
//!
//! Doorward records no spans, so it names none: a parent nobody recorded would break the trace. None is made up
//! either, because its flags would decide for the services what they sample.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");
/// What both must at least pass on (Trace Context §3.3.1.5 says 512 bytes, Baggage §3.3.2 8192).
const MAX_STATE: usize = 512;
const MAX_BAGGAGE: usize = 8192;

/// Takes away what is out of form. The state means nothing without its parent.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(BAGGAGE) && !is_text(headers, &BAGGAGE, MAX_BAGGAGE) {
        headers.remove(BAGGAGE);
    }
    let has_parent = headers.contains_key(TRACEPARENT);
    if !has_parent && !headers.contains_key(TRACESTATE) {
        return;
    }
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let is_good = parents.next().is_some_and(|parent| is_parent(parent.as_bytes())) && parents.next().is_none();
    if !is_good {
        headers.remove(TRACEPARENT);
    }
    if !is_good || !is_text(headers, &TRACESTATE, MAX_STATE) {
        headers.remove(TRACESTATE);
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zero. A later version may say more behind that.
fn is_parent(value: &[u8]) -> bool {
    let Some((known, rest)) = value.split_at_checked(55) else { return false };
    let hex = |digits: &[u8]| digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let id = |digits: &[u8]| hex(digits) && digits.iter().any(|digit| *digit != b'0');
    let mut fields = known.split(|byte| *byte == b'-');
    let mut field = |length: usize| fields.next().filter(|field| field.len() == length).unwrap_or_default();
    let (version, trace, parent, flags) = (field(2), field(32), field(16), field(2));
    let is_complete = !version.is_empty() && !flags.is_empty() && hex(version) && id(trace) && id(parent) && hex(flags);
    is_complete
        && match version {
            b"00" => rest.is_empty(),
            b"ff" => false,
            _ => rest.is_empty() || (rest.starts_with(b"-") && rest.iter().all(u8::is_ascii_graphic)),
        }
}

fn is_text(headers: &HeaderMap, name: &HeaderName, limit: usize) -> bool {
    let values = || headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let is_plain = |value: &[u8]| value.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'));
    values().all(is_plain) && values().map(<[u8]>::len).sum::<usize>() <= limit
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn kept(pairs: &[(&'static str, &str)]) -> Vec<String> {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        strip(&mut headers);
        headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn a_trace_in_form_travels_as_it_is() {
        assert_eq!(kept(&[("traceparent", GOOD)]), [format!("traceparent={GOOD}")]);
        assert_eq!(kept(&[("traceparent", GOOD), ("tracestate", "a=1,b=2"), ("baggage", "k=v")]).len(), 3);
        let later = GOOD.replacen("00", "01", 1) + "-more";
        assert_eq!(kept(&[("traceparent", &later)]), [format!("traceparent={later}")]);
    }

    #[test]
    fn what_is_out_of_form_does_not_travel() {
        for odd in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "004bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 x",
        ] {
            assert!(kept(&[("traceparent", odd), ("tracestate", "a=1")]).is_empty(), "{odd}");
        }
        assert!(kept(&[("traceparent", GOOD), ("traceparent", GOOD)]).is_empty());
        assert!(kept(&[("tracestate", "a=1")]).is_empty());
        assert_eq!(kept(&[("traceparent", GOOD), ("tracestate", &"a".repeat(513))]).len(), 1);
        assert!(kept(&[("baggage", &"a".repeat(8193))]).is_empty());
    }
}
