//! What a body says it is, judged once: which of the forms that can be told anything it has. Knows no body.

use doorward_protocol::media_type;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::Inject;
use super::multipart::Boundary;
use crate::refusal::Refusal;

/// The media type of a plain form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// What a body is, with what in it says who calls.
pub(super) enum Content<'i> {
    Json(&'i str),
    Multipart(&'i str, Boundary),
    Form(&'i str),
    /// Nothing is said; this is what an absent body becomes, if it can be absent.
    Unsaid(Option<Empty<'i>>),
}

/// What an absent body becomes.
#[derive(Clone, Copy)]
pub(super) enum Empty<'i> {
    Json(&'i str),
    Form(&'i str),
}

impl<'i> Content<'i> {
    pub(super) fn of(inject: &'i Inject, headers: &HeaderMap) -> Result<Self, Refusal> {
        judge_encoding(headers)?;
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let said = match (types.next(), types.next()) {
            (None, _) => return Ok(Self::Unsaid(unsaid(inject))),
            (Some(_), Some(_)) => return Err(Refusal::AmbiguousHeader(CONTENT_TYPE)),
            (Some(said), None) => said,
        };
        let unexpected = Refusal::UnsupportedMediaType(expected(inject));
        let Ok(said) = said.to_str() else { return Err(unexpected) };
        if let Some(member) = inject.json.as_deref().filter(|_| media_type::is_json(said)) {
            return Ok(Self::Json(member));
        }
        let essence = said.split(';').next().unwrap_or_default().trim();
        match (&inject.multipart, &inject.form) {
            (Some(field), _) if essence.eq_ignore_ascii_case("multipart/form-data") => {
                Boundary::of(said).map(|boundary| Self::Multipart(field, boundary)).map_err(Refusal::Multipart)
            }
            (_, Some(field)) if essence.eq_ignore_ascii_case(FORM) && is_utf_8(said) => Ok(Self::Form(field)),
            _ => Err(unexpected),
        }
    }
}

fn unsaid(inject: &Inject) -> Option<Empty<'_>> {
    inject.json.as_deref().map(Empty::Json).or_else(|| inject.form.as_deref().map(Empty::Form))
}

/// What a body may be, as a sentence.
pub(super) fn expected(inject: &Inject) -> &'static str {
    match (&inject.json, &inject.multipart, &inject.form) {
        (_, None, None) => "The body must be sent as application/json",
        (None, Some(_), None) => "The body must be sent as multipart/form-data",
        (None, None, Some(_)) => "The body must be sent as application/x-www-form-urlencoded",
        (None, Some(_), Some(_)) => "The body must be sent as a form",
        (Some(_), _, _) => "The body must be sent as application/json or as a form",
    }
}

/// Refuses a body that must be unpacked first.
fn judge_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        Ok(())
    } else {
        Err(Refusal::UnsupportedMediaType("The body must not be compressed"))
    }
}

/// Whether the only parameter, if there is one, is this charset.
fn is_utf_8(said: &str) -> bool {
    said.split(';').skip(1).map(str::trim).filter(|parameter| !parameter.is_empty()).all(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    })
}
