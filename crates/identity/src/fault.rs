//! Two small errors that several services share.

use std::error::Error;

/// A field of a request that is no good, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The field's name in the request.
    pub field: &'static str,
    /// What is wrong with it, safe to show.
    pub message: String,
}

impl FieldFault {
    /// A fault of that field.
    pub fn new(field: &'static str, message: impl std::fmt::Display) -> Self {
        Self { field, message: message.to_string() }
    }
}

/// All messages in one sentence.
pub(crate) fn sentence(faults: &[FieldFault]) -> String {
    faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// Something that must not happen: a key that cannot sign, a thread that died. Not the caller's fault.
#[derive(Debug, thiserror::Error)]
#[error("something went wrong here")]
pub struct Internal(#[source] Box<dyn Error + Send + Sync>);

impl Internal {
    /// Wraps the cause for the log.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}
