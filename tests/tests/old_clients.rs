//! Clients of the services that Doorward stands in for, unchanged, with those services' own `.env`; and JWT libraries
//! that verify its tokens without asking it.

use std::path::Path;
use std::process::Command;

use doorward_tests::cognito::Cognito;
use doorward_tests::part::{self, Part};
use doorward_tests::ports;
use doorward_tests::python::{client, run_client};
use doorward_tests::scratch::Scratch;
use doorward_tests::shape::text;
use doorward_tests::store::{Database, with};
use doorward_tests::{Doorward, Setup, Store};
use serde_json::{Value, json};

const SIGNIN_SECRET: &str = "your-secret-key-minimum-32-characters-long";

/// The e-mail and password service as its users configured it, over TLS to PostgreSQL.
fn signin_service(database: &Database) -> Doorward {
    let server = database.url.replacen("postgres://postgres@", "postgresql://postgres:password@", 1);
    let environment = format!(
        "# Database Configuration\nDATABASE_URL={server}?sslmode=require\n\n\
         JWT_SECRET={SIGNIN_SECRET}\nJWT_ALGORITHM=HS256\nJWT_EXPIRY_DAYS=7\n\n\
         FRONTEND_URL=http://localhost:3000\n\nENVIRONMENT=development\nLOG_LEVEL=INFO\n"
    );
    Setup::bare().dotenv(&environment).start()
}

/// The directory service as its users configured it.
fn directory_service(database: &Database) -> Doorward {
    let environment = format!(
        "DATABASE_URL={}\n\nAUTH_JWT_SECRET_KEY=your-secret-key-change-in-production\nAUTH_JWT_ALGORITHM=HS256\n\
         AUTH_JWT_ACCESS_TOKEN_EXPIRE_MINUTES=30\n\n\
         AUTH_API_CORS_ORIGINS=http://localhost:5173,http://localhost:3000,http://localhost:8000\n\n\
         AUTH_ALLOW_DEV_HEADERS=true\n\n# AUTH_OIDC_AUDIENCE=client-id\n",
        database.url.replacen("postgres://", "postgresql://", 1)
    );
    Setup::bare().dotenv(&environment).start()
}

#[test]
fn curl_lines_of_the_signin_service_work_and_its_secret_verifies_the_token() {
    with(Store::Postgres, |store| {
        let folder = Scratch::new();
        let database = Database::create(store, folder.path());
        let doorward = signin_service(&database);
        let token = run_script("signin.sh", &doorward.url());
        run_client("verify_shared_secret.py", &[&token, SIGNIN_SECRET]);
        let sessions = database.query("select count(*) from users");
        assert_eq!(sessions, "1", "the database of its own .env was used");
    });
}

#[test]
fn curl_and_python_lines_of_the_directory_service_work() {
    with(Store::Postgres, |store| {
        let folder = Scratch::new();
        let database = Database::create(store, folder.path());
        let doorward = directory_service(&database);
        run_script("directory.sh", &doorward.url());
        run_client("directory.py", &[&doorward.url()]);
        let front_end = doorward.get("/health").header("Origin", "http://localhost:5173").send();
        assert_eq!(front_end.header("access-control-allow-origin"), Some("http://localhost:5173"));
        let teams = database.query("select count(*) from team_memberships");
        assert_eq!(teams, "3", "its tables have their old names");
    });
}

/// The accounts service as its users configured it, its pool at `endpoint`.
fn accounts_service(pool: &Cognito, endpoint: &str) -> Setup {
    let environment = format!(
        "# AWS Cognito Configuration\nCOGNITO_USER_POOL_ID={}\nCOGNITO_CLIENT_ID={}\nAWS_REGION=us-east-1\n\n\
         # AWS Credentials (if not using IAM roles)\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\n",
        pool.fact("pool_id"),
        pool.fact("public_client_id"),
    );
    Setup::bare().dotenv(&environment).env("AWS_ENDPOINT_URL", endpoint)
}

#[test]
fn curl_lines_of_the_accounts_service_work_at_its_pool_and_without_it() {
    part::with(&["python", "curl"], || {
        let pool = Cognito::start("http://127.0.0.1:9", "http://127.0.0.1:9");
        let at_the_pool = accounts_service(&pool, &pool.base()).start();
        let token = run_script_with("accounts.sh", &[&at_the_pool.url(), "123456"]);
        let (_, claims) = doorward_tests::token::read(&token);
        assert_eq!(text(&claims["iss"]), pool.fact("issuer"), "Cognito's own token");
        let here = accounts_service(&pool, &pool.base()).set("user_pool.kind", "local").start();
        let token = run_script_with("accounts.sh", &[&here.url()]);
        assert_eq!(here.get("/auth/me").bearer(&token).send().expect(200).json()["email"], "test@example.com");
    });
}

#[test]
fn jose_libraries_verify_tokens_by_the_published_keys() {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let doorward = Setup::on(Store::Sqlite).set("tokens.algorithm", algorithm).start();
        let person = doorward.person("user");
        run_client("verify_published_keys.py", &[&doorward.url(), &person.access_token, algorithm]);
    }
}

#[test]
fn a_library_verifies_shared_secret_tokens_by_the_secret_alone() {
    let doorward = Setup::on(Store::Sqlite).with_shared_secret().start();
    let person = doorward.person("user");
    run_client("verify_shared_secret.py", &[&person.access_token, doorward_tests::instance::SECRET]);
}

#[test]
fn driver_suffixes_of_database_urls_are_understood() {
    with(Store::Postgres, |store| {
        for scheme in ["postgresql+asyncpg://", "postgresql+psycopg://", "postgresql+psycopg2://"] {
            let folder = Scratch::new();
            let database = Database::create(store, folder.path());
            let url = database.url.replacen("postgres://", scheme, 1);
            Setup::bare().env("DATABASE_URL", &url).start().person("user");
            assert_eq!(database.query("select count(*) from users"), "1", "{scheme}");
        }
    });
}

#[test]
fn tokens_of_a_cognito_user_pool_are_taken_as_the_directory_service_took_them() {
    let folder = Scratch::new();
    let port = ports::free().port().to_string();
    let (_pool, line) = Part::announced(&mut client("cognito.py", &[&port, &folder.path().to_string_lossy()]));
    let pool: Value = serde_json::from_str(&line).expect("a line of JSON");
    let doorward = Setup::on(Store::Sqlite)
        .env("AUTH_OIDC_ISSUER", &text(&pool["issuer"]))
        .env("AUTH_OIDC_AUDIENCE", &text(&pool["public_client_id"]))
        .env("AUTH_OIDC_JWKS_URL", &text(&pool["jwks_uri"]))
        .start();
    let user = doorward.get("/auth/me").bearer(&text(&pool["id_token"])).send().expect(200).json();
    assert_eq!((&user["email"], &user["name"]), (&json!("grace@example.com"), &json!("Grace Hopper")));
    assert!(doorward.accepts(&text(&pool["access_token"])), "it names no audience, but the client");
}

/// Runs `tests/clients/<script>` against a base URL; gives the last line it printed.
fn run_script(script: &str, base: &str) -> String {
    run_script_with(script, &[base])
}

fn run_script_with(script: &str, arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let output = Command::new("bash").arg(path).args(arguments).output().expect("bash can be started");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed.lines().last().unwrap_or_default().to_owned()
}
