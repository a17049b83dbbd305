//! The accounts surface: accounts whose addresses are confirmed by codes, under `/api/v1/auth`, and what their owners
//! change of them, under `/api/v1/users/me`.

pub(crate) mod codes;
pub(crate) mod me;
pub(crate) mod register;
pub(crate) mod tokens;

use serde::Serialize;
use utoipa::ToSchema;

/// That it is done.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct Said {
    #[schema(value_type = String, example = "OTP sent")]
    message: &'static str,
}
