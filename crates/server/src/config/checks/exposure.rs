//! What would let strangers in, or lose what was promised.

use doorward_identity::credential::HashScheme;
use ipnet::IpNet;
use secrecy::ExposeSecret;

use super::super::near;
use super::super::sections::{Config, SameSite, StoreKind};
use super::{Objection, object, unless};

const LEAST_BCRYPT_COST: u32 = 10;

pub(super) fn dev_headers(config: &Config) -> Vec<Objection> {
    unless(!config.surfaces.directory.dev_headers, || {
        object(
            "surfaces.directory.dev_headers",
            "lets anybody be anybody by a header",
            "turn it off, or set environment = \"development\"",
        )
    })
}

pub(super) fn public_url(config: &Config) -> Vec<Objection> {
    let url = &config.server.public_url;
    unless(url.starts_with("https:") || near::is_loopback(url), || {
        object("server.public_url", format!("{url:?} sends passwords and tokens in the clear"), "write it as https://…")
    })
}

pub(super) fn cookie_over_tls(config: &Config) -> Vec<Objection> {
    // Outside development the next row says so whatever the URL.
    let judged = config.server.public_url.starts_with("https:") && !config.environment.protects();
    unless(!judged || config.session.cookie_secure, || {
        insecure("server.public_url is https, so the cookie can be secure")
    })
}

pub(super) fn cookie_secure(config: &Config) -> Vec<Objection> {
    unless(config.session.cookie_secure, || insecure("a browser would send the session in the clear"))
}

fn insecure(why: &str) -> Objection {
    object("session.cookie_secure", format!("is false: {why}"), "set it to true, or leave it out")
}

pub(super) fn cookie_http_only(config: &Config) -> Vec<Objection> {
    unless(config.session.cookie_http_only, || {
        object(
            "session.cookie_http_only",
            "is false: any script of the page could take the session",
            "set it to true, or leave it out",
        )
    })
}

pub(super) fn cookie_needs_secure(config: &Config) -> Vec<Objection> {
    let session = &config.session;
    if session.cookie_secure {
        return Vec::new();
    }
    let hint = "set session.cookie_secure = true";
    let name = session.cookie_name.to_ascii_lowercase();
    let mut objections = Vec::new();
    if session.cookie_same_site == SameSite::None {
        objections.push(object(
            "session.cookie_same_site",
            "\"none\" is ignored by browsers on an insecure cookie",
            hint,
        ));
    }
    if name.starts_with("__host-") || name.starts_with("__secure-") {
        objections.push(object("session.cookie_name", "has a prefix that browsers take on secure cookies only", hint));
    }
    objections
}

pub(super) fn trusted_proxies(config: &Config) -> Vec<Objection> {
    // Aggregated, so that two halves of everything are everything.
    let everybody = IpNet::aggregate(&config.server.trusted_proxies).iter().any(|network| network.prefix_len() == 0);
    unless(!everybody, || {
        object(
            "server.trusted_proxies",
            "trusts everybody: any client could choose its own address",
            "name your proxies' networks",
        )
    })
}

pub(super) fn admin_listen(config: &Config) -> Vec<Objection> {
    let server = &config.server;
    let same = server.admin_listen.filter(|admin| admin.port() != 0 && server.listen.contains(admin));
    same.map(|admin| {
        object(
            "server.admin_listen",
            format!("{admin} is where clients connect"),
            "choose another port, or \"\" to turn it off",
        )
    })
    .into_iter()
    .collect()
}

pub(super) fn bcrypt_cost(config: &Config) -> Vec<Objection> {
    match config.password.scheme {
        HashScheme::Bcrypt { cost } if cost < LEAST_BCRYPT_COST => {
            vec![object(
                "password.bcrypt_cost",
                format!("{cost} is guessed too fast"),
                "take 10 to 16; 12 is the default",
            )]
        }
        HashScheme::Bcrypt { .. } | HashScheme::Argon2id { .. } => Vec::new(),
    }
}

pub(super) fn forgetful_store(config: &Config) -> Vec<Objection> {
    let forgetful = |pair: &String| match pair.split_once('=') {
        Some(("synchronous", mode)) => !matches!(mode, "full" | "extra" | "2" | "3"),
        Some(("journal_mode", mode)) => matches!(mode, "off" | "memory"),
        Some(("vfs", _)) => true,
        _ => false,
    };
    let hint = "take the option away, or use PostgreSQL";
    let option = sqlite_options(config).into_iter().find(forgetful);
    option
        .map(|option| object("store.url", format!("{option} may lose what was acknowledged"), hint))
        .into_iter()
        .collect()
}

/// What the embedded store's address asks for after its question mark, in lower case.
fn sqlite_options(config: &Config) -> Vec<String> {
    match (&config.store.kind, config.store.url.expose_secret().split_once('?')) {
        (StoreKind::Sqlite { .. }, Some((_, query))) => query.split('&').map(str::to_ascii_lowercase).collect(),
        _ => Vec::new(),
    }
}

/// A database in memory is another one for each connection, and gone at the end.
pub(super) fn store_in_memory(config: &Config) -> Vec<Objection> {
    let StoreKind::Sqlite { path } = &config.store.kind else { return Vec::new() };
    if path.as_os_str() != ":memory:" && !sqlite_options(config).iter().any(|option| option == "mode=memory") {
        return Vec::new();
    }
    let hint = "name a file: sqlite:doorward-data/doorward.db";
    vec![object("store.url", "asks for a database in memory, and Doorward keeps what it acknowledged".to_owned(), hint)]
}

pub(super) fn fleeting_store(config: &Config) -> Vec<Objection> {
    let fleeting = config.lambda.host.is_some() && matches!(config.store.kind, StoreKind::Sqlite { .. });
    unless(!fleeting, || {
        object(
            "store.url",
            "names a file, and AWS Lambda keeps none: every instance would have its own accounts and lose them",
            "name a PostgreSQL server, MongoDB or Amazon DocumentDB",
        )
    })
}

pub(super) fn plain_store(config: &Config) -> Vec<Objection> {
    let hint = match config.store.kind {
        StoreKind::Mongo => "write tls=true into it, or name who vouches for the server in store.tls_ca_file",
        StoreKind::Postgres | StoreKind::Sqlite { .. } => {
            "write sslmode=verify-full into it, and name who vouches for the server in store.tls_ca_file"
        }
    };
    // Not what it says: it holds a password.
    unless(!config.store.lies_open(), || {
        object("store.url", "leaves the private network, and does not insist on TLS", hint)
    })
}

pub(super) fn plain_http(config: &Config) -> Vec<Objection> {
    let mut urls: Vec<(String, &str)> = Vec::new();
    for issuer in config.issuers.iter().filter(|issuer| !issuer.is_user_pool()) {
        urls.push((format!("{}.issuer", issuer.entry), &issuer.issuer));
        urls.extend(issuer.jwks_uri.as_deref().map(|uri| (format!("{}.jwks_uri", issuer.entry), uri)));
    }
    for provider in &config.providers {
        let endpoints = &provider.endpoints;
        urls.push((format!("{}.issuer", provider.entry), &provider.issuer));
        for (name, uri) in [
            ("authorization_endpoint", &endpoints.authorization),
            ("token_endpoint", &endpoints.token),
            ("jwks_uri", &endpoints.jwks),
            ("end_session_endpoint", &endpoints.end_session),
            ("userinfo_endpoint", &endpoints.userinfo),
            ("discovery_url", &provider.discovery_url),
        ] {
            urls.extend(uri.as_deref().map(|uri| (format!("{}.{name}", provider.entry), uri)));
        }
    }
    let everywhere = config.aws.endpoint_url.as_deref();
    urls.extend(everywhere.map(|url| ("aws.endpoint_url".to_owned(), url)));
    for (key, url) in [
        ("user_pool.endpoint_url", config.user_pool.endpoint_url.as_deref()),
        ("mail.ses_endpoint_url", config.mail.ses_endpoint_url.as_deref()),
    ] {
        urls.extend(url.filter(|_| url != everywhere).map(|url| (key.to_owned(), url)));
    }
    for route in &config.routes {
        urls.extend(route.upstream.iter().map(|upstream| (format!("{}.upstream", route.entry), upstream.as_str())));
    }
    let far = urls.into_iter().filter(|(_, url)| !near::is_private_or_tls(url));
    far.map(|(key, url)| {
        object(key, format!("{url:?} leaves the private network in the clear"), "write it as https://…")
    })
    .collect()
}
