//! Problem details (RFC 9457): the one form of an error towards a client. Knows no HTTP library and no domain error.

use serde::Serialize;

/// The media type of a [`Problem`].
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong, for people (`title`, `detail`) and for programs (`status`, `code`, `errors`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A URI that names the kind of problem; `about:blank` when the status says it all.
    pub r#type: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A stable name of the kind of problem.
    pub code: &'static str,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A field of the input that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Problem {
    /// A problem that its status, title and code describe fully.
    pub fn new(status: u16, title: impl Into<String>, code: &'static str) -> Self {
        Self { r#type: "about:blank".to_owned(), title: title.into(), status, detail: None, code, errors: Vec::new() }
    }

    /// Adds what happened this time.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds the fields at fault.
    #[must_use]
    pub fn with_errors(self, errors: Vec<FieldError>) -> Self {
        Self { errors, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_members_are_left_out() -> Result<(), serde_json::Error> {
        let plain = Problem::new(404, "Not Found", "not_found");
        assert_eq!(
            serde_json::to_string(&plain)?,
            r#"{"type":"about:blank","title":"Not Found","status":404,"code":"not_found"}"#
        );
        let errors = vec![FieldError { field: "email".to_owned(), message: "no @".to_owned() }];
        let full = Problem::new(400, "Bad Request", "bad_input").with_detail("1 field").with_errors(errors);
        assert_eq!(
            serde_json::to_string(&full)?,
            concat!(
                r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"1 field","code":"bad_input","#,
                r#""errors":[{"field":"email","message":"no @"}]}"#
            )
        );
        Ok(())
    }
}
