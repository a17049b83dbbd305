//! The boundary between parts, as the media type names it. Knows no body.

use super::fault::MultipartFault;
use super::parameters::parameters;

/// RFC 2046 §5.1.1.
const MAX_BYTES: usize = 70;

/// A boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Boundary(String);

impl Boundary {
    /// The one that the media type names: once, in one way, and in UTF-8 if any charset is named.
    pub(in super::super) fn of(media_type: &str) -> Result<Self, MultipartFault> {
        let (_, rest) = media_type.split_at(media_type.find(';').unwrap_or(media_type.len()));
        let mut boundary = None;
        for (name, value) in parameters(rest.as_bytes()).ok_or(MultipartFault::Boundary)? {
            match name.as_str() {
                "boundary" if boundary.is_none() => boundary = Some(value),
                "charset" if value.eq_ignore_ascii_case(b"utf-8") => {}
                _ => return Err(MultipartFault::Boundary),
            }
        }
        let is_good = |value: &&[u8]| (1..=MAX_BYTES).contains(&value.len()) && value.iter().copied().all(is_plain);
        let boundary = boundary.filter(is_good).and_then(|value| std::str::from_utf8(value).ok());
        boundary.map(|boundary| Self(boundary.to_owned())).ok_or(MultipartFault::Boundary)
    }

    /// As it stands before each part.
    pub(super) fn dashed(&self) -> String {
        format!("--{}", self.0)
    }
}

/// RFC 2046's `bcharsnospace`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(media_type: &str) -> Result<String, MultipartFault> {
        Boundary::of(media_type).map(|boundary| boundary.0)
    }

    #[test]
    fn one_boundary_is_read_as_it_is_named() {
        for (parameters, boundary) in [
            ("; boundary=x", "x"),
            (";boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", "----WebKitFormBoundary7MA4YWxkTrZu0gW"),
            ("; BOUNDARY=\"a=b:c/d(e)?,'+_.-\"", "a=b:c/d(e)?,'+_.-"),
            (" ;\tboundary=x ", "x"),
            ("; charset=UTF-8; boundary=x", "x"),
            ("; boundary=x; charset=\"utf-8\"", "x"),
        ] {
            assert_eq!(of(&format!("multipart/form-data{parameters}")).as_deref(), Ok(boundary), "{parameters}");
        }
        let longest = "b".repeat(MAX_BYTES);
        assert!(of(&format!("multipart/form-data; boundary={longest}")).is_ok());
        assert!(of(&format!("multipart/form-data; boundary={longest}b")).is_err());
    }

    #[test]
    fn a_boundary_with_two_readings_is_none() {
        for parameters in [
            "",
            ";",
            "; boundary",
            "; boundary=",
            "; boundary=\"\"",
            "; boundary=x; boundary=x",
            "; boundary=x; boundary=y",
            "; boundary=x; Boundary=y",
            "; boundary=x; boundary*=utf-8''y",
            "; boundary*0=x; boundary*1=y",
            "; boundary*=x",
            "; boundary=x;",
            "; boundary =x",
            "; boundary= x",
            "; boundary=x y",
            "; boundary=\"x y\"",
            "; boundary=\"x ",
            "; boundary=\"x\\\"y\"",
            "; boundary=\"x\\y\"",
            "; boundary=x\"y",
            "; boundary='x;y'",
            "; boundary=x, boundary=y",
            "; boundary=x,y",
            "; boundary=a=b",
            "; boundary=(c)x",
            "; boundary=\u{e9}",
            "; charset=utf-16; boundary=x",
            "; charset=utf-7; boundary=x",
            " boundary=x",
            "; boundary=\"x\"y",
            "; boundary=\"x\"; boundary=x",
            "; x=y; boundary=x",
        ] {
            assert_eq!(of(&format!("multipart/form-data{parameters}")), Err(MultipartFault::Boundary), "{parameters}");
        }
    }
}
