//! Defaults, and what beats what.

use std::net::SocketAddr;
use std::time::Duration;

use doorward_identity::credential::CharacterClass::{Digit, Lower, Special, Upper};
use doorward_identity::credential::HashScheme;
use doorward_protocol::algorithm::Algorithm;
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::super::{Environment, LogFormat, LogLevel, MailKind, PoolKind, SameSite, Sources, StoreKind};
use super::{flag, from_env, from_file, loaded, refused, shown, shown_line, sources};

const SECRET: &str = "k7Qw2ZtB9xVn4LmRf8sYc3HdJp6GaTe1";

#[test]
fn without_a_word_it_is_a_developers_machine() {
    let config = loaded(&Sources::default());
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.server.listen, ["127.0.0.1:8000".parse::<SocketAddr>().unwrap()]);
    assert_eq!(config.server.admin_listen, "127.0.0.1:9000".parse().ok());
    assert_eq!(config.server.limits.head_bytes, 16 * 1024);
    assert_eq!(config.server.limits.idle_timeout, Duration::from_secs(75));
    assert_eq!(config.store.kind, StoreKind::Sqlite { path: "doorward-data/doorward.db".into() });
    assert_eq!(config.tokens.algorithm, Algorithm::EdDSA);
    assert_eq!(config.tokens.refresh_ttl, SignedDuration::from_hours(24 * 30));
    assert_eq!(config.surfaces.signin.token_ttl, SignedDuration::from_hours(24 * 7));
    assert_eq!(config.surfaces.directory.surface.token_ttl, SignedDuration::from_mins(30));
    assert_eq!(config.surfaces.signin.password_rule.classes, [Upper, Lower, Digit, Special]);
    assert_eq!(config.surfaces.directory.surface.password_rule.classes, []);
    assert_eq!(config.surfaces.directory.default_team.as_deref(), Some("General"));
    assert_eq!(config.seed.teams.len(), 4);
    assert_eq!(config.seed.domains.len(), 5);
    assert_eq!(config.password.scheme, HashScheme::Bcrypt { cost: 12 });
    assert_eq!(config.password.queue, config.password.threads * 8);
    assert_eq!(config.throttle.failures_per_address.count, 60);
    assert_eq!(config.user_pool.kind, PoolKind::Local);
    assert_eq!(config.mail.kind, MailKind::Log);
    assert_eq!(config.session.cookie_same_site, SameSite::Lax);
    assert!(!config.session.cookie_secure && config.session.cookie_name == "access_token");
    assert_eq!((config.log.level, config.log.format), (LogLevel::Info, LogFormat::Text));
    assert_eq!(config.server.origins(), ["http://localhost:3000"]);
    assert_eq!(config.notices, [""; 0]);
}

#[test]
fn defaults_follow_from_other_settings() {
    let config = from_env(&[("ENVIRONMENT", "production"), ("JWT_SECRET", SECRET)]);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.session.cookie_secure && config.session.cookie_name == "__Host-access_token");
    assert_eq!(config.tokens.algorithm, Algorithm::HS256);
    assert!(from_file("[server]\npublic_url = \"https://a.example\"").session.cookie_secure);
    assert_eq!(from_file("[password]\nthreads = 3").password.queue, 24);
    let shown = shown_line(&sources("", &[("JWT_SECRET", SECRET)], ""), "tokens.algorithm");
    assert_eq!(shown, "tokens.algorithm = \"HS256\" # default");
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_defaults() {
    let mut sources = sources("[log]\nlevel = \"warn\"\n", &[], "");
    let level = |sources: &Sources| (loaded(sources).log.level, shown_line(sources, "log.level"));
    assert_eq!(level(&Sources::default()), (LogLevel::Info, "log.level = \"info\" # default".to_owned()));
    assert_eq!(level(&sources), (LogLevel::Warn, "log.level = \"warn\" # doorward.toml:2".to_owned()));
    sources.dotenv = super::sources("", &[], "\nLOG_LEVEL=error").dotenv;
    assert_eq!(level(&sources), (LogLevel::Error, "log.level = \"error\" # .env:2 LOG_LEVEL".to_owned()));
    sources.env = super::sources("", &[("LOG_LEVEL", "DEBUG")], "").env;
    assert_eq!(level(&sources), (LogLevel::Debug, "log.level = \"debug\" # LOG_LEVEL".to_owned()));
    sources.flags = vec![flag("--set log.level", "log.level", "trace")];
    assert_eq!(level(&sources), (LogLevel::Trace, "log.level = \"trace\" # --set log.level".to_owned()));
}

#[test]
fn the_environment_reaches_every_level_and_lists() {
    let config = from_env(&[
        ("DOORWARD__SERVER__LISTEN", "127.0.0.1:1, [::1]:2"),
        ("DOORWARD__SERVER__ADMIN_LISTEN", ""),
        ("DOORWARD__SERVER__TRUSTED_PROXIES", "10.0.0.0/8,192.168.1.7"),
        ("DOORWARD__ROUTES__0__NAME", "files"),
        ("DOORWARD__ROUTES__0__PATH", "/files/*"),
        ("DOORWARD__ROUTES__0__UPSTREAM", "http://10.0.0.1:1,http://10.0.0.2:1"),
        ("DOORWARD__ROUTES__0__REQUIRE__ROLES", "admin"),
        ("DOORWARD__SURFACES__SIGNIN__PASSWORD_RULE__MIN", "12"),
        ("UNRELATED", "x"),
        ("DOORWARD_BIN", "x"),
    ]);
    assert_eq!(config.server.listen.len(), 2);
    assert_eq!(config.server.admin_listen, None);
    assert_eq!(
        config.server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "192.168.1.7/32"]
    );
    assert_eq!(config.routes[0].upstream.len(), 2);
    assert_eq!(config.routes[0].require.roles, ["admin"]);
    assert_eq!(config.routes[0].body_limit, 10 * 1024 * 1024);
    assert_eq!(config.surfaces.signin.password_rule.min, 12);
    assert_eq!(config.surfaces.signin.password_rule.classes.len(), 4);
}

#[test]
fn one_member_of_an_entry_can_be_changed_from_above() {
    let file = "[[routes]]\nname = \"a\"\npath = \"/a\"\nupstream = \"http://10.0.0.1\"\n[[routes]]\nname = \"b\"\npath = \"/b\"\nupstream = \"http://10.0.0.1\"\n";
    let mut sources = sources(file, &[("DOORWARD__ROUTES__1__TIMEOUT", "5s")], "");
    sources.flags = vec![flag("--set routes[0].path", "routes[0].path", "/c")];
    let routes = loaded(&sources).routes;
    assert_eq!((routes[0].path.as_str(), routes[1].timeout), ("/c", Duration::from_secs(5)));
    let shown = shown(&sources);
    let shown: Vec<_> = shown.lines().filter(|line| line.starts_with("routes.")).collect();
    assert!(
        shown[0].starts_with("routes.0.name = \"a\"") && shown[3].starts_with("routes.1.name = \"b\""),
        "{shown:?}"
    );
}

#[test]
fn a_real_variable_beats_the_same_one_in_dotenv() {
    let config = loaded(&sources("", &[("JWT_SECRET", SECRET)], "JWT_SECRET=short"));
    assert_eq!(config.tokens.secret.unwrap().expose_secret(), SECRET);
}

#[test]
fn named_seeds_replace_the_built_in_ones() {
    let config = from_file("[[seed.teams]]\nname = \"Ops\"\n[seed]\ndomains = []\n");
    assert_eq!(config.seed.teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["Ops"]);
    assert_eq!(config.seed.domains, []);
}

#[test]
fn a_secret_may_be_kept_elsewhere() {
    let path = std::env::temp_dir().join(format!("doorward-secret-{}", std::process::id()));
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let by_file = from_env(&[("DOORWARD__TOKENS__SECRET", &format!("file://{}", path.display()))]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(by_file.tokens.secret.unwrap().expose_secret(), SECRET);
    let by_name = sources("[tokens]\nsecret = \"env:SIGNING\"\n", &[], &format!("SIGNING={SECRET}"));
    assert_eq!(loaded(&by_name).tokens.secret.unwrap().expose_secret(), SECRET);
    for (reference, what) in [
        ("file:///no/such/file", "cannot be read"),
        ("file://relative", "is not absolute"),
        ("env:NOT_THERE", "names a variable that is not set"),
        ("aws-sm://name#key", "was not read"),
    ] {
        let mistakes = refused(&sources("", &[("JWT_SECRET", reference)], ""));
        assert!(mistakes.len() == 1 && mistakes[0].contains(what), "{mistakes:?}");
    }
}

#[test]
fn no_secret_is_ever_shown() {
    let env = [
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", "postgresql+asyncpg://ann:hunter2@db:5432/x?password=hunter2"),
        ("DOORWARD__MAIL__URL", "smtps://ann:hunter2@mail.example"),
        ("COGNITO_CLIENT_SECRET", "hunter2"),
        ("AWS_ACCESS_KEY_ID", "hunter2"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "hunter2"),
    ];
    let sources = sources("", &env, "");
    let shown = shown(&sources);
    assert!(!shown.contains("hunter2") && !shown.contains(SECRET), "{shown}");
    assert_eq!(shown_line(&sources, "tokens.secret"), "tokens.secret = \"[redacted]\" # JWT_SECRET");
    assert_eq!(
        shown_line(&sources, "store.url"),
        "store.url = \"postgresql://ann:[redacted]@db:5432/x?password=[redacted]\" # DATABASE_URL"
    );
    let debug = format!("{:?}", loaded(&sources));
    assert!(!debug.contains("hunter2") && !debug.contains(SECRET), "{debug}");
}

#[test]
fn what_has_no_effect_yet_is_noticed() {
    let config = from_file(
        "[[providers]]\nid = \"p\"\nissuer = \"https://p.example\"\nclient_id = \"c\"\n\
         [surfaces]\nhosted.enabled = false\nhosted.token_ttl = \"2h\"\ndirectory.dev_headers = true\n",
    );
    let beginnings = [
        "surfaces.hosted.token_ttl (from doorward.toml:7) is not served by this version: a cookie session",
        "providers are named, and surfaces.hosted.enabled is false",
        "developer headers are on",
    ];
    assert_eq!(config.notices.len(), beginnings.len(), "{:?}", config.notices);
    for (notice, beginning) in config.notices.iter().zip(beginnings) {
        assert!(notice.starts_with(beginning), "{notice}");
    }
    let local = from_env(&[("ENVIRONMENT", "production")]);
    assert_eq!(local.notices.len(), 3, "{:?}", local.notices);
    assert!(local.notices[0].starts_with("mail.url is log: (from default): nobody gets any mail"));
    assert!(local.notices[1].starts_with("server.public_url is http://localhost:8000"));
}
