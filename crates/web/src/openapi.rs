//! The `OpenAPI` document: what the routes say of themselves, completed by what is true of every route of a kind, so
//! that no status goes undocumented and no handler has to repeat the list.

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi, PathItem, Ref, RefOr,
    Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::{EnabledSurfaces, routes};

/// Problem details (RFC 9457). Old clients read `detail`.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes what doorward-protocol writes")]
struct ProblemSchema {
    #[schema(example = "about:blank")]
    r#type: String,
    #[schema(example = "Unauthorized")]
    title: String,
    #[schema(minimum = 400, maximum = 599, example = 401)]
    status: u16,
    #[schema(example = "Invalid credentials", required = false, nullable = false)]
    detail: Option<String>,
    /// A stable name for programs.
    #[schema(example = "bad_credentials")]
    code: String,
    /// The fields at fault.
    #[schema(inline, required = false, nullable = false)]
    errors: Option<Vec<FieldErrorSchema>>,
}

/// A field of the request that was not accepted.
#[derive(ToSchema)]
#[schema(as = FieldError)]
#[expect(dead_code, reason = "describes what doorward-protocol writes")]
struct FieldErrorSchema {
    field: String,
    message: String,
}

/// The whole document of a Doorward with every surface, as it is checked in.
pub fn document() -> String {
    let everything = EnabledSurfaces { hosted: true, accounts: true, signin: true, directory: true };
    let document = complete(routes::all(everything).into_openapi(), env!("CARGO_PKG_VERSION"));
    document.to_pretty_json().unwrap_or_default()
}

/// Adds what is true of every route of a kind.
pub(crate) fn complete(mut document: OpenApi, version: &str) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Doorward")
        .version(version)
        .description(Some("Accounts, tokens, teams and domains behind one door."))
        .license(Some(LicenseBuilder::new().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build()))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token of any surface, or of a trusted outside issuer."));
    let cookie = "A session's cookie, under the name the operator chose. Requests that change something with it must come \
                  from a page of Doorward's own or of an allowed origin.";
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("access_token", cookie)));
    let components = ComponentsBuilder::from(document.components.take().unwrap_or_default());
    let components = components
        .security_scheme("bearer", SecurityScheme::Http(bearer.build()))
        .security_scheme("cookie", cookie)
        .schema("Problem", ProblemSchema::schema());
    document.components = Some(components.build());
    let tag = |name, description| TagBuilder::new().name(name).description(Some(description)).build();
    document.tags = Some(vec![
        tag("hosted", "Sign-in through a provider's page, and sessions in cookies."),
        tag("accounts", "E-mail and password, with codes by e-mail that confirm addresses and allow new passwords."),
        tag("me", "People's own accounts and sessions, however they signed in."),
        tag("signin", "E-mail and password."),
        tag(
            "directory",
            "Identity for services: people, their teams and domains, and the judgement of tokens. In development, if it \
             is set so, `X-User-Email` and `X-User-Name` stand for a bearer token.",
        ),
        tag("administration", "For callers with the role `admin`."),
        tag("service", "The service itself."),
    ]);
    for (path, item) in &mut document.paths.paths {
        for (operation, changes) in operations(item) {
            complete_operation(path, changes, operation);
        }
    }
    document
}

/// The operations of a path, and whether they change something.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let changing = [&mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
    let get = item.get.iter_mut().map(|operation| (operation, false));
    get.chain(changing.into_iter().flatten().map(|operation| (operation, true)))
}

/// Every refusal that can happen to a route of this kind, and the form that all refusals have.
fn complete_operation(path: &str, changes: bool, operation: &mut Operation) {
    let is_hosted = path.starts_with("/api/v1/");
    let is_admin = path.starts_with("/admin/");
    let is_secured = operation.security.is_some();
    let has_body = operation.request_body.is_some();
    let may_be_anonymous =
        operation.security.iter().flatten().any(|requirement| *requirement == SecurityRequirement::default());
    if let Some(RefOr::T(body)) = operation.request_body.as_mut().filter(|_| may_be_anonymous) {
        // Whoever sends a token in the header need not send one in the body.
        body.required = Some(Required::False);
    }
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let has = |place: &ParameterIn| {
        parameters.iter().any(|parameter| matches!(parameter, RefOr::T(it) if it.parameter_in == *place))
    };
    let never_refuses = is_hosted && may_be_anonymous && !changes;
    let calls_a_service = (is_secured || has_body) && !never_refuses;
    let is_account = has_body && operation.tags.iter().flatten().any(|tag| tag == "accounts" || tag == "me");
    let judges_passwords = has_body && operation.responses.responses.contains_key("429");
    let needs_somebody = is_secured && !(is_hosted && may_be_anonymous);
    let bad_input_has_its_own_status = !is_hosted && !path.starts_with("/api/auth/");
    let rules = [
        (calls_a_service, "400", "The request cannot be read"),
        (needs_somebody, "401", "Nobody is signed in, or the token does not count"),
        (is_admin, "403", "The caller is no administrator"),
        (is_hosted && is_secured && changes, "403", "A cookie was sent by a page of another site (`cross_site`)"),
        (
            is_account || judges_passwords,
            "403",
            "A rule of the user pool refuses it, or wants more than a password; `code` says what",
        ),
        (has(&ParameterIn::Path), "404", "There is nothing of that id"),
        (has(&ParameterIn::Header), "412", "It is not of the version that `If-Match` names"),
        (has_body, "408", "The body did not arrive in time"),
        (has_body, "413", "The body is longer than 1 MiB"),
        (has(&ParameterIn::Path) || has(&ParameterIn::Query), "414", "Path and query are longer than 8 KiB"),
        (has_body, "415", "The body is of another media type, or compressed"),
        ((has_body || has(&ParameterIn::Query)) && bad_input_has_its_own_status, "422", "Something given is no good"),
        (is_account, "429", "Too many attempts; `Retry-After` says when the next one counts"),
        (has(&ParameterIn::Header), "431", "The headers are too long"),
        (calls_a_service, "503", "Not now; `Retry-After` says when"),
    ];
    let responses = &mut operation.responses.responses;
    for (happens, status, description) in rules {
        if happens && !responses.contains_key(status) {
            let response = ResponseBuilder::new().description(description).build();
            responses.insert(status.to_owned(), RefOr::T(response));
        }
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        complete_response(status, response);
    }
}

fn complete_response(status: &str, response: &mut Response) {
    if status < "400" {
        return;
    }
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    response.content.insert("application/problem+json".to_owned(), RefOr::T(content));
    let header = match status {
        "401" => ("WWW-Authenticate", "`Bearer`, with `error=\"invalid_token\"` when a token was sent"),
        "429" | "503" => ("Retry-After", "Seconds to wait"),
        _ => return,
    };
    let described = HeaderBuilder::new().description(Some(header.1)).build();
    response.headers.insert(header.0.to_owned(), RefOr::T(described));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_checked_in_document_is_the_one_the_code_makes() -> std::io::Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let made = document() + "\n";
        #[expect(clippy::disallowed_methods, reason = "asks whoever runs the test, not the configuration")]
        let renew = std::env::var_os("UPDATE_GENERATED").is_some();
        if renew {
            return std::fs::write(path, made);
        }
        assert!(std::fs::read_to_string(path)? == made, "run this test with UPDATE_GENERATED=1 and commit the file");
        Ok(())
    }
}
