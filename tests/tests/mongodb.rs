//! What only a store in MongoDB has: names and passwords, TLS, durable writes, and errors that say what to do.

use doorward_tests::certificate::Certificate;
use doorward_tests::mongo_server::{MongoServer, USER};
use doorward_tests::{Setup, part, ports};

const PASSWORD: &str = "first-password-1";

fn at(url: &str) -> Setup {
    Setup::bare().set("store.url", url).set("store.timeout", "3s").env("DOORWARD__TOKENS__ENCRYPTION_KEY", KEY)
}

const KEY: &str = "a key of more than thirty-two characters";

#[track_caller]
fn is_told(setup: Setup, wanted: &[&str]) {
    let (status, said) = setup.refused();
    assert!(!status.success());
    for words in wanted {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(!said.contains(PASSWORD) && !said.contains("panicked"), "{said}");
}

#[test]
fn people_sign_in_over_scram_and_tls_by_a_file_and_by_a_secret() {
    part::with(&["python"], || {
        let server = MongoServer::start_with_tls(PASSWORD);
        let authority = server.certificate().authority();
        let by_file = at(&server.url_with(PASSWORD)).set("store.tls_ca_file", &authority.display().to_string()).start();
        let person = by_file.person("user");
        let by_address = format!("{}&tlsCAFile={}", server.url_with(PASSWORD), authority.display());
        at(&by_address).start().signed_in(&person.email);
        let pem = std::fs::read_to_string(&authority).expect("a certificate");
        let by_secret = at(&server.url()).set("store.username", USER).set("store.password", PASSWORD);
        by_secret.set("store.tls_ca", &pem).start().signed_in(&person.email);
    });
}

#[test]
fn a_wrong_password_names_the_server_the_user_and_the_setting() {
    part::with(&["python"], || {
        let server = MongoServer::start(PASSWORD);
        let port = server.address().port().to_string();
        is_told(at(&server.url_with("wrong")), &[&port, USER, "address"]);
        let setup = at(&server.url()).set("store.username", USER).set("store.password", "wrong");
        is_told(setup, &[&port, USER, "store.password"]);
    });
}

#[test]
fn a_certificate_of_nobody_known_and_a_server_without_tls_are_told() {
    part::with(&["python"], || {
        let server = MongoServer::start_with_tls(PASSWORD);
        let other = Certificate::make();
        let wrong = at(&server.url_with(PASSWORD)).set("store.tls_ca_file", &other.authority().display().to_string());
        is_told(wrong, &["localhost", "certificate"]);
        is_told(at(&server.url_with(PASSWORD).replace("&tls=true", "")), &["localhost"]);
    });
}

#[test]
fn a_server_that_is_not_there_is_told_in_time() {
    let nobody = ports::free();
    is_told(at(&format!("mongodb://{nobody}/doorward")), &[&nobody.to_string(), "reached"]);
}

#[test]
fn an_address_that_would_lose_writes_is_refused() {
    is_told(at("mongodb://127.0.0.1:1/doorward?w=1"), &["w=majority", "store"]);
}
