//! What the JSON answers look like: their members, their times, their lists.

use serde_json::Value;

/// A JSON string's text.
#[track_caller]
pub fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("not a string: {value}"));
    text.to_owned()
}

/// Asserts that an object has exactly these members, in any order.
#[track_caller]
pub fn assert_members(value: &Value, expected: &[&str]) {
    let members = value.as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let expected = expected.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(sorted(members.collect()), sorted(expected), "{value}");
}

/// Asserts the form of a UUID.
#[track_caller]
pub fn assert_uuid(value: &Value) {
    let lengths: Vec<_> = text(value).split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{value}");
}

/// Asserts a time in RFC 3339 and UTC, as in `2026-02-04T10:30:00Z`.
#[track_caller]
pub fn assert_utc(value: &Value) {
    let time = text(value);
    let good = time.len() >= 20 && &time[10..11] == "T" && time.ends_with('Z');
    assert!(good, "{time}");
}

/// One member of every item of a list.
#[track_caller]
pub fn each(list: &Value, member: &str) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("not a list: {list}"));
    items.iter().map(|item| text(&item[member])).collect()
}

/// The item of a list whose member has this value.
#[track_caller]
pub fn find(list: &Value, member: &str, value: &str) -> Value {
    let mut items = list.as_array().into_iter().flatten();
    let found = items.find(|item| item[member] == value);
    found.unwrap_or_else(|| panic!("no {member} {value} in {list}")).clone()
}

/// The fields that a problem document names.
#[track_caller]
pub fn fields(problem: &Value) -> Vec<String> {
    each(&problem["errors"], "field")
}

/// The same names in order.
pub fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
