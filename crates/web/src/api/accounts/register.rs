//! Signing up with a name, a password and an address, to which a code goes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::Surface;
use doorward_identity::user::{PersonDetails, SignUp};
use http::StatusCode;
use secrecy::SecretString;
use utoipa::ToSchema;

use super::Said;
use crate::Api;
use crate::actor::CameFrom;
use crate::contract::Contract::Accounts;
use crate::json::{self, JsonBody};
use crate::members::{Members, Shape};
use crate::problem::{Problem, Spoken};

/// Who wants an account.
#[derive(ToSchema)]
#[schema(as = AccountRegistration)]
pub(crate) struct Registration {
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    email: String,
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, example = "a long passphrase")]
    password: SecretString,
    #[schema(min_length = 1, max_length = 128, example = "Ada")]
    first_name: String,
    #[schema(min_length = 1, max_length = 128, example = "Lovelace")]
    last_name: String,
    /// With the country's code.
    #[schema(example = "+14155550123")]
    phone: Option<String>,
    /// Whether the terms of use are accepted: nothing else than `true` will do.
    #[expect(dead_code, reason = "only a body in which it is true is read")]
    #[schema(value_type = bool, example = true)]
    accept_terms: (),
}

impl Shape for Registration {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            email: members.text("email"),
            password: members.secret("password"),
            first_name: members.text("first_name"),
            last_name: members.text("last_name"),
            // A form whose field stayed empty.
            phone: members.optional_text("phone").filter(|phone| !phone.trim().is_empty()),
            accept_terms: members.consent("accept_terms"),
        }
    }
}

/// Signs up, and mails a code that confirms the address.
#[utoipa::path(
    post, path = "/api/v1/auth/register", operation_id = "accounts_register", tag = "accounts",
    request_body = Registration,
    responses((status = 201, description = "A code is on its way", body = Said),
        (status = 400, description = "The address is taken, or something given is no good"))
)]
pub(crate) async fn register(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let wish: Registration = body.read(Accounts)?;
    let person =
        PersonDetails { first_name: &wish.first_name, last_name: &wish.last_name, phone: wish.phone.as_deref() };
    let (email, password) = (&wish.email, &wish.password);
    let sign_up = SignUp { surface: Surface::Accounts, email, password, name: None, person: Some(person), origin };
    api.identity.sign_up(sign_up).await.map_err(|error| error.under(Accounts))?;
    Ok(json::answer(StatusCode::CREATED, &Said { message: "OTP sent" }))
}
