//! The life of a function of AWS Lambda: how it starts, what it does between events, what it survives, how it ends.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doorward_tests::accounts::registration;
use doorward_tests::cable::Cable;
use doorward_tests::certificate::Certificate;
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::instance::{SECRET, binary};
use doorward_tests::lambda;
use doorward_tests::mailbox::{Mailbox, Manner};
use doorward_tests::mongo_server::MongoServer;
use doorward_tests::store::{self, Store};
use doorward_tests::{Doorward, Setup, part, ports};
use serde_json::json;

/// What was read in the change log is good for a second; this is longer.
const LOOK_IS_OLD: Duration = Duration::from_millis(1_200);
/// Less than a mail server that hangs takes.
const AT_ONCE: Duration = Duration::from_secs(3);
/// What AWS gives a start, and a little for a busy machine.
const START: Duration = Duration::from_millis(9_500);
/// How often AWS Secrets Manager is slow to answer.
const SILENT_TIMES: usize = 2;

#[test]
fn a_frozen_function_does_not_believe_what_it_remembers() {
    lambda::with(|store| {
        if store == Store::Sqlite {
            return;
        }
        let function = Setup::on(store).set("tokens.encryption_key", SECRET).start();
        let person = function.person("user");
        assert!(function.accepts(&person.access_token), "it knows the session");
        lambda::no_longer();
        let database = function.setup().database().clone();
        let server = Setup::bare().on_database(&database).set("tokens.encryption_key", SECRET).start();
        function.signal("STOP");
        let stopped = Instant::now();
        server.post("/api/auth/logout").bearer(&person.access_token).send().expect(200);
        until("the look is old", PATIENCE, || (stopped.elapsed() > LOOK_IS_OLD).then_some(()));
        function.signal("CONT");
        assert!(!function.accepts(&person.access_token), "the first request after the thaw must know");
    });
}

#[test]
fn while_the_store_is_away_requests_are_told_so_and_the_process_heals() {
    lambda::with(|_| {
        store::with(Store::Postgres, |store| {
            let setup = Setup::on(store).set("store.timeout", "1s");
            let database = setup.database();
            let cable = Cable::to(database.server());
            let url = database.url.replacen(database.server(), &cable.address().to_string(), 1);
            cable.cut();
            let function = setup.set("store.url", &url).start_silently();
            let asked = Instant::now();
            let answer = function.get("/health").send();
            assert!(answer.header("retry-after").is_some(), "{}", answer.text());
            assert_eq!(answer.problem(503)["code"], "unavailable");
            assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
            let log = function.log();
            let line = log.lines().find(|line| line.contains("cannot be opened")).expect("a line that says why");
            assert!(line.contains("store.url") && line.contains(&cable.address().to_string()), "{line}");
            assert!(line.contains("security groups"), "{line}");
            let pid = function.pid();
            cable.mend();
            until("it heals", PATIENCE, || (function.get("/health").send().status == 200).then_some(()));
            let person = function.person("user");
            cable.cut();
            function.sign_in(&person.email, "Wrong-Harbour-41").send().problem(503);
            cable.mend();
            function.signed_in(&person.email);
            assert_eq!(function.pid(), pid);
        });
    });
}

#[test]
fn a_wrong_ca_is_named_as_what_keeps_the_function_from_opening() {
    lambda::with(|_| {
        part::with(&["python"], || {
            let server = MongoServer::start_with_tls("hunter2");
            let strangers = Certificate::make();
            let setup = Setup::bare().set("store.url", &server.url_with("hunter2"));
            let setup = setup.set("store.tls_ca_file", &strangers.authority().display().to_string());
            let function = setup.set("tokens.encryption_key", SECRET).start_silently();
            function.get("/health").send().problem(503);
            let log = function.log();
            let line = log.lines().find(|line| line.contains("cannot be opened")).expect("a line that says why");
            assert!(line.contains(r#""setting":"store.tls_ca_file""#) && line.contains("certificate"), "{line}");
        });
    });
}

#[test]
fn reading_secrets_and_waiting_for_the_store_are_over_before_aws_gives_the_start_up() {
    let api = TcpListener::bind("127.0.0.1:0").expect("a port");
    let manager = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut command = Command::new(binary());
    for (name, value) in [
        ("AWS_LAMBDA_RUNTIME_API", api.local_addr().expect("its address").to_string()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{}", manager.local_addr().expect("its address"))),
        ("DOORWARD__TOKENS__ENCRYPTION_KEY", "aws-sm://key".to_owned()),
        ("DOORWARD__STORE__URL", format!("postgres://{}/nobody", ports::free())),
    ] {
        command.env(name, value);
    }
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env(name, "us-east-1");
    }
    std::thread::spawn(move || answer_late(&manager));
    let begun = Instant::now();
    let mut function = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary can be started");
    api.accept().expect("it asks for events, whether the store is there or not");
    let taken = begun.elapsed();
    function.kill().expect("it can be ended");
    function.wait().expect("it ends");
    assert!(taken > Duration::from_secs(3), "the secret came late: {taken:?}");
    assert!(taken < START, "{taken:?}");
}

/// A Secrets Manager that lets the first attempts hang.
fn answer_late(manager: &TcpListener) {
    let mut silent = Vec::<TcpStream>::new();
    for stream in manager.incoming() {
        let mut stream = stream.expect("a connection");
        if silent.len() < SILENT_TIMES {
            silent.push(stream);
            continue;
        }
        let body =
            json!({"ARN": "arn", "Name": "key", "SecretString": SECRET, "VersionStages": ["AWSCURRENT"]}).to_string();
        let _ = stream.read(&mut [0; 4096]);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close";
        let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    }
}

#[test]
fn mistakes_in_the_configuration_end_the_start_all_at_once() {
    lambda::with(|store| {
        let setup =
            Setup::on(store).set("environment", "production").set("log.level", "loud").set("lambda.streaming", "x");
        let mut function = setup.start_silently();
        let status = until("the function ends", PATIENCE, || function.ended());
        assert!(!status.success());
        let said = function.log();
        for setting in ["log.level", "lambda.streaming", "password.bcrypt_cost"] {
            assert!(said.contains(setting), "{setting}: {said}");
        }
    });
}

#[test]
fn outside_development_a_file_is_no_store() {
    lambda::with(|_| {
        let mut function = Setup::on(Store::Sqlite).set("environment", "staging").start_silently();
        until("the function ends", PATIENCE, || function.ended());
        assert!(function.log().contains("AWS Lambda keeps none"), "{}", function.log());
    });
}

#[test]
fn a_code_leaves_after_the_answer_which_does_not_wait_for_the_mail_server() {
    lambda::with(|store| {
        part::with(&["python"], || {
            let mailbox = Mailbox::start();
            let function = Setup::on(store).mails_through(&mailbox).start();
            function.post("/api/v1/auth/register").json(&registration("quick@example.com")).send().expect(201);
            mailbox.next_to("quick@example.com");
            mailbox.treats(Manner::Hang);
            let asked = Instant::now();
            function.post("/api/v1/auth/register").json(&registration("slow@example.com")).send().expect(201);
            assert!(asked.elapsed() < AT_ONCE, "answered after {:?}", asked.elapsed());
        });
    });
}

#[test]
fn a_schedule_does_what_a_server_does_in_the_background() {
    lambda::with(|store| {
        let function = Doorward::start(store);
        let direct = function.emulator().answer(&json!({"doorward": "chores"}));
        assert_eq!(direct["doorward"], "chores");
        assert!(direct["swept"].is_number() && direct["mail"]["sent"].is_number(), "{direct}");
        let scheduled = json!({
            "version": "0", "id": "53dc4d37", "detail-type": "Scheduled Event", "source": "aws.events",
            "time": "2026-11-21T18:00:00Z", "resources": [], "detail": {"doorward": "chores"},
        });
        assert_eq!(function.emulator().answer(&scheduled)["doorward"], "chores");
        assert_eq!(function.emulator().answer(&json!({"doorward": "health"}))["store"], "well");
        assert_eq!(function.emulator().answer(&json!({"doorward": "migrate"}))["applied"], 0);
    });
}

#[test]
fn an_event_makes_the_first_administrator_and_no_second() {
    lambda::with(|store| {
        let function = Doorward::start(store);
        let (ada, bob) = (function.person("ada"), function.person("bob"));
        let grant = |user: &str| function.emulator().invoke(&json!({"doorward": "grant-admin", "user": user}));
        function.get("/admin/v1/users").bearer(&ada.access_token).send().problem(403);
        assert!(grant("nobody@example.com").text().contains("there is no account"));
        let squatted = grant(&ada.email).text();
        assert!(squatted.contains("nobody has proved"), "{squatted}");
        assert_eq!(grant(&ada.id).expect(200).json()["roles"], json!(["user", "admin"]));
        let listed = function.get("/admin/v1/audit-events").bearer(&ada.access_token).send().expect(200).json();
        let listed = listed.to_string();
        assert!(listed.contains("command_line") && listed.contains("roles"), "{listed}");
        assert!(grant(&bob.id).text().contains("there is an administrator already"));
        function.get("/admin/v1/users").bearer(&bob.access_token).send().problem(403);
    });
}

#[test]
fn instances_that_start_at_once_on_an_empty_database_all_serve() {
    lambda::with(|store| {
        let first = Setup::on(store).set("tokens.encryption_key", SECRET);
        let database = first.database().clone();
        let others = (0..5).map(|_| first.clone().on_database(&database).start_silently()).collect::<Vec<_>>();
        let first = first.start();
        let person = first.person("user");
        for other in &others {
            until("another instance answers", PATIENCE, || {
                let answer = other.get("/readyz").try_send();
                answer.is_ok_and(|answer| answer.status == 200).then_some(())
            });
            assert!(other.accepts(&person.access_token), "one key for all");
        }
    });
}

#[test]
fn a_function_ends_when_it_is_told_to() {
    lambda::with(|store| {
        let function = Doorward::start(store);
        function.get("/health").send().expect(200);
        assert!(function.stop().success());
    });
}

#[test]
fn without_an_emulator_there_is_nothing_to_serve_and_that_is_said() {
    let address = ports::free();
    let mut command = std::process::Command::new(binary());
    command
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("DOORWARD__STORE__URL", "postgres://127.0.0.1:1/none");
    let output = command.stdin(Stdio::null()).output().expect("the binary can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains(&address.to_string()), "{said}");
}
