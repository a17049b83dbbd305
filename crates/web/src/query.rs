//! A request's query (`?limit=20`): parameters by name, each at most once.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::contract::Contract;
use crate::members::{Member, Members, Shape};
use crate::problem::Problem;

/// A request's query, not yet read.
pub(crate) struct Query(Vec<(String, String)>);

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
}

impl<State: Sync> FromRequestParts<State> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(pairs)) => Ok(Self(pairs)),
            Err(_) => Err(Problem::malformed("The query cannot be read")),
        }
    }
}
