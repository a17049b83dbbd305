//! A checksum that did not look at some field would let it be lost: each is changed in turn.

use serde_json::Value;

use super::fixture::{everything, fill, now};
use super::sqlite;
use crate::conformance::Folder;
use crate::transfer::{Kind, compare};

/// The places of every value in a record.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| places(field, &format!("{at}/{name}"), found)),
        Value::Array(items) if items.first().is_some_and(Value::is_object) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), found));
            found.push(at.to_owned());
        }
        _ => found.push(at.to_owned()),
    }
}

/// Another value in the place of one.
fn another(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => (!flag).into(),
        Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
        Value::String(text) if text.len() == 36 && text.starts_with("0197") => text.replacen("0197", "0198", 1).into(),
        Value::String(text) => format!("x{text}").into(),
        Value::Array(items) => {
            let mut items = items.clone();
            items.pop();
            items.into()
        }
        other => panic!("{other} has no other value"),
    }
}

/// Where another value is refused by the store, as it says something impossible.
const REFUSED: [&str; 11] = [
    "/parent_domain_id",
    "/user_id",
    "/team_id",
    "/domain_id",
    "/kind",
    "/state",
    "/status",
    "/actor_kind",
    "/id",
    "/email",
    "/sealed_letter",
];

#[tokio::test]
async fn a_change_of_any_field_of_any_record_shows() {
    let (one, other) = (Folder::new(), Folder::new());
    let (original, changed) = (sqlite(&one).await, sqlite(&other).await);
    let all = everything();
    fill(&original, &all).await.unwrap();
    let mut seen = 0;
    for (at, (kind, values)) in all.iter().enumerate() {
        let mut fields = Vec::new();
        places(&values[0], "", &mut fields);
        for field in fields {
            let mut mutated = all.clone();
            let value = mutated[at].1[0].pointer_mut(&field).unwrap();
            if value.is_null() {
                continue;
            }
            *value = another(value);
            if fill(&changed, &mutated).await.is_err() {
                assert!(REFUSED.iter().any(|end| field.ends_with(end)), "{kind} {field}: refused");
                continue;
            }
            let comparison = compare(&original, &changed, now(), &mut |_| {}).await.unwrap();
            assert_eq!(comparison.difference.map(|found| found.kind), Some(*kind), "{kind} {field}: not noticed");
            for (left, right) in comparison.sums {
                assert_eq!(left.checksum == right.checksum, left.kind != *kind, "{kind} {field}: {}", left.kind);
            }
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} fields");
}

#[test]
fn the_first_record_of_each_kind_has_every_field() {
    for (kind, values) in everything().iter().filter(|(kind, _)| !matches!(kind, Kind::Domains)) {
        let mut fields = Vec::new();
        places(&values[0], "", &mut fields);
        let empty: Vec<_> = fields.iter().filter(|field| values[0].pointer(field) == Some(&Value::Null)).collect();
        assert!(empty.iter().all(|field| field.starts_with("/codes/")), "{kind}: {empty:?}");
    }
}
