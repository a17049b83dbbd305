//! JSON in and out: one strict reading of a request's body, and the one way an answer's body is written.
//!
//! A body is one JSON object (RFC 8259): UTF-8, no name twice at any depth, no deeper than [`MAX_DEPTH`], sent as JSON.
//! What its members must be is for the caller ([`Shape`]).

use std::borrow::Cow;
use std::fmt;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bytes::Bytes;
use doorward_protocol::media_type;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use utoipa::ToSchema;

use crate::body;
use crate::contract::Contract;
use crate::members::{Member, Members, Shape};
use crate::problem::Problem;

/// How deep its arrays and objects may lie in each other.
const MAX_DEPTH: u8 = 32;

/// A request's body, sent as JSON and not yet read.
pub(crate) struct JsonBody(Bytes);

/// A request's body where one may be left out.
pub(crate) struct OptionalJsonBody(Option<JsonBody>);

impl JsonBody {
    /// Reads the object's members as a contract wants them.
    pub(crate) fn read<S: Shape>(&self, contract: Contract) -> Result<S, Problem> {
        let text = std::str::from_utf8(&self.0).map_err(|_| Problem::malformed("The body is not UTF-8"))?;
        let mut members = parse(text)?;
        let shape = S::read(&mut members);
        members.finish(contract)?;
        Ok(shape)
    }
}

impl OptionalJsonBody {
    /// As [`JsonBody::read`]; nothing when there is no body.
    pub(crate) fn read<S: Shape>(&self, contract: Contract) -> Result<Option<S>, Problem> {
        self.0.as_ref().map(|body| body.read(contract)).transpose()
    }
}

impl<State: Sync> FromRequest<State> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &State) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        must_be_json(&head.headers)?;
        body::collect(&head.headers, body).await.map(Self)
    }
}

impl<State: Sync> FromRequest<State> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &State) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let body = body::collect(&head.headers, body).await?;
        if body.is_empty() {
            return Ok(Self(None));
        }
        must_be_json(&head.headers)?;
        Ok(Self(Some(JsonBody(body))))
    }
}

fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    body::must_be(headers, media_type::is_json, "The body must be sent as application/json")
}

fn parse(text: &str) -> Result<Members<'_>, Problem> {
    let malformed = |error: &dyn fmt::Display| Problem::malformed(format!("The body is not good JSON: {error}"));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = Object.deserialize(&mut deserializer).map_err(|error| malformed(&error))?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(Members::new(object))
}

/// The whole body: an object, whose members are kept.
struct Object;

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Vec<(Cow<'de, str>, Member<'de>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Vec<(Cow<'de, str>, Member<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(4);
        while let Some(name) = map.next_key_seed(Name)? {
            members.push((name, map.next_value_seed(Below(1))?));
        }
        refuse_doubles(members.iter().map(|(name, _)| &**name).collect())?;
        Ok(members)
    }
}

/// A value inside, so many objects and arrays deep.
#[derive(Clone, Copy)]
struct Below(u8);

impl Below {
    fn one_more<E: Error>(self) -> Result<Self, E> {
        if self.0 < MAX_DEPTH { Ok(Self(self.0 + 1)) } else { Err(E::custom("it is too deep")) }
    }
}

impl<'de> DeserializeSeed<'de> for Below {
    type Value = Member<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Below {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Member::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Member::Flag(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Member::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let below = self.one_more()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Member::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let below = self.one_more()?;
        let mut names = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            names.push(name);
            map.next_value_seed(below)?;
        }
        refuse_doubles(names.iter().map(|name| &**name).collect())?;
        Ok(Member::Object)
    }
}

/// A member's name, as it reads with its escapes undone.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Two members of one name: readers disagree which of them counts (RFC 8259, 4).
fn refuse_doubles<E: Error>(mut names: Vec<&str>) -> Result<(), E> {
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let shown: String = pair[0].chars().take(64).collect();
            Err(E::custom(format_args!("{shown:?} is there twice")))
        }
    }
}

/// A list that fits one page.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    items: Vec<T>,
}

impl<T> List<T> {
    pub(crate) fn of<'s, S>(items: &'s [S], form: impl Fn(&'s S) -> T) -> Self {
        Self { items: items.iter().map(form).collect() }
    }
}

/// An answer of that status with a JSON body that no cache keeps.
pub(crate) fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(512);
    if let Err(error) = serde_json::to_writer(&mut bytes, body) {
        tracing::error!(%error, "an answer cannot be written as JSON");
        bytes.clear();
    }
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(12);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 200 with a JSON body.
pub(crate) fn ok(body: &impl Serialize) -> Response {
    answer(StatusCode::OK, body)
}

/// Done, with nothing to say.
pub(crate) fn done() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text that is JSON, or nearly.
    fn nearly_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[ \\t\\n]?(null|true|false|nul|-?0|[0-9]{1,4}|1e[0-9]{1,3}|01|\\.5)",
            "\"([a-c]|\\\\u00(6[1-3]|0a)|\\\\ud83d\\\\ude00|\\\\ud800|\\\\n|\u{e9}){0,4}\"",
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            let member = ("\"(a|b|\\\\u0061)\"", inner.clone()).prop_map(|(name, value)| format!("{name}:{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    /// Whether any object in it has a name twice, found in another way: by what is lost when it is read into maps.
    fn loses_members(text: &str) -> bool {
        fn colons(value: &serde_json::Value) -> usize {
            match value {
                serde_json::Value::Array(items) => items.iter().map(colons).sum(),
                serde_json::Value::Object(members) => members.len() + members.values().map(colons).sum::<usize>(),
                _ => 0,
            }
        }
        // The texts made here have no colon but those behind names.
        serde_json::from_str(text).is_ok_and(|value| colons(&value) < text.matches(':').count())
    }

    proptest! {
        #[test]
        fn an_object_is_taken_exactly_when_it_is_json_without_doubles(text in nearly_json()) {
            let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
            prop_assert_eq!(parse(&text).is_ok(), is_object && !loses_members(&text), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse(&text);
            let _ = parse(&format!("{{\"a\":{text}"));
        }
    }
}
