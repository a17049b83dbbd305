//! What a careless reader might make of an odd path or name. Used only to refuse: nothing of it is ever sent.

/// How often a path may have been escaped over and over.
const MAX_LAYERS: usize = 4;

/// The path with every escape, parameter, backslash, empty and dot segment resolved, as the most willing of readers
/// would, and cut where an escaped `?` or `#` comes to light.
pub(crate) fn resolved(path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..MAX_LAYERS {
        let decoded = unescaped(&bytes);
        if decoded.len() == bytes.len() {
            break;
        }
        bytes = decoded;
    }
    let end = bytes.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes.retain(|byte| !byte.is_ascii_control());
    let text = String::from_utf8_lossy(&bytes).replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/').map(without_parameters) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

fn without_parameters(segment: &str) -> &str {
    segment.split_once(';').map_or(segment, |(segment, _parameters)| segment)
}

/// One layer of escapes taken off; what is no escape stays.
pub(crate) fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'%');
        let escaped = escaped.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        out.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disguise_comes_off() {
        for (path, plain) in [
            ("/a/b", "/a/b"),
            ("/a/../b/./c", "/b/c"),
            ("/../../a", "/a"),
            ("//a\\b", "/a/b"),
            ("/%61/%252e%252e/b", "/b"),
            ("/a%2fb%5Cc", "/a/b/c"),
            ("/a;x=1/b;", "/a/b"),
            ("/..;/a", "/a"),
            ("/a%3fb", "/a"),
            ("/a%23b", "/a"),
            ("/a%0", "/a%0"),
            ("/a%zz%", "/a%zz%"),
            ("/a%00%0a", "/a"),
        ] {
            assert_eq!(resolved(path), plain, "{path}");
        }
    }
}
