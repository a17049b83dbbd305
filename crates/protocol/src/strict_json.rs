//! JSON objects without duplicate members, at any depth (RFC 7493 §2.3).
//!
//! Two readers that disagree on which of two equal members counts can be played against each other, so a token
//! (or an answer with one) that holds such an object is refused. Knows nothing of what the members mean.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON object; `None` for anything else, invalid UTF-8 and duplicate members included.
pub fn object(json: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(json) {
        Ok(Strict(Value::Object(members))) => Some(members),
        _ => None,
    }
}

/// A JSON value of which no object has two members of one name.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, _>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_serde_json_reads_it() -> Result<(), serde_json::Error> {
        let json = r#"{"a":[null,true,-1,18446744073709551615,1.5,"x\n\u00e9"],"b":{"a":{}},"c":1e300}"#;
        assert_eq!(object(json.as_bytes()), serde_json::from_str(json)?);
        Ok(())
    }

    #[test]
    fn duplicate_members_are_refused_at_any_depth_and_in_any_spelling() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#] {
            assert_eq!(object(json.as_bytes()), None, "{json}");
        }
        assert!(object(br#"{"a":1,"A":2}"#).is_some());
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        let deep = format!("{}{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
        let refused: [&[u8]; 9] = [
            b"",
            b"[]",
            b"\"{}\"",
            b"{}{}",
            b"{} x",
            b"{\"a\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
            br#"{"a":"\ud800"}"#,
            deep.as_bytes(),
        ];
        for json in refused {
            assert_eq!(object(json), None, "{:?}", String::from_utf8_lossy(&json[..json.len().min(40)]));
        }
    }
}
