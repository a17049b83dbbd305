//! The parameters behind a media type or disposition (RFC 9110 §5.6.6), read strictly. Knows no name of any.

/// Parameters in order: the name in lower case, the value without its quotes.
///
/// A backslash in quotes stands for itself, as browsers write it, except before a quote: there readers disagree
/// on where the value ends, so that is no parameter, and neither is anything else that only some would accept.
/// Single quotes are such: PHP reads `name='a'` as `name="a"`. Only the two of an extended value (RFC 8187) are meant.
pub(super) fn parameters(mut rest: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut found = Vec::new();
    loop {
        rest = trimmed(rest);
        if rest.is_empty() {
            return Some(found);
        }
        rest = trimmed(rest.strip_prefix(b";")?);
        let (name, behind) = token(rest)?;
        let behind = behind.strip_prefix(b"=")?;
        let (value, behind) = match behind.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted.iter().position(|byte| *byte == b'"')?;
                let value = quoted.get(..end).filter(|value| !value.ends_with(b"\\"))?;
                (value, quoted.get(end + 1..)?)
            }
            None => token(behind).filter(|(value, _)| {
                memchr::memchr_iter(b'\'', value).count() == if name.ends_with(b"*") { 2 } else { 0 }
            })?,
        };
        found.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value));
        rest = behind;
    }
}

/// A token at the beginning, and what follows it.
pub(super) fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn trimmed(text: &[u8]) -> &[u8] {
    let begin = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    text.get(begin..).unwrap_or_default()
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
