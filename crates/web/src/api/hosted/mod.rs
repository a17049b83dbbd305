//! The hosted surface: people sign in through a provider's page, and a cookie holds their session, under
//! `/api/v1/auth` and `/api/v1/users`.

pub(crate) mod me;
pub(crate) mod sign_in;
pub(crate) mod sign_out;

use axum::response::Response;
use doorward_identity::provider::Departed;
use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::Api;
use crate::problem::Problem;

/// Gives a browser that leaves for a provider what it must bring back.
fn hand_over(departed: &Departed, api: &Api, request: &HeaderMap, response: &mut Response) -> Result<(), Problem> {
    let cookies = &api.settings.session_cookie;
    let flow = cookies.set_flow(&departed.flow_id, &departed.flow, departed.max_age)?;
    let surplus = cookies.clear_surplus_flows(request)?;
    response.headers_mut().extend(surplus.into_iter().chain([flow]).map(|cookie| (SET_COOKIE, cookie)));
    Ok(())
}
