//! What the systems that Doorward stands in for call their settings, in one table: old name → setting, with what to
//! do to the value.

use super::redact;

/// Turns an old value into the setting's own form.
type Convert = fn(&str) -> Result<String, String>;

/// A variable of an old system.
pub(super) struct OldName {
    pub(super) name: &'static str,
    /// The settings it sets.
    pub(super) sets: &'static [(&'static str, Convert)],
}

const fn old(name: &'static str, sets: &'static [(&'static str, Convert)]) -> OldName {
    OldName { name, sets }
}

/// The table.
#[rustfmt::skip] // Rows are read as a table.
pub(super) const OLD_NAMES: &[OldName] = &[
    old("ENVIRONMENT", &[("environment", environment)]),
    old("AUTH_ENVIRONMENT", &[("environment", environment)]),
    old("LOG_LEVEL", &[("log.level", log_level)]),
    old("DATABASE_URL", &[("store.url", database_url)]),
    old("MONGODB_URI", &[("store.url", same)]),
    old("FRONTEND_URL", &[("server.frontend_url", same)]),
    old("AUTH_API_CORS_ORIGINS", &[("server.cors_origins", list)]),

    old("JWT_SECRET", &[("tokens.secret", same)]),
    old("JWT_SECRET_KEY", &[("tokens.secret", same)]),
    old("AUTH_JWT_SECRET_KEY", &[("tokens.secret", same)]),
    old("JWT_ALGORITHM", &[("tokens.algorithm", same)]),
    old("AUTH_JWT_ALGORITHM", &[("tokens.algorithm", same)]),
    old("JWT_EXPIRY_DAYS", &[("surfaces.signin.token_ttl", days)]),
    old("AUTH_JWT_ACCESS_TOKEN_EXPIRE_MINUTES", &[("surfaces.directory.token_ttl", minutes)]),
    old("AUTH_ALLOW_DEV_HEADERS", &[("surfaces.directory.dev_headers", same)]),

    old("AUTH_OIDC_ISSUER", &[("issuers.0.issuer", same)]),
    old("AUTH_OIDC_AUDIENCE", &[("issuers.0.audiences", list)]),
    old("AUTH_OIDC_JWKS_URL", &[("issuers.0.jwks_uri", same)]),

    old("COGNITO_REGION", &[("user_pool.region", same)]),
    old("AWS_REGION", &[("user_pool.region", same)]),
    old("COGNITO_USER_POOL_ID", &[("user_pool.pool_id", same)]),
    old("COGNITO_CLIENT_ID", &[("user_pool.client_id", same)]),
    old("COGNITO_CLIENT_SECRET", &[("user_pool.client_secret", same)]),
    old("COGNITO_DOMAIN", &[
        ("providers.0.authorization_endpoint", authorization_endpoint),
        ("providers.0.token_endpoint", token_endpoint),
        ("providers.0.end_session_endpoint", end_session_endpoint),
        ("providers.0.userinfo_endpoint", userinfo_endpoint),
    ]),
    old("REDIRECT_URI", &[("providers.0.redirect_uri", same)]),
    old("ALGORITHM", &[("providers.0.algorithm", same)]),

    old("COOKIE_NAME", &[("session.cookie_name", same)]),
    old("COOKIE_SECURE", &[("session.cookie_secure", same)]),
    old("COOKIE_HTTPONLY", &[("session.cookie_http_only", same)]),
    old("COOKIE_SAMESITE", &[("session.cookie_same_site", same)]),
    old("GENERATION_SERVICE_URL", &[("services.generation_url", same)]),
    old("RAG_SERVICE_URL", &[("services.rag_url", same)]),

    old("AWS_ACCESS_KEY_ID", &[("aws.access_key_id", same)]),
    old("AWS_SECRET_ACCESS_KEY", &[("aws.secret_access_key", same)]),
    old("AWS_SESSION_TOKEN", &[("aws.session_token", same)]),
    old("AWS_ENDPOINT_URL", &[("aws.endpoint_url", same)]),
    old("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", &[("user_pool.endpoint_url", same)]),
    old("AWS_ENDPOINT_URL_SECRETS_MANAGER", &[("secrets.endpoint_url", same)]),
    old("AWS_ENDPOINT_URL_SESV2", &[("mail.ses_endpoint_url", same)]),
];

/// The row of that name.
pub(super) fn find(name: &str) -> Option<&'static OldName> {
    OLD_NAMES.iter().find(|old| old.name == name)
}

type Converted = Result<String, String>;

#[expect(clippy::unnecessary_wraps, reason = "one signature for the table")]
fn same(text: &str) -> Converted {
    Ok(text.to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for the table")]
fn environment(text: &str) -> Converted {
    Ok(match text.to_ascii_lowercase().as_str() {
        "dev" | "local" => "development".to_owned(),
        "stage" => "staging".to_owned(),
        "prod" => "production".to_owned(),
        other => other.to_owned(),
    })
}

/// Python's levels are not all ours.
#[expect(clippy::unnecessary_wraps, reason = "one signature for the table")]
fn log_level(text: &str) -> Converted {
    Ok(match text.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" | "fatal" => "error".to_owned(),
        other => other.to_owned(),
    })
}

fn days(text: &str) -> Converted {
    number(text, "days").map(|days| format!("{days}d"))
}

fn minutes(text: &str) -> Converted {
    number(text, "minutes").map(|minutes| format!("{minutes}m"))
}

fn number(text: &str, unit: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number of {unit}"))
}

/// Comma separated, or the JSON array that some settings libraries read.
fn list(text: &str) -> Converted {
    if !text.starts_with('[') {
        return Ok(text.to_owned());
    }
    let elements: Vec<String> = serde_json::from_str(text).map_err(|_| format!("{text:?} is not a list"))?;
    Ok(elements.join(","))
}

/// The URLs of Python's libraries: `dialect+driver://…`; `sqlite:///` is relative, `sqlite:////` absolute; `ssl` is `sslmode`.
fn database_url(text: &str) -> Converted {
    let Some((scheme, rest)) = text.split_once("://") else { return same(text) };
    let dialect = scheme.split_once('+').map_or(scheme, |(dialect, _)| dialect);
    match dialect {
        "sqlite" => {
            let path = rest.strip_prefix('/').unwrap_or(rest);
            Ok(format!("sqlite:{}", if path.is_empty() { ":memory:" } else { path }))
        }
        "postgres" | "postgresql" => Ok(format!("{dialect}://{}", with_sslmode(rest))),
        // Told apart by the check of the setting; a reference to a secret stays one.
        _ => same(text),
    }
}

fn with_sslmode(rest: &str) -> String {
    let Some((address, query)) = rest.split_once('?') else { return rest.to_owned() };
    let parameter = |pair: &str| match pair.split_once('=') {
        Some(("ssl", "true" | "1")) => "sslmode=require".to_owned(),
        Some(("ssl", "false" | "0")) => "sslmode=disable".to_owned(),
        Some(("ssl", mode)) => format!("sslmode={mode}"),
        _ => pair.to_owned(),
    };
    format!("{address}?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&"))
}

fn authorization_endpoint(domain: &str) -> Converted {
    hosted(domain, "oauth2/authorize")
}

fn token_endpoint(domain: &str) -> Converted {
    hosted(domain, "oauth2/token")
}

fn end_session_endpoint(domain: &str) -> Converted {
    hosted(domain, "logout")
}

fn userinfo_endpoint(domain: &str) -> Converted {
    hosted(domain, "oauth2/userInfo")
}

/// A path at the pool's hosted domain, which is written with or without a scheme.
fn hosted(domain: &str, path: &str) -> Converted {
    let domain = domain.trim_end_matches('/');
    if domain.contains(char::is_whitespace) {
        return Err(format!("{:?} is not a domain", redact::address(domain)));
    }
    Ok(if domain.contains("://") { format!("{domain}/{path}") } else { format!("https://{domain}/{path}") })
}
