//! One field of a plain form (`application/x-www-form-urlencoded`) set, and every other byte left alone. Knows no
//! request.

use super::name::{Likeness, likeness};

/// The longest form; one that is meant to be longer is sent as multipart.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// Why a field cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// A field that some reader would take for the one that is set.
    #[error("the form has a field that could be mistaken for one that only the gateway sets")]
    Disguised,
}

/// The form with its field `name` set to `value`, or without it if there is none. The field comes first.
pub(super) fn with_field(form: &[u8], name: &str, value: Option<&str>) -> Result<Vec<u8>, FormFault> {
    let own = value.map(|value| form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish());
    let mut out = own.unwrap_or_default().into_bytes();
    out.reserve(form.len() + 1);
    if form.is_empty() {
        return Ok(out);
    }
    let mut is_first = out.is_empty();
    for pair in form.split(|byte| *byte == b'&') {
        match likeness(&key(pair), name) {
            Likeness::Same => continue,
            Likeness::Disguised => return Err(FormFault::Disguised),
            Likeness::Other => {}
        }
        // Some readers part fields at a semicolon as well.
        if pair.split(|byte| *byte == b';').skip(1).any(|piece| likeness(&key(piece), name) != Likeness::Other) {
            return Err(FormFault::Disguised);
        }
        if !std::mem::take(&mut is_first) {
            out.push(b'&');
        }
        out.extend_from_slice(pair);
    }
    Ok(out)
}

/// A pair's name as it is meant.
fn key(pair: &[u8]) -> String {
    let key = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    form_urlencoded::parse(key).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn told(form: &str) -> Result<String, FormFault> {
        with_field(form.as_bytes(), "user_id", Some("me")).map(|form| String::from_utf8(form).unwrap())
    }

    #[test]
    fn the_field_is_set_and_all_else_stays() {
        for (form, expected) in [
            ("", "user_id=me"),
            ("a=1", "user_id=me&a=1"),
            ("a=1&user_id=forged&b=%20+%zz&&c", "user_id=me&a=1&b=%20+%zz&&c"),
            ("user_id=1&USER_ID=2&user%5fid=3&%75ser_id", "user_id=me"),
            ("user_id", "user_id=me"),
            ("&", "user_id=me&&"),
            ("a=1;b=2", "user_id=me&a=1;b=2"),
            ("a=user_id", "user_id=me&a=user_id"),
            ("a==user_id=x", "user_id=me&a==user_id=x"),
        ] {
            assert_eq!(told(form).as_deref(), Ok(expected), "{form}");
        }
        assert_eq!(with_field(b"user_id=x&a=1", "user_id", None), Ok(b"a=1".to_vec()));
        assert_eq!(with_field(b"user_id=x", "user_id", None), Ok(Vec::new()));
    }

    #[test]
    fn a_field_that_could_be_mistaken_for_ours_is_refused() {
        for form in [
            "user%255fid=1",
            "user.id=1",
            "user+id=1",
            "user_id[]=1",
            "user_id%5b%5d=1",
            "a=1;user_id=2",
            "a;USER%5Fid",
            "user_id%00=1",
            "+user_id=1",
            "%20user_id=1",
            "user-id=1",
            "a=1; user_id=2",
        ] {
            assert_eq!(told(form), Err(FormFault::Disguised), "{form}");
        }
    }

    proptest! {
        #[test]
        fn another_reader_sees_our_value_alone_and_all_other_fields(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["user_id", "USER_ID", "user%5Fid", "=", "=", "&", "&", "a", "b", "+", ";", "%41", "é", "1"]),
                0..16,
            )
        ) {
            let form = pieces.concat();
            if let Ok(told) = told(&form) {
                let read = |form: &str| form_urlencoded::parse(form.as_bytes()).into_owned().collect::<Vec<_>>();
                let mut expected = vec![("user_id".to_owned(), "me".to_owned())];
                expected.extend(read(&form).into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("user_id")));
                prop_assert_eq!(read(&told), expected);
            }
        }
    }
}
