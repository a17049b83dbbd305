//! Which bytes may stand where in a request, and the few values with a grammar of their own.
//!
//! Knows no head and no connection: `head`, `http2_head` and `chunked` say what follows from it.

use memchr::memchr;

/// Most digits of a length: all values of fewer fit into a `u64`.
const LENGTH_DIGITS: usize = 18;

/// Whether a line holds a control byte other than a tab. Without an early exit, so that the
/// compiler may look at many bytes at a time.
pub(super) fn has_control(line: &[u8]) -> bool {
    line.iter().fold(false, |found, &byte| found | is_control(byte))
}

pub(super) fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// What a byte may be part of, one bit each, so that a byte costs one look-up.
static CLASSES: [u8; 256] = classes();
const TOKEN: u8 = 1;
/// Of the path of a request target, unencoded. Wider than RFC 3986 by what clients send and the HTTP
/// library takes (`"`, `\`, `^`, `{`, `|`, `}`); a route decides about them itself.
pub(super) const PATH: u8 = 1 << 1;
pub(super) const QUERY: u8 = 1 << 2;
/// Of a host's name.
const NAME: u8 = 1 << 3;

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            classes[byte as usize] |= TOKEN;
        }
        if byte.is_ascii_graphic() && !matches!(byte, b'#' | b'<') {
            classes[byte as usize] |= QUERY;
            if !matches!(byte, b'>' | b'`') {
                classes[byte as usize] |= PATH;
            }
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            classes[byte as usize] |= NAME;
        }
        byte += 1;
    }
    classes
}

/// Whether all bytes may be part of that. Without an early exit, as nearly all are.
pub(super) fn are_all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().fold(class, |common, &byte| common & CLASSES[usize::from(byte)]) != 0
}

pub(super) fn is_token(word: &[u8]) -> bool {
    !word.is_empty() && are_all(word, TOKEN)
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    are_all(&[byte], TOKEN)
}

/// A name, an IPv4 address or a bracketed IPv6 address, and perhaps a port.
pub(super) fn is_host(value: &[u8]) -> bool {
    let (name, port) = if value.starts_with(b"[") {
        let Some(end) = memchr(b']', value) else {
            return false;
        };
        let (address, port) = value.split_at(end + 1);
        let inner = &address[1..end];
        if inner.is_empty() || !inner.iter().all(|b| b.is_ascii_hexdigit() || b":.".contains(b)) {
            return false;
        }
        (address, port)
    } else {
        value.split_at(memchr(b':', value).unwrap_or(value.len()))
    };
    let name_holds = !name.is_empty() && (name[0] == b'[' || are_all(name, NAME));
    let port_holds = match port.strip_prefix(b":") {
        Some(digits) => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        None => port.is_empty(),
    };
    name_holds && port_holds
}

pub(super) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > LENGTH_DIGITS || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Cuts the spaces and tabs around a value; other white space is part of it.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_grammar_says() {
        for byte in 0..=u8::MAX {
            let is_token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let is_query = byte.is_ascii_graphic() && !b"#<".contains(&byte);
            assert_eq!(is_token_byte(byte), is_token, "{byte}");
            assert_eq!(are_all(&[byte], NAME), byte.is_ascii_alphanumeric() || b"-._".contains(&byte), "{byte}");
            assert_eq!(are_all(&[byte], QUERY), is_query, "{byte}");
            assert_eq!(are_all(&[byte], PATH), is_query && !b">`".contains(&byte), "{byte}");
        }
    }
}
