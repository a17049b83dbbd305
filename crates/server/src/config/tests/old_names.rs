//! The old systems' variables, each of them, and their documented `.env` files.

use std::collections::BTreeSet;

use doorward_protocol::algorithm::Algorithm;
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::super::aliases::OLD_NAMES;
use super::super::{Environment, LogoutStyle, PoolKind, StoreKind};
use super::{from_env, loaded, refused, shown_line, sources};

const SECRET: &str = "k7Qw2ZtB9xVn4LmRf8sYc3HdJp6GaTe1";
const POOL: [(&str, &str); 3] =
    [("COGNITO_USER_POOL_ID", "us-east-1_Ab3"), ("COGNITO_CLIENT_ID", "client"), ("COGNITO_CLIENT_SECRET", "hush")];

/// Name, value, the setting, the value it gets.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("ENVIRONMENT", "dev", "environment", "\"development\""),
    ("ENVIRONMENT", "Staging", "environment", "\"staging\""),
    ("AUTH_ENVIRONMENT", "prod", "environment", "\"production\""),
    ("LOG_LEVEL", "INFO", "log.level", "\"info\""),
    ("LOG_LEVEL", "WARNING", "log.level", "\"warn\""),
    ("LOG_LEVEL", "CRITICAL", "log.level", "\"error\""),
    (
        "DATABASE_URL",
        "postgresql+asyncpg://u:p@h/d?ssl=require",
        "store.url",
        "\"postgresql://u:[redacted]@h/d?sslmode=require\"",
    ),
    ("DATABASE_URL", "postgresql+psycopg://h/d", "store.url", "\"postgresql://h/d\""),
    ("DATABASE_URL", "postgres+psycopg2://h/d", "store.url", "\"postgres://h/d\""),
    ("DATABASE_URL", "sqlite+aiosqlite:///./a.db", "store.url", "\"sqlite:./a.db\""),
    ("DATABASE_URL", "sqlite:////srv/a.db", "store.url", "\"sqlite:/srv/a.db\""),
    ("FRONTEND_URL", "http://localhost:5173/", "server.frontend_url", "\"http://localhost:5173\""),
    ("AUTH_API_CORS_ORIGINS", "http://a:1, http://b:2", "server.cors_origins", "[\"http://a:1\", \"http://b:2\"]"),
    ("AUTH_API_CORS_ORIGINS", "[\"http://a:1\"]", "server.cors_origins", "[\"http://a:1\"]"),
    ("JWT_SECRET", SECRET, "tokens.secret", "\"[redacted]\""),
    ("JWT_SECRET_KEY", SECRET, "tokens.secret", "\"[redacted]\""),
    ("AUTH_JWT_SECRET_KEY", SECRET, "tokens.secret", "\"[redacted]\""),
    ("JWT_ALGORITHM", "RS256", "tokens.algorithm", "\"RS256\""),
    ("AUTH_JWT_ALGORITHM", "ES256", "tokens.algorithm", "\"ES256\""),
    ("JWT_EXPIRY_DAYS", "3", "surfaces.signin.token_ttl", "\"3d\""),
    ("AUTH_JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "45", "surfaces.directory.token_ttl", "\"45m\""),
    ("AUTH_ALLOW_DEV_HEADERS", "True", "surfaces.directory.dev_headers", "true"),
    ("COGNITO_REGION", "us-east-1", "user_pool.region", "\"us-east-1\""),
    ("AWS_REGION", "us-east-1", "user_pool.region", "\"us-east-1\""),
    ("COGNITO_USER_POOL_ID", "us-east-1_Ab3", "user_pool.pool_id", "\"us-east-1_Ab3\""),
    ("COGNITO_CLIENT_ID", "client", "user_pool.client_id", "\"client\""),
    ("COGNITO_CLIENT_SECRET", "hush", "user_pool.client_secret", "\"[redacted]\""),
    ("AWS_ACCESS_KEY_ID", "AKIA", "aws.access_key_id", "\"[redacted]\""),
    ("AWS_SECRET_ACCESS_KEY", "hush", "aws.secret_access_key", "\"[redacted]\""),
    ("AWS_SESSION_TOKEN", "hush", "aws.session_token", "\"[redacted]\""),
    ("AWS_ENDPOINT_URL", "http://a:1/", "aws.endpoint_url", "\"http://a:1\""),
    ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://a:1", "user_pool.endpoint_url", "\"http://a:1\""),
    ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://a:1/", "secrets.endpoint_url", "\"http://a:1\""),
    ("AWS_ENDPOINT_URL_SESV2", "http://a:1", "mail.ses_endpoint_url", "\"http://a:1\""),
    ("COOKIE_NAME", "sid", "session.cookie_name", "\"sid\""),
    ("COOKIE_SECURE", "yes", "session.cookie_secure", "true"),
    ("COOKIE_HTTPONLY", "0", "session.cookie_http_only", "false"),
    ("COOKIE_SAMESITE", "Strict", "session.cookie_same_site", "\"strict\""),
    ("GENERATION_SERVICE_URL", "http://g:1/", "services.generation_url", "\"http://g:1\""),
    ("RAG_SERVICE_URL", "http://r:1", "services.rag_url", "\"http://r:1\""),
];

/// Told with others below, as alone they say nothing or are refused.
const ELSEWHERE: [&str; 7] = [
    "MONGODB_URI",
    "AUTH_OIDC_ISSUER",
    "AUTH_OIDC_AUDIENCE",
    "AUTH_OIDC_JWKS_URL",
    "COGNITO_DOMAIN",
    "REDIRECT_URI",
    "ALGORITHM",
];

#[test]
fn every_old_name_sets_its_setting() {
    for (name, given, key, value) in ROWS {
        let line = shown_line(&sources("", &[(name, given)], ""), key);
        assert_eq!(line, format!("{key} = {value} # {name}"), "{name}={given}");
    }
}

#[test]
fn every_old_name_is_tested() {
    let tested: BTreeSet<_> = ROWS.iter().map(|(name, ..)| *name).chain(ELSEWHERE).collect();
    assert_eq!(OLD_NAMES.iter().map(|old| old.name).collect::<BTreeSet<_>>(), tested);
}

#[test]
fn oidc_names_make_the_first_issuer() {
    let config = from_env(&[
        ("AUTH_OIDC_ISSUER", "https://i.example/"),
        ("AUTH_OIDC_AUDIENCE", "a, b"),
        ("AUTH_OIDC_JWKS_URL", "https://i.example/keys"),
    ]);
    let issuer = &config.issuers[0];
    assert_eq!(
        (issuer.issuer.as_str(), issuer.jwks_uri.as_deref()),
        ("https://i.example/", Some("https://i.example/keys"))
    );
    assert_eq!(issuer.audiences, ["a", "b"]);
    assert_eq!(
        refused(&sources("", &[("AUTH_OIDC_AUDIENCE", "a")], "")),
        ["issuers[0].issuer: is missing; every entry of issuers needs one"]
    );
}

#[test]
fn a_pool_in_the_environment_keeps_the_passwords() {
    let config = from_env(&POOL);
    assert_eq!(config.user_pool.kind, PoolKind::Cognito);
    assert!(config.providers.is_empty());
    let decided = loaded(&sources("[user_pool]\nkind = \"local\"\n", &POOL, ""));
    assert_eq!(decided.user_pool.kind, PoolKind::Local);
    assert_eq!(from_env(&POOL[..1]).user_pool.kind, PoolKind::Local);
}

#[test]
fn a_pools_hosted_page_is_the_first_provider() {
    let hosted =
        [("COGNITO_DOMAIN", "x.auth.example/"), ("REDIRECT_URI", "http://localhost:8000/cb"), ("ALGORITHM", "RS256")];
    let provider = from_env(&[&POOL[..], &hosted[..]].concat()).providers.remove(0);
    assert_eq!(provider.id, "cognito");
    assert_eq!(provider.issuer, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab3");
    assert_eq!((provider.client_id.as_str(), provider.redirect_uri.as_str()), ("client", "http://localhost:8000/cb"));
    assert_eq!(provider.client_secret.unwrap().expose_secret(), "hush");
    assert_eq!(provider.algorithm, Some(Algorithm::RS256));
    assert_eq!(provider.endpoints.authorization.as_deref(), Some("https://x.auth.example/oauth2/authorize"));
    assert_eq!(provider.endpoints.token.as_deref(), Some("https://x.auth.example/oauth2/token"));
    assert_eq!(provider.endpoints.end_session.as_deref(), Some("https://x.auth.example/logout"));
    assert_eq!(provider.endpoints.userinfo.as_deref(), Some("https://x.auth.example/oauth2/userInfo"));
    assert_eq!(
        (provider.logout, provider.groups_claim.as_deref()),
        (Some(LogoutStyle::Cognito), Some("cognito:groups"))
    );
    assert_eq!((provider.discovery_url, provider.endpoints.jwks), (None, None));
}

#[test]
fn a_stand_in_for_aws_serves_what_the_issuers_name_would_lead_to() {
    for endpoints in [
        &[("AWS_ENDPOINT_URL", "http://localhost:4566/")][..],
        &[("AWS_ENDPOINT_URL", "http://x"), ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://localhost:4566")],
    ] {
        let domain = [("COGNITO_DOMAIN", "http://localhost:4566")];
        let provider = from_env(&[&POOL[..], &domain, endpoints].concat()).providers.remove(0);
        assert_eq!(provider.issuer, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab3");
        let below = "http://localhost:4566/us-east-1_Ab3/.well-known";
        assert_eq!(provider.discovery_url, Some(format!("{below}/openid-configuration")));
        assert_eq!(provider.endpoints.jwks, Some(format!("{below}/jwks.json")));
        assert_eq!(provider.endpoints.token.as_deref(), Some("http://localhost:4566/oauth2/token"));
    }
}

#[test]
fn names_that_say_nothing_alone_are_let_be() {
    for name in [
        "ALGORITHM",
        "REDIRECT_URI",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
    ] {
        let value = if name == "ALGORITHM" { "RS256" } else { "http://x" };
        assert!(from_env(&[(name, value)]).providers.is_empty());
    }
    // Example files leave what is not used empty.
    assert!(from_env(&[("AUTH_OIDC_ISSUER", ""), ("JWT_SECRET", " ")]).issuers.is_empty());
}

#[test]
fn mongodb_is_served_by_its_old_name() {
    let config = from_env(&[("MONGODB_URI", "mongodb://u:p@h/d?retryWrites=false")]);
    assert_eq!(config.store.kind, StoreKind::Mongo);
    let mistakes = refused(&sources("", &[("MONGODB_URI", "mongodb:u:p@h")], ""));
    assert!(mistakes.len() == 1 && mistakes[0].contains("is not a MongoDB URL (from MONGODB_URI)"), "{mistakes:?}");
    assert!(!mistakes[0].contains("u:p"), "{mistakes:?}");
}

#[test]
fn two_names_that_disagree_stop_the_start() {
    let other = SECRET.replace('k', "K");
    for (one, two, told) in [
        (
            ("JWT_SECRET", SECRET),
            ("AUTH_JWT_SECRET_KEY", other.as_str()),
            "JWT_SECRET and AUTH_JWT_SECRET_KEY say different things",
        ),
        (
            ("ENVIRONMENT", "dev"),
            ("AUTH_ENVIRONMENT", "prod"),
            "ENVIRONMENT says \"development\" and AUTH_ENVIRONMENT says \"production\"",
        ),
        (("COGNITO_REGION", "a-1"), ("AWS_REGION", "b-1"), "COGNITO_REGION says \"a-1\" and AWS_REGION says \"b-1\""),
        (
            ("DATABASE_URL", "sqlite:a"),
            ("MONGODB_URI", "mongodb://h"),
            "DATABASE_URL and MONGODB_URI say different things",
        ),
        (
            ("LOG_LEVEL", "info"),
            ("DOORWARD__LOG__LEVEL", "warn"),
            "LOG_LEVEL says \"info\" and DOORWARD__LOG__LEVEL says \"warn\"",
        ),
    ] {
        let mistakes = refused(&sources("", &[one, two], ""));
        assert!(mistakes.len() == 1 && mistakes[0].contains(told), "{mistakes:?}");
    }
    let dotenv = format!("AUTH_JWT_SECRET_KEY={other}");
    let mistakes = refused(&sources("", &[("JWT_SECRET", SECRET)], &dotenv));
    assert!(mistakes[0].contains("JWT_SECRET and .env:1 AUTH_JWT_SECRET_KEY"), "{mistakes:?}");
}

#[test]
fn two_names_that_agree_are_fine() {
    let config = from_env(&[
        ("ENVIRONMENT", "dev"),
        ("AUTH_ENVIRONMENT", "development"),
        ("COOKIE_SECURE", "1"),
        ("DOORWARD__SESSION__COOKIE_SECURE", "True"),
    ]);
    assert_eq!(config.environment, Environment::Development);
}

#[test]
fn the_documented_files_of_the_old_systems_start_as_they_are() {
    let signin = "\
# Database Configuration
DATABASE_URL=postgresql://user:password@host:5432/database?sslmode=require

JWT_SECRET=your-secret-key-minimum-32-characters-long
JWT_ALGORITHM=HS256
JWT_EXPIRY_DAYS=7
FRONTEND_URL=http://localhost:3000
ENVIRONMENT=development
LOG_LEVEL=INFO
";
    let config = loaded(&sources("", &[], signin));
    assert_eq!((config.store.kind, config.tokens.algorithm), (StoreKind::Postgres, Algorithm::HS256));
    assert_eq!(config.surfaces.signin.token_ttl, SignedDuration::from_hours(7 * 24));

    let directory = "\
DATABASE_URL=postgresql://platform:platform@db:5432/platform
AUTH_JWT_SECRET_KEY=your-secret-key-change-in-production
AUTH_JWT_ALGORITHM=HS256
AUTH_JWT_ACCESS_TOKEN_EXPIRE_MINUTES=30
AUTH_API_CORS_ORIGINS=http://localhost:5173,http://localhost:3000,http://localhost:8000
AUTH_ALLOW_DEV_HEADERS=true
# AUTH_OIDC_ISSUER=https://cognito-idp.region.amazonaws.com/poolid
";
    let config = loaded(&sources("", &[], directory));
    assert!(config.surfaces.directory.dev_headers);
    assert_eq!(config.server.origins().len(), 3);

    let hosted = "\
COGNITO_USER_POOL_ID=us-east-1_XXXXXXXXX
COGNITO_CLIENT_ID=your_client_id
COGNITO_CLIENT_SECRET=your_client_secret
COGNITO_DOMAIN=your-domain.auth.us-east-1.amazoncognito.com
";
    assert_eq!(loaded(&sources("", &[], hosted)).providers.len(), 1);

    let accounts = "\
# AWS Cognito Configuration
COGNITO_USER_POOL_ID=ca-central-1_FP2WE41eW
COGNITO_CLIENT_ID=504mgtvq1h97vlml90c3iibnt0
AWS_REGION=ca-central-1

# AWS Credentials (if not using IAM roles)
AWS_ACCESS_KEY_ID=your_access_key
AWS_SECRET_ACCESS_KEY=your_secret_key
";
    let config = loaded(&sources("", &[], accounts));
    assert_eq!((config.user_pool.kind, config.user_pool.region()), (PoolKind::Cognito, Some("ca-central-1")));
    assert_eq!(config.aws.access_key_id.unwrap().expose_secret(), "your_access_key");
}
