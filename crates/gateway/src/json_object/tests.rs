//! What setting a member promises: the corpus of disguises, and agreement with another JSON reader.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn set(json: &str) -> Result<String, NotAnObject> {
    with_member(json.as_bytes(), "user_id", Some("me")).map(|out| String::from_utf8(out).unwrap())
}

fn removed(json: &str) -> String {
    String::from_utf8(with_member(json.as_bytes(), "user_id", None).unwrap()).unwrap()
}

#[test]
fn the_member_comes_first_and_everything_else_stays() {
    for (json, expected) in [
        ("{}", r#"{"user_id":"me"}"#),
        (" {\n} ", " {\"user_id\":\"me\"\n} "),
        (r#"{"a":1}"#, r#"{"user_id":"me","a":1}"#),
        (r#"{ "a" : 1.50e+1 }"#, r#"{"user_id":"me", "a" : 1.50e+1 }"#),
        (r#"{"user_id":"x"}"#, r#"{"user_id":"me"}"#),
        (r#"{"user_id":"x","a":1}"#, r#"{"user_id":"me","a":1}"#),
        (r#"{ "user_id" : [1, {}] , "a":1}"#, r#"{"user_id":"me",  "a":1}"#),
        (r#"{"a":1 , "user_id":null }"#, r#"{"user_id":"me","a":1  }"#),
        (r#"{"a":1,"user_id":2,"b":3}"#, r#"{"user_id":"me","a":1,"b":3}"#),
        (r#"{"user\u005fid":1,"a":2}"#, r#"{"user_id":"me","a":2}"#),
        (r#"{"\u0075\u0073\u0065\u0072_id":1}"#, r#"{"user_id":"me"}"#),
        (r#"{"User_Id":1,"USERID":2,"user_id ":3}"#, r#"{"user_id":"me","USERID":2,"user_id ":3}"#),
        (r#"{"a":1,"USER\u005fID":2}"#, r#"{"user_id":"me","a":1}"#),
        (r#"{"uſer_id":1}"#, r#"{"user_id":"me"}"#),
        (r#"{"a":{"user_id":1,"user_id":2}}"#, r#"{"user_id":"me","a":{"user_id":1,"user_id":2}}"#),
        (r#"{"a":"}\",\"user_id\":\"x"}"#, r#"{"user_id":"me","a":"}\",\"user_id\":\"x"}"#),
        (r#"{"a\\":1,"é😀":"\ud83d\ude00"}"#, r#"{"user_id":"me","a\\":1,"é😀":"\ud83d\ude00"}"#),
        (r#"{"a":1e999999,"b":-0.0}"#, r#"{"user_id":"me","a":1e999999,"b":-0.0}"#),
    ] {
        assert_eq!(set(json).as_deref(), Ok(expected), "{json}");
    }
}

#[test]
fn without_a_value_the_member_is_only_taken_out() {
    for (json, expected) in [
        ("{}", "{}"),
        (r#"{"a":1}"#, r#"{"a":1}"#),
        (r#"{"user_id":1}"#, "{}"),
        (r#"{"user_id":1, "a":2}"#, r#"{ "a":2}"#),
        (r#"{"a":2, "user_\u0069d":1}"#, r#"{"a":2}"#),
        (r#"{"a":2,"user_id":1,"b":3}"#, r#"{"a":2,"b":3}"#),
    ] {
        assert_eq!(removed(json), expected, "{json}");
    }
}

#[test]
fn two_members_of_one_name_are_refused_in_any_spelling() {
    for json in [
        r#"{"user_id":1,"user_id":2}"#,
        r#"{"user_id":1,"user\u005fid":2}"#,
        r#"{"user\u005fid":1,"user\u005Fid":2}"#,
        r#"{"user_id":1,"User_ID":2}"#,
        r#"{"uSer_id":1,"u\u017fer_id":2}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"{"/":1,"\/":2}"#,
        r#"{"😀":1,"\ud83d\uDE00":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert_eq!(set(json), Err(NotAnObject::Duplicate), "{json}");
    }
}

#[test]
fn what_is_json_but_no_object_is_told_apart_from_what_is_no_json() {
    for json in ["[]", "null", " 1 ", "\"{}\"", "[{}]", "true"] {
        assert_eq!(set(json), Err(NotAnObject::OtherValue), "{json}");
    }
    for (json, at) in [
        ("", 0),
        (" ", 1),
        ("{", 1),
        ("{}}", 2),
        ("{} {}", 3),
        ("[] x", 3),
        ("\u{feff}{}", 0),
        ("\u{a0}{}", 0),
        ("{\u{b}}", 1),
        ("{'a':1}", 1),
        ("{a:1}", 1),
        (r#"{"a"}"#, 4),
        (r#"{"a":}"#, 5),
        (r#"{"a":1,}"#, 7),
        (r#"{,"a":1}"#, 1),
        (r#"{"a":1 "b":2}"#, 7),
        (r#"{"a":01}"#, 6),
        (r#"{"a":+1}"#, 5),
        (r#"{"a":.5}"#, 5),
        (r#"{"a":1.}"#, 7),
        (r#"{"a":1e}"#, 7),
        (r#"{"a":-}"#, 6),
        (r#"{"a":NaN}"#, 5),
        (r#"{"a":tru}"#, 5),
        (r#"{"a":[1,]}"#, 8),
        (r#"{"a":[1}}"#, 7),
        (r#"{"a":{"b":1]}"#, 11),
        (r#"{"a":{1:2}}"#, 6),
        ("{\"a\":\"\n\"}", 6),
        ("{\"a\":\"\0\"}", 6),
        (r#"{"a":"\x"}"#, 7),
        (r#"{"a":"\u12g4"}"#, 10),
        (r#"{"a":"\ud800"}"#, 12),
        (r#"{"a":"\udc00"}"#, 12),
        (r#"{"\ud800\u0061":1}"#, 14),
        (r#"{"a":"x"#, 7),
        (r#"{"a":"\"#, 7),
        ("{/**/}", 1),
    ] {
        assert_eq!(set(json), Err(NotAnObject::Malformed { at }), "{json}");
    }
    assert_eq!(with_member(b"{\"a\":\"\xc0\xaf\"}", "user_id", None), Err(NotAnObject::Encoding));
}

#[test]
fn depth_and_number_of_members_are_bounded_exactly() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(set(&nested(63)).is_ok());
    assert_eq!(set(&nested(64)), Err(NotAnObject::TooDeep));
    assert_eq!(set(&nested(100_000)), Err(NotAnObject::TooDeep));
    let mixed = format!("{{\"a\":{}1{}}}", "[{\"b\":".repeat(31), "}]".repeat(31));
    assert!(set(&mixed).is_ok());
    let wide = |members: usize| {
        let members = (0..members).map(|number| format!("\"{number}\":0")).collect::<Vec<_>>();
        format!("{{{}}}", members.join(","))
    };
    assert!(set(&wide(MAX_MEMBERS)).is_ok());
    assert_eq!(set(&wide(MAX_MEMBERS + 1)), Err(NotAnObject::TooManyMembers));
}

/// A JSON text together with nothing else known of it.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Halves, which both readers read exactly.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 2.0)),
        ".{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c\"\\\\é]{0,2}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A name written with any of its characters escaped.
fn spelled(name: &str, escaped: u32) -> String {
    let characters = name.chars().enumerate().map(|(index, character)| {
        if escaped >> index & 1 == 1 { format!("\\u{:04x}", u32::from(character)) } else { character.to_string() }
    });
    format!("\"{}\"", characters.collect::<String>())
}

proptest! {
    #[test]
    fn the_result_is_the_object_with_the_member_set_and_no_other_byte_changed(
        members in prop::collection::btree_map("[a-d]{1,3}", any_value(), 0..5),
        own in prop::option::of((any::<prop::sample::Index>(), any_value(), 0..0x80_u32)),
        gap in "[ \t\r\n]{0,2}",
    ) {
        let mut texts: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{gap}\"{name}\"{gap}:{gap}{value}"))
            .collect();
        let others = texts.join(",");
        if let Some((index, value, escaped)) = &own {
            let at = index.index(texts.len() + 1);
            texts.insert(at, format!("{gap}{}{gap}:{gap}{value}", spelled("user_id", *escaped)));
        }
        let json = format!("{gap}{{{}{gap}}}{gap}", texts.join(","));
        let out = set(&json).unwrap();
        let mut expected: Map<String, Value> = members.into_iter().collect();
        expected.insert("user_id".to_owned(), json!("me"));
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), Value::Object(expected));
        // Beside the member and its comma, only the white space around what was taken out may stand elsewhere.
        let rest = out.replacen("\"user_id\":\"me\"", "", 1);
        let rest = rest.trim_start().strip_prefix('{').unwrap();
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim();
        let rest = rest.strip_suffix('}').unwrap().trim();
        if own.is_none() {
            prop_assert_eq!(rest, others.trim());
        } else {
            let squeeze = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeeze(rest), squeeze(&others));
        }
    }

    #[test]
    fn valid_is_what_another_reader_finds_valid(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "{\"c\":", "1", "-", "0", ".5", "true", "null",
                " ", "\\", "\\u00e9", "\\ud83d", "\\ude00", "é", "\n", "\0", "{\"user_id\":1}", "{}",
            ]),
            0..10,
        )
    ) {
        let text = pieces.concat();
        let by_serde = serde_json::from_str::<Value>(&text);
        match set(&text) {
            Ok(out) => prop_assert!(by_serde.is_ok_and(|value| value.is_object()), "{text} became {out}"),
            Err(NotAnObject::OtherValue) => prop_assert!(by_serde.is_ok_and(|value| !value.is_object()), "{text}"),
            Err(NotAnObject::Duplicate) => prop_assert!(serde_json::from_str::<Value>(&text).is_ok() || by_serde.is_err()),
            Err(_) => prop_assert!(by_serde.is_err(), "{text}"),
        }
    }

    #[test]
    fn one_changed_byte_never_makes_the_readers_disagree(
        value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        // An exponent makes a number that is valid but too large for the other reader.
        prop_assume!(!byte.eq_ignore_ascii_case(&b'e'));
        let mut bytes = json!({"a": value, "user_id": 1}).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let by_serde = serde_json::from_slice::<Value>(&bytes);
        match with_member(&bytes, "user_id", Some("me")) {
            Ok(out) => {
                prop_assert!(by_serde.is_ok());
                prop_assert_eq!(&serde_json::from_slice::<Value>(&out).unwrap()["user_id"], "me");
            }
            Err(NotAnObject::Duplicate) => {}
            Err(_) => prop_assert!(by_serde.is_err()),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = with_member(&bytes, "user_id", Some("me"));
        let braced = [b"{", bytes.as_slice(), b"}"].concat();
        let _ = with_member(&braced, "user_id", None);
    }
}
