//! Parameters by name, each at most once: a request's query (`?limit=20`), or a body that is sent as a form.

use std::borrow::Cow;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;

use crate::body;
use crate::contract::Contract;
use crate::members::{Member, Members, Shape};
use crate::problem::Problem;

/// Each is compared with all others, so there must not be many.
const MAX_PARAMETERS: usize = 100;

/// The parameters of a request, not yet read.
pub(crate) struct Query(Vec<(String, String)>);

/// The fields of a form that is a request's body, not yet read.
pub(crate) struct Form(pub(crate) Query);

impl Query {
    /// Reads the parameters as a contract wants them.
    pub(crate) fn read<S: Shape>(self, contract: Contract) -> Result<S, Problem> {
        let mut once: Vec<(Cow<'_, str>, Member<'_>)> = Vec::with_capacity(self.0.len());
        let mut doubles = Vec::new();
        for (name, value) in self.0 {
            if once.iter().any(|(other, _)| *other == name) {
                doubles.push(name);
            } else {
                once.push((Cow::Owned(name), Member::Text(Cow::Owned(value))));
            }
        }
        let mut members = Members::new(once);
        let shape = S::read(&mut members);
        for name in doubles {
            members.note(&name, "must be given once");
        }
        members.finish(contract)?;
        Ok(shape)
    }

    fn parse(encoded: &[u8]) -> Result<Self, Problem> {
        let parameters: Vec<_> = form_urlencoded::parse(encoded).into_owned().take(MAX_PARAMETERS + 1).collect();
        if parameters.len() > MAX_PARAMETERS {
            return Err(Problem::malformed(format!("There are more than {MAX_PARAMETERS} parameters")));
        }
        Ok(Self(parameters))
    }
}

impl<State: Sync> FromRequestParts<State> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default().as_bytes())
    }
}

impl<State: Sync> FromRequest<State> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &State) -> Result<Self, Problem> {
        const TYPE: &str = "application/x-www-form-urlencoded";
        let (head, body) = request.into_parts();
        let is_form = |given: &str| given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(TYPE));
        body::must_be(&head.headers, is_form, "The body must be sent as application/x-www-form-urlencoded")?;
        Query::parse(&body::collect(&head.headers, body).await?).map(Self)
    }
}
