//! What operators get wrong, and what they are told.

use super::{flag, refused, sources};

#[test]
fn all_mistakes_are_reported_at_once_with_key_source_and_hint() {
    let file = "\
[server]
listn = \"127.0.0.1:1\"
public_url = 7
[tokens]
refresh_ttl = \"30 days\"
[[routes]]
name = \"a\"
path = \"/auth/x\"
timeout = true
[[issuers]]
issuer = \"https://i.example\"
";
    let env = [
        ("DOORWARD__SERVER__LISTEN", "127.0.0.1"),
        ("JWT_SECRET", "hunter2"),
        ("AUTH_JWT_SECRET_KEY", "hunter3"),
        ("JWT_EXPIRY_DAYS", "a week"),
    ];
    let mut sources = sources(file, &env, "nonsense");
    sources.flags = vec![flag("--set session.cookie_same_site", "session.cookie_same_site", "none")];
    assert_eq!(
        refused(&sources),
        [
            "tokens.secret: JWT_SECRET and AUTH_JWT_SECRET_KEY say different things; keep one of the two",
            "surfaces.signin.token_ttl: \"a week\" is not a number of days (from JWT_EXPIRY_DAYS)",
            ".env:1: is not NAME=value; quotes must be closed; a comment begins with #",
            "routes[0].timeout: is true or false (from doorward.toml:9); it takes a length of time in quotes: \"15m\"",
            "server.listen: \"127.0.0.1\" is not an address with a port (from DOORWARD__SERVER__LISTEN); write it as 127.0.0.1:8000",
            "server.listn: there is no such setting (from doorward.toml:2); did you mean server.listen?",
            "server.public_url: is a number (from doorward.toml:3); it takes text in quotes",
            "tokens.refresh_ttl: \"30 days\" is not a length of time (from doorward.toml:5); write a number and a unit: 500ms, 10s, 15m, 1h, 7d",
            "tokens.secret: is shorter than 32 characters (from JWT_SECRET); make one with: openssl rand -base64 48",
            "session.cookie_same_site: \"none\" is ignored by browsers on an insecure cookie (from --set session.cookie_same_site); set session.cookie_secure = true",
            "issuers[0].audiences: is empty: a token made for anybody else would be accepted here (by default); name the client ids its tokens are made for",
            "routes[0].path: \"/auth/x\" covers /auth, which is Doorward's own (from doorward.toml:8); choose a path that does not meet Doorward's own",
            "routes[0].upstream: is missing: the route is for a proxy in front to ask about, and none is trusted (by default); name the service, or the proxy in server.trusted_proxies",
        ]
    );
}

#[test]
fn an_unknown_key_is_answered_with_what_was_probably_meant() {
    for (key, hint) in [
        ("server.listn", "did you mean server.listen?"),
        ("token.secret", "did you mean tokens.secret?"),
        ("routes.3.upsteam", "did you mean routes[].upstream?"),
        ("jwt.refresh_ttl", "did you mean tokens.refresh_ttl?"),
        ("server.listen.a", "server.listen takes a value, not a table"),
        ("zzz", "`doorward config reference` lists all"),
    ] {
        let variable = format!("DOORWARD__{}", key.to_uppercase().replace('.', "__"));
        let mistakes = refused(&sources("", &[(&variable, "x")], ""));
        assert!(mistakes[0].contains("there is no such setting") && mistakes[0].ends_with(hint), "{mistakes:?}");
        assert!(mistakes[0].contains(&format!("(from {variable})")), "{mistakes:?}");
    }
}

#[test]
fn a_section_is_no_value_and_a_value_no_section() {
    for (file, mistake) in [
        ("server = 5", "server: is a section, not a value (from doorward.toml:1); write its settings below [server]"),
        (
            "routes = 5",
            "routes: is a list of tables, not a value (from doorward.toml:1); write its entries as [[routes]]",
        ),
        ("environment = []", "environment: is a list (from doorward.toml:1); it takes text in quotes"),
        (
            "[store]\nmax_connections = \"10\"",
            "store.max_connections: is text (from doorward.toml:2); it takes a whole number, without quotes",
        ),
        (
            "[store]\nmax_connections = 1.5",
            "store.max_connections: is a fraction (from doorward.toml:2); it takes a whole number, without quotes",
        ),
        (
            "[store]\nmax_connections = -1",
            "store.max_connections: \"-1\" is not a whole number (from doorward.toml:2); take a number from 1 to 1000",
        ),
        (
            "[password]\nscheme = \"md5\"",
            "password.scheme: \"md5\" is none of its values (from doorward.toml:2); take bcrypt, argon2id",
        ),
    ] {
        assert_eq!(refused(&sources(file, &[], "")), [mistake]);
    }
}

#[test]
fn empty_sections_and_lists_say_nothing() {
    assert_eq!(
        refused(&sources("routes = []\n[server]\n[surfaces.signin]\n[[seed.teams]]\nname = \"a\"\n", &[], "")),
        [""; 0]
    );
    assert_eq!(
        refused(&sources("[[seed.teams]]\n", &[], "")),
        ["seed.teams[0].name: is missing; every entry of seed.teams needs one"]
    );
}

#[test]
fn a_broken_file_still_lets_the_rest_be_checked() {
    let mistakes = refused(&sources("[server\n", &[("LOG_LEVEL", "loud")], ""));
    assert_eq!(mistakes.len(), 2);
    assert!(mistakes[0].starts_with("doorward.toml:1: is not TOML"), "{mistakes:?}");
    assert!(mistakes[1].starts_with("log.level: \"loud\" is none of its values (from LOG_LEVEL)"), "{mistakes:?}");
}

#[test]
fn no_mistake_tells_a_secret() {
    let env = [
        ("JWT_SECRET", "hunter2\u{7}"),
        ("DATABASE_URL", "mysql://ann:hunter2@db/x"),
        ("MONGODB_URI", "mongodb://ann:hunter2@db/x"),
        ("DOORWARD__MAIL__URL", "imap://ann:hunter2@mail"),
        ("DOORWARD__SERVER__PUBLIC_URL", "https://ann:hunter2@a.example"),
        ("COGNITO_DOMAIN", "https://ann:hunter2@a b"),
    ];
    let mistakes = refused(&sources("[tokens]\nencryption_key = [\"hunter2\"]\n", &env, "X='hunter2"));
    assert_eq!(mistakes.len(), 8, "{mistakes:#?}");
    assert!(!mistakes.join("\n").contains("hunter2"), "{mistakes:#?}");
}
