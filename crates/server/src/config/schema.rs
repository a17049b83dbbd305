//! The JSON schema of `doorward.toml`, for editors. Made of the tables of settings.

use serde_json::{Value, json};

use super::settings::{self, Fallback, Setting};

/// The schema, as indented JSON.
pub(crate) fn schema() -> String {
    let mut root = object();
    for setting in settings::all() {
        insert(&mut root, setting.key, setting);
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("doorward.toml");
    format!("{root:#}\n")
}

fn object() -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": {} })
}

/// Puts `setting` where `path` leads from `node`, making what is on the way.
fn insert(node: &mut Value, path: &str, setting: &Setting) {
    let (segment, rest) = path.split_once('.').map_or((path, None), |(segment, rest)| (segment, Some(rest)));
    let name = segment.trim_end_matches("[]");
    let Some(rest) = rest else {
        if setting.default == Fallback::Required {
            require(node, name);
        }
        node["properties"][name] = leaf(setting);
        return;
    };
    let child = &mut node["properties"][name];
    if child.is_null() {
        *child = if segment.ends_with("[]") { json!({ "type": "array", "items": object() }) } else { object() };
    }
    insert(if segment.ends_with("[]") { &mut child["items"] } else { child }, rest, setting);
}

fn require(node: &mut Value, name: &str) {
    match &mut node["required"] {
        Value::Array(names) => names.push(json!(name)),
        missing => *missing = json!([name]),
    }
}

fn leaf(setting: &Setting) -> Value {
    let one = setting.kind.schema();
    let mut schema = if setting.many { json!({ "anyOf": [one, { "type": "array", "items": one }] }) } else { one };
    schema["description"] = json!(setting.doc.replace('`', ""));
    if let Some(default) = default(setting) {
        schema["default"] = default;
    }
    schema
}

fn default(setting: &Setting) -> Option<Value> {
    let Fallback::Fixed(text) = setting.default else { return None };
    if setting.many {
        return Some(json!(super::resolve::listed(text)));
    }
    // Numbers and flags are written without quotes in the file.
    let typed = setting.kind.schema()["type"] != "string";
    Some(if typed { serde_json::from_str(text).unwrap_or_else(|_| json!(text)) } else { json!(text) })
}
