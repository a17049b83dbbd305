//! A part's head: the lines that say its name, read so strictly that no other reader finds another. Knows no content.

use memchr::memmem;

use super::fault::MultipartFault;
use super::parameters::{parameters, token};

/// The part's name.
///
/// `filename` may stand beside it, or instead `filename*` (RFC 8187), which some clients write for other letters than
/// English ones; every other parameter is either a second spelling or nothing anybody sends.
pub(super) fn name(head: &[u8]) -> Result<&str, MultipartFault> {
    let (mut disposition, mut types) = (None, 0);
    for line in lines(head) {
        let (field, value) = token(line?).ok_or(MultipartFault::Head)?;
        let value = value.strip_prefix(b":").ok_or(MultipartFault::Head)?.trim_ascii();
        let field = String::from_utf8_lossy(field).to_ascii_lowercase();
        match field.as_str() {
            "content-disposition" if disposition.is_none() => disposition = Some(value),
            "content-disposition" => return Err(MultipartFault::Name),
            "content-type" if is_multipart(value) => return Err(MultipartFault::Nested),
            "content-type" => types += 1,
            _ if field.replace(['_', '.'], "-") == "content-disposition" => return Err(MultipartFault::Name),
            _ => {}
        }
    }
    if types > 1 {
        return Err(MultipartFault::Head);
    }
    named(disposition.ok_or(MultipartFault::Name)?).ok_or(MultipartFault::Name)
}

/// The head's lines, each without its end. No line goes on in the next, and none has a control character.
fn lines(head: &[u8]) -> impl Iterator<Item = Result<&[u8], MultipartFault>> {
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    // The last line's end was cut off with the empty line behind it.
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let line = match memmem::find(text, b"\r\n") {
            Some(end) => {
                rest = text.get(end + 2..);
                text.get(..end).unwrap_or_default()
            }
            None => text,
        };
        Some(if line.iter().any(is_control) { Err(MultipartFault::Head) } else { Ok(line) })
    })
}

fn is_multipart(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    String::from_utf8_lossy(essence).to_ascii_lowercase().contains("multipart")
}

fn named(disposition: &[u8]) -> Option<&str> {
    let (kind, rest) = token(disposition)?;
    let (mut name, mut has_file) = (None, false);
    for (parameter, value) in parameters(rest)? {
        match parameter.as_str() {
            "name" if name.is_none() => name = Some(value),
            "filename" | "filename*" if !has_file => has_file = true,
            _ => return None,
        }
    }
    let name = std::str::from_utf8(name?).ok()?;
    kind.eq_ignore_ascii_case(b"form-data").then_some(name)
}
