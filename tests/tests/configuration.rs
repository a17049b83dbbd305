//! Settings: which source wins, what is refused, how mistakes are told, and what is never shown.

use doorward_tests::instance::SECRET;
use doorward_tests::{Setup, Store, token};
use serde_json::Value;

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let life = |setup: Setup| {
        let doorward = setup.start();
        let (_, claims) = token::read(&doorward.person("user").access_token);
        claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, start)| end - start)
    };
    let file = || Setup::on(Store::Sqlite).file("[surfaces.signin]\ntoken_ttl = \"1h\"\n");
    let dotenv = || file().dotenv("JWT_EXPIRY_DAYS=2\n");
    assert_eq!(life(file()), Some(3600));
    assert_eq!(life(dotenv()), Some(2 * 86_400));
    assert_eq!(life(dotenv().env("JWT_EXPIRY_DAYS", "3")), Some(3 * 86_400));
    let flag = dotenv().argument("--set").argument("surfaces.signin.token_ttl=5h");
    assert_eq!(life(flag), Some(5 * 3600));
}

#[test]
fn every_mistake_is_told_at_once_with_its_key_and_source() {
    let (_, said) = Setup::on(Store::Sqlite)
        .file("[server]\nlisten_on = \"x\"\n[tokens]\nrefresh_ttl = \"soon\"\n[surprise]\na = 1\n[[routes]]\nname = \"x\"\n")
        .set("password.bcrypt_cost", "ninety")
        .set("sever.public_url", "http://localhost")
        .refused();
    for part in [
        "server.listen_on",
        "tokens.refresh_ttl",
        "surprise",
        "routes[0].path",
        "password.bcrypt_cost",
        "DOORWARD__PASSWORD__BCRYPT_COST",
        "doorward.toml",
        "sever",
    ] {
        assert!(said.contains(part), "{part} is not told in: {said}");
    }
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let (_, said) = Setup::on(Store::Sqlite).file("[server]\nlisten = \n").refused();
    assert!(said.contains("doorward.toml") && said.contains('2'), "{said}");
}

#[test]
fn a_named_file_that_is_not_there_is_told() {
    let (_, said) = Setup::on(Store::Sqlite).argument("--config").argument("nowhere.toml").refused();
    assert!(said.contains("nowhere.toml"), "{said}");
}

#[test]
fn old_names_that_contradict_each_other_are_both_named() {
    let (_, said) = Setup::on(Store::Sqlite)
        .env("JWT_SECRET", SECRET)
        .env("AUTH_JWT_SECRET_KEY", "another-secret-that-is-long-enough-7Qx")
        .refused();
    assert!(said.contains("JWT_SECRET") && said.contains("AUTH_JWT_SECRET_KEY"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    Setup::on(Store::Sqlite).env("JWT_SECRET", SECRET).env("JWT_SECRET_KEY", SECRET).start();
}

#[test]
fn a_short_secret_stops_the_start_even_in_development() {
    let (_, said) = Setup::on(Store::Sqlite).env("JWT_SECRET", "thirty-one-characters-are-few-x").refused();
    assert!(said.contains("JWT_SECRET") && said.contains("32") && !said.contains("thirty-one"), "{said}");
}

/// A production set-up that starts, so that each refusal below has one reason.
fn production() -> Setup {
    Setup::on(Store::Sqlite)
        .with_shared_secret()
        .set("environment", "production")
        .set("server.public_url", "https://id.example.com")
        .set("server.frontend_url", "https://app.example.com")
        .set("password.bcrypt_cost", "10")
}

#[test]
fn production_starts_when_it_is_safe() {
    let doorward = production().start();
    let health = doorward.get("/health").send().expect(200);
    assert_eq!(health.json()["environment"], "production");
    assert!(health.header("strict-transport-security").is_some());
    let setup = doorward.setup().clone();
    assert!(doorward.stop().success());
    let log = setup.log();
    assert!(log.lines().count() > 0 && log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
}

#[test]
fn production_and_staging_refuse_what_is_unsafe() {
    let unsafe_settings = [
        ("surfaces.directory.dev_headers", "true"),
        ("tokens.secret", "your-secret-key-change-in-production"),
        ("tokens.secret", "abababababababababababababababababab"),
        ("server.cors_origins", "*"),
        ("server.cors_origins", "null"),
        ("session.cookie_secure", "false"),
        ("server.public_url", "http://id.example.com"),
        ("server.trusted_proxies", "0.0.0.0/0"),
        ("server.trusted_proxies", "::/0"),
        ("password.bcrypt_cost", "9"),
    ];
    for (key, value) in unsafe_settings {
        for environment in ["production", "staging"] {
            let (_, said) = production().set("environment", environment).set(key, value).refused();
            assert!(said.contains(key), "{key} = {value} in {environment}: {said}");
        }
    }
    for (file, key) in [
        ("[[issuers]]\nissuer = \"https://id.example.com\"\naudiences = []\n", "issuers[0].audiences"),
        ("[[issuers]]\nissuer = \"http://id.example.com\"\naudiences = [\"a\"]\n", "issuers[0].issuer"),
        ("[[routes]]\nname = \"a\"\npath = \"/auth/*\"\nupstream = \"http://127.0.0.1:1/\"\n", "routes[0].path"),
        ("[[routes]]\nname = \"a\"\npath = \"/x\"\nupstream = \"http://a.example.com/\"\n", "routes[0].upstream"),
    ] {
        let (_, said) = production().file(file).refused();
        assert!(said.contains(key), "{key}: {said}");
    }
}

#[test]
fn the_old_names_of_production_are_understood() {
    for name in ["ENVIRONMENT", "AUTH_ENVIRONMENT"] {
        for spelling in ["prod", "production"] {
            let setup =
                Setup::on(Store::Sqlite).with_shared_secret().env(name, spelling).env("AUTH_ALLOW_DEV_HEADERS", "true");
            let (_, said) = setup.refused();
            assert!(said.contains("AUTH_ALLOW_DEV_HEADERS") || said.contains("dev_headers"), "{said}");
        }
    }
}

#[test]
fn shown_settings_have_their_source_and_no_secret() {
    let setup = Setup::on(Store::Sqlite)
        .set("tokens.secret", SECRET)
        .file("[mail]\nurl = \"smtp://user:mail-password@mail.example.com\"\n[log]\nlevel = \"warn\"\n");
    let shown = setup.run_ok(&["config", "show"], "");
    assert!(!shown.contains(SECRET) && !shown.contains("mail-password"), "{shown}");
    for part in ["tokens.secret", "DOORWARD__TOKENS__SECRET", "log.level", "doorward.toml", "[redacted]"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn the_schema_is_a_json_schema_of_every_section() {
    let schema = Setup::bare().run_ok(&["config", "schema"], "");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    assert!(schema["$schema"].is_string());
    for section in ["server", "store", "tokens", "surfaces", "seed", "password", "routes", "issuers", "providers"] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
}

#[test]
fn a_secret_may_be_a_reference() {
    let setup = Setup::on(Store::Sqlite).set("tokens.algorithm", "HS256");
    let file = setup.folder().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).expect("a file");
    let doorward = setup.set("tokens.secret", &format!("file://{}", file.display())).start();
    let (header, claims) = token::read(&doorward.person("user").access_token);
    assert!(doorward.accepts(&token::forge(&header, &claims, SECRET.as_bytes())), "the file's line is the secret");
    let elsewhere = Setup::on(Store::Sqlite).set("tokens.secret", "env:ELSEWHERE").env("ELSEWHERE", SECRET).start();
    assert_eq!(token::read(&elsewhere.person("user").access_token).0["alg"], "HS256");
}
