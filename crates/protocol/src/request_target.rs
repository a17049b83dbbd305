//! The form of request targets on proxied routes (RFC 9112 §3.2.1): what is judged here is what is sent, byte for byte.
//!
//! A path that two readers could understand differently is refused, never rewritten: then the rule that decides here
//! and the service behind see the same path. Knows no route.

/// Longer targets are refused.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;

/// A request target in origin form whose path has one reading only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedPath<'r> {
    path: &'r str,
    query: Option<&'r str>,
}

/// Why a target is refused. Safe to show: nothing of the target is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Too long.
    #[error("the request target is too long")]
    TooLong,
    /// Empty, absolute or otherwise not starting with `/`.
    #[error("the request target must start with `/`")]
    NotOriginForm,
    /// A `#`.
    #[error("the request target must not contain a fragment")]
    Fragment,
    /// `//`.
    #[error("the path must not contain empty segments")]
    EmptySegment,
    /// `.` or `..`.
    #[error("the path must not contain dot segments")]
    DotSegment,
    /// `;` or its escape.
    #[error("the path must not contain parameters")]
    PathParameter,
    /// A character that may not stand there as it is.
    #[error("the request target contains a character that is not allowed")]
    BadCharacter,
    /// `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("the request target contains a malformed escape")]
    BadEscape,
    /// An escaped separator or control character.
    #[error("the path contains an escape of a separator or control character")]
    EscapedSeparator,
    /// An escape of a character that needs none: a second spelling of the same path.
    #[error("the path contains an escape of a character that needs none")]
    NeedlessEscape,
}

impl<'r> JudgedPath<'r> {
    /// Judges a target as it stood in the request line.
    pub fn judge(target: &'r str) -> Result<Self, TargetError> {
        if target.len() > MAX_TARGET_BYTES {
            return Err(TargetError::TooLong);
        }
        if !target.starts_with('/') {
            return Err(TargetError::NotOriginForm);
        }
        if target.contains('#') {
            return Err(TargetError::Fragment);
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        judge_path(path)?;
        query.map_or(Ok(()), judge_query)?;
        Ok(Self { path, query })
    }

    /// The path as given.
    pub fn path(&self) -> &'r str {
        self.path
    }

    /// The query as given, without its `?`.
    pub fn query(&self) -> Option<&'r str> {
        self.query
    }
}

fn judge_path(path: &str) -> Result<(), TargetError> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => judge_escape(escaped_byte(&mut rest)?)?,
            b';' => return Err(TargetError::PathParameter),
            // The rest of RFC 3986's `pchar`, and the separator.
            b'/' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => byte,
            _ if is_unreserved(byte) => byte,
            _ => return Err(TargetError::BadCharacter),
        });
    }
    // Overlong forms such as `%c0%af` hide separators from whoever checks bytes.
    std::str::from_utf8(&decoded).map_err(|_| TargetError::BadEscape)?;
    if path.contains("//") {
        return Err(TargetError::EmptySegment);
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(TargetError::DotSegment);
    }
    Ok(())
}

fn judge_escape(byte: u8) -> Result<u8, TargetError> {
    match byte {
        b';' => Err(TargetError::PathParameter),
        b'/' | b'\\' | b'#' | b'?' | b'%' => Err(TargetError::EscapedSeparator),
        _ if byte.is_ascii_control() => Err(TargetError::EscapedSeparator),
        _ if is_unreserved(byte) => Err(TargetError::NeedlessEscape),
        _ => Ok(byte),
    }
}

/// Nothing is decided by a query, so it may hold any printable character and any escape.
fn judge_query(query: &str) -> Result<(), TargetError> {
    let mut rest = query.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                escaped_byte(&mut rest)?;
            }
            _ if byte.is_ascii_graphic() => {}
            _ => return Err(TargetError::BadCharacter),
        }
    }
    Ok(())
}

/// The byte that the two hexadecimal digits after a `%` stand for.
fn escaped_byte(rest: &mut std::str::Bytes<'_>) -> Result<u8, TargetError> {
    let mut digit = || {
        let digit = char::from(rest.next()?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let byte = digit().and_then(|high| Some(high << 4 | digit()?));
    byte.ok_or(TargetError::BadEscape)
}

/// RFC 3986 §2.3: the characters for which an escape changes nothing.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_target_is_kept_as_it_is() {
        let accepted = [
            ("/", "/", None),
            ("/a/b-c._~d/", "/a/b-c._~d/", None),
            ("/a?", "/a", Some("")),
            ("/a?b=//c;../%2f%2e%23%00&d[]={\"e\\|`^'}?", "/a", Some("b=//c;../%2f%2e%23%00&d[]={\"e\\|`^'}?")),
            ("/private?x=/public", "/private", Some("x=/public")),
            ("/a%20b/caf%C3%A9/x%40y.z", "/a%20b/caf%C3%A9/x%40y.z", None),
            ("/.../..a/a../.a/", "/.../..a/a../.a/", None),
            ("/!$&'()*+,=:@", "/!$&'()*+,=:@", None),
        ];
        for (target, path, query) in accepted {
            assert_eq!(JudgedPath::judge(target), Ok(JudgedPath { path, query }), "{target}");
        }
    }

    #[test]
    fn a_target_not_in_origin_form_is_refused() {
        for target in ["", "*", "a", "?a", "http://a.example/b", "a.example:443", " /a", "\\a"] {
            assert_eq!(JudgedPath::judge(target), Err(TargetError::NotOriginForm), "{target:?}");
        }
    }

    #[test]
    fn every_way_to_write_another_path_is_refused() {
        use TargetError::{
            BadCharacter, BadEscape, DotSegment, EmptySegment, EscapedSeparator, Fragment, NeedlessEscape,
            PathParameter,
        };

        let refused: &[(TargetError, &[&str])] = &[
            (Fragment, &["/a#", "/#a", "/a#/../b", "/a?b#c", "/admin#/public"]),
            (EmptySegment, &["//", "//a", "/a//b", "/a//", "//a.example/b", "///"]),
            (DotSegment, &["/.", "/..", "/a/../b", "/./a", "/a/.", "/a/..", "/a/../../b?c", "/../"]),
            (NeedlessEscape, &["/%2e%2e/a", "/%2E", "/.%2e/a", "/%61dmin", "/a%2Db", "/%41", "/%7e", "/%30", "/%5f"]),
            (EscapedSeparator, &["/a%2fb", "/a%2Fb", "/%5c", "/a%5C..", "/a%23b", "/a%3fb", "/a%3F", "/%2f..%2f"]),
            (EscapedSeparator, &["/%252e", "/%25", "/a%252fb", "/%00", "/a%0d%0ab", "/%1f", "/%7f", "/a%09"]),
            (PathParameter, &["/a;b", "/x;a/admin", "/..;/a", "/;", "/a%3bb", "/..%3B/a", "/a;?b"]),
            (BadEscape, &["/%", "/a%", "/a%2", "/%zz", "/%2g", "/% 2", "/%u002e", "/%+2", "/a?b=%", "/a?%4", "/%%32e"]),
            (BadEscape, &["/%c0%ae%c0%ae/a", "/%c0%af", "/%e0%80%af", "/%f0%80%80%af", "/%ff", "/%c3", "/%ed%a0%80"]),
            (
                BadCharacter,
                &["/a\\b", "/\\..\\b", "/a b", "/a\tb", "/a\0", "/a\r\n", "/é", "/\u{ff0e}\u{ff0e}/a", "/\x7f"],
            ),
            (
                BadCharacter,
                &["/a?b c", "/a?\0", "/a?é", "/a?\n", "/<a>", "/\"", "/{a}", "/a|b", "/a^b", "/`a`", "/[a]"],
            ),
        ];
        for (error, targets) in refused {
            for target in *targets {
                assert_eq!(JudgedPath::judge(target), Err(*error), "{target:?}");
            }
        }
    }

    #[test]
    fn the_length_is_bounded_exactly() {
        let longest = format!("/{}", "a".repeat(MAX_TARGET_BYTES - 1));
        assert!(JudgedPath::judge(&longest).is_ok());
        assert_eq!(JudgedPath::judge(&format!("{longest}a")), Err(TargetError::TooLong));
        assert_eq!(JudgedPath::judge(&format!("/?{longest}")), Err(TargetError::TooLong));
    }

    /// What a careless service might make of a path: decoded as often as anything changes, backslashes turned.
    fn carelessly_decoded(path: &str) -> Vec<u8> {
        let mut bytes = path.as_bytes().to_vec();
        while let Some(at) = bytes
            .windows(3)
            .position(|three| three[0] == b'%' && three[1].is_ascii_hexdigit() && three[2].is_ascii_hexdigit())
        {
            let digits = std::str::from_utf8(&bytes[at + 1..at + 3]).unwrap();
            let byte = u8::from_str_radix(digits, 16).unwrap();
            bytes.splice(at..at + 3, [byte]);
        }
        bytes.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
    }

    proptest! {
        #[test]
        fn an_accepted_path_has_the_same_segments_for_a_careless_reader(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "/", "/", "/", ".", "..", "a", "%2e", "%2E", "%2f", "%5C", "%25", "2e", "%61", "%20", "%C3%A9", "%c0",
                    "%af", ";", "%3b", "\\", "#", "?", "%", "é", " ", "\0", "@", "%40",
                ]),
                0..12,
            )
        ) {
            let target = format!("/{}", pieces.concat());
            if let Ok(judged) = JudgedPath::judge(&target) {
                let whole = judged.query().map_or(judged.path().to_owned(), |query| format!("{}?{query}", judged.path()));
                prop_assert_eq!(&whole, &target);
                let decoded = carelessly_decoded(judged.path());
                let segments: Vec<_> = decoded.split(|byte| *byte == b'/').collect();
                prop_assert_eq!(segments.len(), judged.path().split('/').count());
                prop_assert!(!segments.iter().any(|segment| matches!(*segment, b"." | b"..")));
                prop_assert!(!decoded.iter().any(|byte| matches!(byte, b';' | b'#' | b'?') || byte.is_ascii_control()));
            }
        }

        #[test]
        fn no_text_makes_the_judge_panic(target in "/?.{0,40}") {
            let _ = JudgedPath::judge(&target);
        }
    }
}
