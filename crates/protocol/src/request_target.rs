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
