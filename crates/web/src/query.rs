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
        let mut names: Vec<String> = self.0.iter().map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        let double = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone());
        let parameter = |(name, value)| (Cow::Owned(name), Member::Text(Cow::Owned(value)));
        let mut members = Members::new(self.0.into_iter().map(parameter).collect());
        let shape = S::read(&mut members);
        if let Some(name) = double {
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
