//! Every setting there is: its key path, kind, default and meaning. What is not in these tables is unknown.
//!
//! The check of a configuration, its JSON schema, the reference and `config show` all read them; a segment
//! `[]` stands for each entry of a list (`routes[].path` is `routes.0.path`, `routes.1.path`, …).

use std::time::Duration;

use super::kind::Kind;
use super::sections::{ClientAuth, Environment, LogFormat, LogLevel, LogoutStyle, PasswordScheme, PoolKind, SameSite};
use Fallback::{Derived, Fixed, Off, Required};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    /// Whether it takes several values.
    pub(super) many: bool,
    pub(super) default: Fallback,
    pub(super) secrecy: Secrecy,
    /// What it decides, for the reference.
    pub(super) doc: &'static str,
}

/// What holds where nobody says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// This value; of a list its elements, comma separated.
    Fixed(&'static str),
    /// What follows from other settings or the machine, in words.
    Derived(&'static str),
    /// Nothing.
    Off,
    /// An entry without it is no entry.
    Required,
}

/// How much of a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// All.
    Open,
    /// All but the password in an address.
    Address,
    /// Nothing.
    Secret,
}

impl Setting {
    /// Whether its value may be a reference to where the secret is kept.
    pub(super) const fn may_refer(&self) -> bool {
        !matches!(self.secrecy, Secrecy::Open)
    }

    const fn secret(mut self) -> Self {
        self.secrecy = Secrecy::Secret;
        self
    }

    const fn address(mut self) -> Self {
        self.secrecy = Secrecy::Address;
        self
    }
}

const fn one(key: &'static str, kind: Kind, default: Fallback, doc: &'static str) -> Setting {
    Setting { key, kind, many: false, default, secrecy: Secrecy::Open, doc }
}

const fn many(key: &'static str, kind: Kind, default: Fallback, doc: &'static str) -> Setting {
    Setting { key, kind, many: true, default, secrecy: Secrecy::Open, doc }
}

const fn time(min: Duration, max: Duration) -> Kind {
    Kind::Time { min, max }
}

const fn count(min: u64, max: u64) -> Kind {
    Kind::Count { min, max }
}

const fn size(min: u64, max: u64) -> Kind {
    Kind::Size { min, max }
}

const NEVER: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
/// Less than what the outbox grants, so that what carries the mail tells why it did not.
const HAND_OVER: Duration = Duration::from_secs(45);
/// Less than the nodes wait for a line of the change log that is late (`OVERLAP` in `identity::session::live`).
const STORE_CALL: Duration = Duration::from_secs(8);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 365);
const TOKEN_LIFE: Kind = time(SECOND, YEAR);
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const CLASSES: Kind = Kind::Choice(&["upper", "lower", "digit", "special"]);
const PASSWORD_MIN: Kind = count(8, 128);
const METHODS: Kind = Kind::Choice(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const OUTSIDE_ALGORITHMS: Kind =
    Kind::Choice(&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]);

/// Every table.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    [PROCESS, ACCOUNTS, OUTSIDE].into_iter().flatten()
}

/// The setting that a key path (`routes.0.path`) names.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    let pattern = pattern(key);
    all().find(|setting| setting.key == pattern)
}

/// `routes.0.path` as the tables spell it: `routes[].path`.
pub(super) fn pattern(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for segment in key.split('.') {
        if segment.parse::<usize>().is_ok() {
            out.push_str("[]");
        } else {
            out.extend([if out.is_empty() { "" } else { "." }, segment]);
        }
    }
    out
}

/// The process and its surroundings.
#[rustfmt::skip] // Rows are read as a table.
const PROCESS: &[Setting] = &[
    one("environment", Kind::Choice(Environment::NAMES), Fixed("development"), "`staging` and `production` refuse what is unsafe."),

    many("server.listen", Kind::Address, Fixed("127.0.0.1:8000"), "Where clients connect."),
    one("server.admin_listen", Kind::OptionalAddress, Fixed("127.0.0.1:9000"), "Metrics and probes; never public. Empty turns it off."),
    one("server.public_url", Kind::BaseUrl, Fixed("http://localhost:8000"), "How clients reach Doorward: the issuer of tokens and the base of every link. Never taken from a request."),
    one("server.frontend_url", Kind::BaseUrl, Fixed("http://localhost:3000"), "The web application: its origin may call with credentials."),
    many("server.cors_origins", Kind::Origin, Fixed(""), "Further origins that may call from a browser."),
    many("server.trusted_proxies", Kind::Network, Fixed(""), "Proxies whose `X-Forwarded-For` counts, and who may ask `/forward-auth`."),
    one("server.tls.certificate", Kind::Text, Off, "File of the certificate chain, PEM: Doorward speaks TLS itself. Read again when it changes, and on `SIGHUP`."),
    one("server.tls.key", Kind::Text, Off, "File of its private key, PEM."),
    one("server.reuse_port", Kind::Flag, Fixed("false"), "Whether another process may listen on the same addresses, so that a new one starts before the old one ends. A connection that comes in the moment the old one closes may be reset unread; a socket that systemd hands over never is."),
    one("server.limits.head_bytes", size(KIB, 256 * KIB), Fixed("16KiB"), "Largest request head."),
    one("server.limits.head_fields", count(8, 1_000), Fixed("64"), "Most header fields of a request."),
    one("server.limits.header_timeout", time(SECOND, HOUR), Fixed("10s"), "Longest wait for a request head."),
    one("server.limits.body_idle_timeout", time(SECOND, HOUR), Fixed("10s"), "Longest silence within a request body."),
    one("server.limits.idle_timeout", time(SECOND, HOUR), Fixed("75s"), "Longest silence between requests of a connection."),
    one("server.limits.connections", count(1, 1_000_000), Fixed("10000"), "Most connections at a time."),
    one("server.limits.shutdown_timeout", time(NEVER, HOUR), Fixed("30s"), "How long requests under way may take when the process is told to stop."),

    one("secrets.refresh", time(SECOND, DAY), Fixed("5m"), "How often [secrets](secrets.md) that are kept elsewhere are read again. A database's password is read again whenever the database refuses it."),
    one("secrets.endpoint_url", Kind::BaseUrl, Derived("`aws.endpoint_url`"), "Where the API of AWS Secrets Manager is, if not at AWS."),

    one("lambda.base_path", Kind::Path, Off, "On [AWS Lambda](lambda.md): what a domain of your own puts before every path, as its mapping says."),
    one("lambda.streaming", Kind::Flag, Fixed("false"), "On AWS Lambda: whether the trigger streams, as a function URL in the mode `RESPONSE_STREAM` and a REST API with the transfer mode `STREAM` do."),

    one("log.level", Kind::Choice(LogLevel::NAMES), Fixed("info"), "The least that is logged."),
    one("log.format", Kind::Choice(LogFormat::NAMES), Derived("`text` in development, else and on AWS Lambda `json`"), "One JSON object a line, or text for people."),

    one("store.url", Kind::StoreUrl, Fixed("sqlite:doorward-data/doorward.db"), "Where accounts are kept; in PostgreSQL in the schema `doorward`, beside what else the database holds. TLS to PostgreSQL by `sslmode`. What the address leaves out its driver takes from `PGHOST`, `PGSSLMODE` and the like.").address(),
    one("store.username", Kind::Text, Derived("the one of `store.url`"), "Who signs in to the database. May be a [reference](secrets.md), beside a password that is one.").secret(),
    one("store.password", Kind::Text, Derived("the one of `store.url`"), "Its password. [Rotated](secrets.md#rotating-the-databases-password) without a restart.").secret(),
    one("store.tls_ca_file", Kind::Text, Off, "File of certificates, PEM: who may vouch for the database's server. Its name is verified then."),
    one("store.tls_ca", Kind::Pem, Off, "The same certificates themselves, instead of a file.").secret(),
    one("store.max_connections", count(1, 1_000), Derived("`10`; on AWS Lambda `1`"), "Most connections to the store."),
    one("store.timeout", time(SECOND, STORE_CALL), Fixed("3s"), "Longest wait for the store. No longer than nodes wait for each other's changes: what takes longer they could miss."),
];

/// Accounts, tokens and the surfaces.
#[rustfmt::skip] // Rows are read as a table.
const ACCOUNTS: &[Setting] = &[
    one("tokens.algorithm", Kind::Choice(&["HS256", "RS256", "ES256", "EdDSA"]), Derived("`HS256` with `tokens.secret`, else `EdDSA`"), "What signs tokens."),
    one("tokens.secret", Kind::Text, Off, "The shared secret of HS256, 32 characters or more.").secret(),
    one("tokens.refresh_ttl", TOKEN_LIFE, Fixed("30d"), "How long a refresh token may be used."),
    one("tokens.refresh_grace", time(NEVER, MINUTE), Fixed("10s"), "How long a replaced refresh token may be repeated."),
    one("tokens.encryption_key", Kind::Text, Off, "Seals the signing keys in the store, 32 characters or more.").secret(),
    one("tokens.key_lead", time(NEVER, DAY), Fixed("10m"), "How long a new key is public before it signs."),

    one("surfaces.hosted.enabled", Kind::Flag, Fixed("true"), "Sign-in through a provider's page, cookie sessions."),
    one("surfaces.hosted.token_ttl", TOKEN_LIFE, Fixed("1h"), "Life of its access tokens."),
    one("surfaces.hosted.password_rule.min", PASSWORD_MIN, Fixed("8"), "Least characters of a password."),
    many("surfaces.hosted.password_rule.classes", CLASSES, Fixed(""), "Kinds of character a password must have."),
    one("surfaces.accounts.enabled", Kind::Flag, Fixed("true"), "Accounts with codes by mail: `/api/v1/auth/register`, `verify-otp`, `login` and so on."),
    one("surfaces.accounts.token_ttl", TOKEN_LIFE, Fixed("1h"), "Life of its access tokens."),
    one("surfaces.accounts.password_rule.min", PASSWORD_MIN, Fixed("8"), "Least characters of a password."),
    many("surfaces.accounts.password_rule.classes", CLASSES, Fixed(""), "Kinds of character a password must have."),
    one("surfaces.accounts.tell_taken", Kind::Flag, Fixed("true"), "Whether signing up tells that an address has an account. If not, the answer is the same and the owner gets a mail."),
    one("surfaces.signin.enabled", Kind::Flag, Fixed("true"), "E-mail and password under `/api/auth`."),
    one("surfaces.signin.token_ttl", TOKEN_LIFE, Fixed("7d"), "Life of its access tokens."),
    one("surfaces.signin.password_rule.min", PASSWORD_MIN, Fixed("8"), "Least characters of a password."),
    many("surfaces.signin.password_rule.classes", CLASSES, Fixed("upper, lower, digit, special"), "Kinds of character a password must have."),
    one("surfaces.directory.enabled", Kind::Flag, Fixed("true"), "Identity for microservices: `/auth`, `/teams`, `/domains`."),
    one("surfaces.directory.token_ttl", TOKEN_LIFE, Fixed("30m"), "Life of its access tokens."),
    one("surfaces.directory.password_rule.min", PASSWORD_MIN, Fixed("8"), "Least characters of a password."),
    many("surfaces.directory.password_rule.classes", CLASSES, Fixed(""), "Kinds of character a password must have."),
    one("surfaces.directory.dev_headers", Kind::Flag, Fixed("false"), "Whether `X-User-Email` alone identifies a caller. Development only."),
    one("surfaces.directory.default_team", Kind::Text, Fixed("General"), "The team a new user joins. Empty for none."),
    one("surfaces.directory.default_domain", Kind::Text, Fixed("engineering"), "The key of the domain a new user is assigned to. Empty for none."),

    one("seed.teams[].name", Kind::Text, Required, "A team that the first start makes. Without any entry: General, Engineering, Product, Design."),
    one("seed.teams[].external_ref", Kind::Text, Off, "What another system calls it."),
    one("seed.domains[].key", Kind::Text, Required, "A domain that the first start makes. Without any entry: engineering, product, design, marketing, sales."),
    one("seed.domains[].name", Kind::Text, Required, "Its name."),
    one("seed.domains[].parent", Kind::Text, Off, "The key of the domain above it, named earlier in the list."),

    many("roles.known", Kind::Role, Fixed(""), "[Roles](accounts.md#roles) that may be granted, beside `user` and `admin`: by administrators, groups and `roles.new_accounts`. Without any entry: every name. What an account holds already stays."),
    many("roles.new_accounts", Kind::Role, Fixed(""), "Roles of whoever signs up, or is seen for the first time with a token or through a provider."),

    one("password.scheme", Kind::Choice(PasswordScheme::NAMES), Fixed("bcrypt"), "What hashes new passwords; both verify always."),
    one("password.bcrypt_cost", count(4, 16), Fixed("12"), "Logarithm of bcrypt's rounds; 10 or more outside development."),
    one("password.argon2_memory", size(8 * MIB, GIB), Fixed("19MiB"), "Memory of one argon2id hash."),
    one("password.argon2_iterations", count(1, 32), Fixed("2"), "Passes of argon2id over it."),
    one("password.threads", count(1, 1_024), Derived("one a core; on AWS Lambda `1`"), "Threads that hash."),
    one("password.queue", count(1, 100_000), Derived("8 a thread"), "Hashes that may wait; beyond it the answer is 503."),

    one("throttle.failures_per_address", Kind::Rate, Fixed("60/1h"), "What one address (IPv6: one /64) may fail at before it has to wait: passwords, codes, tokens of a pool or provider, sign-ups with a taken e-mail address. Every request for a code counts, too; so does every sign-up where `surfaces.accounts.tell_taken` is off."),

    one("session.cookie_name", Kind::CookieName, Derived("`__Host-access_token` where the cookie is secure, else `access_token`"), "Name of the session cookie."),
    one("session.cookie_secure", Kind::Flag, Derived("`true` outside development or with an https `server.public_url`"), "Whether the cookie travels over TLS only."),
    one("session.cookie_http_only", Kind::Flag, Fixed("true"), "Whether scripts are kept from the cookie."),
    one("session.cookie_same_site", Kind::Choice(SameSite::NAMES), Fixed("lax"), "When the cookie travels from other sites."),
    one("session.idle_ttl", TOKEN_LIFE, Fixed("1h"), "A cookie session unused for so long is over."),
    one("session.absolute_ttl", TOKEN_LIFE, Fixed("30d"), "A session is over after so long in any case."),
];

/// Other parties: pools, mail, providers, issuers, and the services behind the gateway.
#[rustfmt::skip] // Rows are read as a table.
const OUTSIDE: &[Setting] = &[
    one("user_pool.kind", Kind::Choice(PoolKind::NAMES), Derived("`cognito` with `COGNITO_USER_POOL_ID` and `COGNITO_CLIENT_ID` in the environment, else `local`"), "Who keeps the passwords. A Cognito pool needs a build with the feature `aws`; its own tokens then count as bearer tokens."),
    one("user_pool.migrate_from", Kind::Choice(&["cognito"]), Off, "With `local`: the first right password at the old pool moves the person over."),
    one("user_pool.pool_id", Kind::PoolId, Off, "Id of the Cognito user pool."),
    one("user_pool.client_id", Kind::Text, Off, "Id of the client at the pool."),
    one("user_pool.client_secret", Kind::Text, Off, "Secret of the client at the pool.").secret(),
    one("user_pool.region", Kind::Text, Derived("the one the pool's id begins with"), "AWS region of the pool."),
    one("user_pool.endpoint_url", Kind::BaseUrl, Derived("`aws.endpoint_url`"), "Where the pool's API is, if not at AWS."),

    one("aws.access_key_id", Kind::Text, Off, "Key for AWS's services. Without it the SDK looks where it always does: variables, profiles, roles.").secret(),
    one("aws.secret_access_key", Kind::Text, Off, "Its secret.").secret(),
    one("aws.session_token", Kind::Text, Off, "Its token, if it is a temporary one.").secret(),
    one("aws.endpoint_url", Kind::BaseUrl, Off, "Where AWS's services are, if not at AWS."),

    many("outbound.resolve", Kind::Resolve, Fixed(""), "Where providers, issuers and services are, instead of where the name system says; the name in TLS stays."),
    one("outbound.extra_ca", Kind::Text, Off, "File of certificates, PEM, to trust beside the system's, of providers, issuers and services."),

    one("mail.url", Kind::MailUrl, Fixed("log:"), "How [mail](mail.md) leaves: `smtp://user:password@host:587` (STARTTLS), `smtps://user:password@host:465`, `ses://region` (needs a build with the feature `aws`), or `log:`, which shows it in development and sends nothing anywhere.").address(),
    one("mail.from", Kind::Text, Fixed("Doorward <no-reply@localhost>"), "Sender of mail."),
    one("mail.reply_to", Kind::Text, Off, "Where answers to mail go."),
    one("mail.product", Kind::Text, Fixed("Doorward"), "What mail calls the product."),
    one("mail.templates", Kind::Text, Off, "Folder with templates of your own; `doorward mail templates` writes the built-in ones there to begin with."),
    one("mail.timeout", time(SECOND, HAND_OVER), Fixed("10s"), "How long handing over one mail may take."),
    one("mail.ses_endpoint_url", Kind::BaseUrl, Derived("`aws.endpoint_url`"), "Where the API of Amazon SES is, if not at AWS."),

    one("providers[].id", Kind::Slug, Required, "Name of a provider people sign in through; the first is the default."),
    one("providers[].issuer", Kind::Url, Required, "Its issuer, to the letter; discovery starts here."),
    one("providers[].client_id", Kind::Text, Required, "Doorward's id at the provider."),
    one("providers[].client_secret", Kind::Text, Off, "Doorward's secret at the provider.").secret(),
    one("providers[].client_auth", Kind::Choice(ClientAuth::NAMES), Derived("by the provider's metadata"), "How Doorward proves to it who it is."),
    one("providers[].private_key", Kind::Pem, Off, "The key of `private_key_jwt`, PKCS #8.").secret(),
    many("providers[].scopes", Kind::Text, Fixed("openid, email, profile"), "What is asked for."),
    one("providers[].algorithm", OUTSIDE_ALGORITHMS, Off, "The one algorithm its ID tokens may have."),
    one("providers[].redirect_uri", Kind::Url, Derived("`/api/v1/auth/callback` at `server.public_url`"), "Where it sends people back to."),
    one("providers[].discovery_url", Kind::Url, Derived("`/.well-known/openid-configuration` below the issuer"), "Where its metadata is."),
    one("providers[].authorization_endpoint", Kind::Url, Off, "Instead of the discovered one."),
    one("providers[].token_endpoint", Kind::Url, Off, "Instead of the discovered one."),
    one("providers[].jwks_uri", Kind::Url, Off, "Instead of the discovered one."),
    one("providers[].end_session_endpoint", Kind::Url, Off, "Instead of the discovered one."),
    one("providers[].userinfo_endpoint", Kind::Url, Off, "Instead of the discovered one."),
    one("providers[].logout", Kind::Choice(LogoutStyle::NAMES), Derived("`cognito` for an issuer of Cognito, else `oidc`"), "How people sign out there too."),
    one("providers[].groups_claim", Kind::Text, Derived("`cognito:groups` for an issuer of Cognito, else `groups`"), "The claim that names a person's groups."),
    one("providers[].groups[].group", Kind::Text, Required, "A group there, to the letter. What any rule names is given and taken by these rules alone, at every sign-in and renewal."),
    many("providers[].groups[].roles", Kind::Role, Fixed(""), "Roles that being in it gives."),
    many("providers[].groups[].teams", Kind::Text, Fixed(""), "Teams, by name, that being in it makes people members of."),

    one("issuers[].issuer", Kind::Url, Required, "An outside issuer whose tokens are accepted, to the letter."),
    many("issuers[].audiences", Kind::Text, Fixed(""), "Audiences of which its tokens must name one."),
    one("issuers[].jwks_uri", Kind::Url, Off, "Its keys, instead of the discovered address."),

    one("routes[].name", Kind::Text, Required, "Name of a route, in logs and metrics; the first route that matches wins."),
    one("routes[].path", Kind::RoutePath, Required, "What it covers; `/x/*` is `/x` and all below."),
    many("routes[].methods", METHODS, Fixed("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"), "Methods it takes."),
    many("routes[].upstream", Kind::Url, Off, "The service behind; several are balanced. What a star matched is appended. Without one the route is for [forward-auth](gateway.md#forward-auth) alone."),
    one("routes[].http2", Kind::Flag, Fixed("false"), "Whether an http service speaks HTTP/2; an https one is asked."),
    one("routes[].connect_timeout", time(SECOND, MINUTE), Fixed("2s"), "Longest wait for a connection."),
    one("routes[].timeout", time(SECOND, HOUR), Fixed("30s"), "Longest wait for its answer to begin, counted from the end of the request."),
    one("routes[].idle_timeout", time(SECOND, DAY), Derived("as `timeout`"), "Longest silence within its answer."),
    one("routes[].retries", count(0, 10), Fixed("2"), "How often a request is sent once more where that is safe."),
    one("routes[].health.path", Kind::Path, Off, "What its services are asked for, again and again, to see whether they are well."),
    one("routes[].health.interval", time(SECOND, HOUR), Fixed("10s"), "How often."),
    one("routes[].health.timeout", time(SECOND, MINUTE), Fixed("2s"), "How long the answer may take."),
    one("routes[].body_limit", size(KIB, 64 * GIB), Fixed("10MiB"), "Largest request body."),
    one("routes[].inject.json", Kind::Field, Off, "Member of a JSON body that carries the caller's id."),
    one("routes[].inject.multipart", Kind::Field, Off, "Part of a `multipart/form-data` body that carries it."),
    one("routes[].inject.form", Kind::Field, Off, "Field of an urlencoded form that carries it. Each of the three applies to bodies of its media type."),
    one("routes[].inject.headers", Kind::Flag, Fixed("false"), "Whether headers tell who the caller is: `X-User-Id`, `-Email`, `-Name`, `-Roles`, `-Teams`, `-Domains`."),
    one("routes[].inject.assertion", Kind::Flag, Fixed("false"), "Whether a signed assertion tells who the caller is: `X-Doorward-Assertion`."),
    one("routes[].require.public", Kind::Flag, Fixed("false"), "Whether callers need not be known; an identity that is there is verified all the same."),
    many("routes[].require.roles", Kind::Role, Fixed(""), "Roles of which the caller must have one."),
    many("routes[].require.teams", Kind::Text, Fixed(""), "Teams of which the caller must be in one."),
    many("routes[].require.domains", Kind::Text, Fixed(""), "Domains of which the caller must have one."),
    one("routes[].require.verified_email", Kind::Flag, Fixed("false"), "Whether the caller's address must be verified."),
    one("routes[].require.recent_sign_in", time(SECOND, YEAR), Off, "How long ago the caller may have signed in."),
    one("routes[].rate", Kind::RouteRate, Off, "How often it may be used; each process counts for itself."),

    one("services.generation_url", Kind::BaseUrl, Off, "The generation service: `/api/v1/generation/create-plan` and `…/chat` lead there when this is set."),
    one("services.rag_url", Kind::BaseUrl, Off, "The retrieval service: `/api/v1/rag/upload` (up to `5GiB`, streamed) and `…/query` lead there when this is set."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_there_once() {
        let keys: BTreeSet<_> = all().map(|setting| setting.key).collect();
        assert_eq!(keys.len(), all().count());
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for setting in all() {
            if let Fixed(text) = setting.default {
                let values = if setting.many { super::super::resolve::listed(text) } else { vec![text.to_owned()] };
                for value in values {
                    assert_eq!(setting.kind.check(&value), Ok(value), "{}", setting.key);
                }
            }
        }
    }

    #[test]
    fn entries_are_found_by_any_index() {
        assert_eq!(find("routes.12.inject.json").map(|setting| setting.key), Some("routes[].inject.json"));
        assert!(find("routes.path").is_none());
        assert!(find("server").is_none());
    }
}
