//! The OpenAPI document: served with its pages from the binary alone, and true under a fuzzer.

use std::process::Command;

use doorward_tests::{Doorward, Store, excerpt, python};

#[test]
fn the_document_is_served_at_both_sets_of_paths() {
    let doorward = Doorward::start(Store::Sqlite);
    let document = doorward.get("/openapi.json").send().expect(200);
    assert_eq!(doorward.get("/api/openapi.json").send().expect(200).body, document.body);
    let document = document.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    for (path, method) in [
        ("/api/auth/signup", "post"),
        ("/api/auth/signin", "post"),
        ("/api/auth/me", "get"),
        ("/auth/register", "post"),
        ("/auth/validate", "post"),
        ("/teams/all", "get"),
        ("/domains", "get"),
        ("/health", "get"),
        ("/admin/v1/users", "get"),
    ] {
        assert!(document["paths"][path][method]["responses"].is_object(), "{method} {path}");
    }
}

#[test]
fn an_answer_to_a_target_or_a_header_that_is_too_long_is_documented() {
    let doorward = Doorward::start(Store::Sqlite);
    let document = doorward.get("/openapi.json").send().expect(200).json();
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method.to_uppercase(), operation))
    });
    let long = "a".repeat(20_000);
    let mut seen = [0, 0];
    for (path, method, operation) in operations {
        let path = path.replace(['{', '}'], "");
        let takes = |place: &str| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.filter(|parameter| parameter["in"] == place).count()
        };
        if takes("path") + takes("query") > 0 {
            doorward.request(&method, &format!("{path}?{long}")).send().expect(414);
            assert!(operation["responses"]["414"].is_object(), "{method} {path}");
            seen[0] += 1;
        }
        if takes("header") > 0 {
            doorward.request(&method, &path).header("If-Match", &long).send().expect(431);
            assert!(operation["responses"]["431"].is_object(), "{method} {path}");
            seen[1] += 1;
        }
    }
    assert!(seen[0] > 10 && seen[1] > 1, "{seen:?}");
}

#[test]
fn the_pages_and_their_assets_come_from_the_binary_alone() {
    let doorward = Doorward::start(Store::Sqlite);
    for page in ["/docs", "/redoc", "/api/docs", "/api/redoc"] {
        let response = doorward.get(page).send().expect(200);
        assert!(response.header("content-type").is_some_and(|media_type| media_type.starts_with("text/html")));
        let html = response.text();
        let assets: Vec<_> = ["src=\"", "href=\""].iter().flat_map(|mark| html.split(mark).skip(1)).collect();
        assert!(!assets.is_empty(), "{page}");
        let urls = assets.iter().filter_map(|rest| rest.split('"').next());
        for asset in urls.filter(|url| !url.starts_with("data:")) {
            assert!(!asset.contains("//"), "{page} loads {asset} from elsewhere");
            let target = if asset.starts_with('/') { asset.to_owned() } else { format!("/docs/{asset}") };
            let served = doorward.get(&target).header("Accept-Encoding", "gzip").send().expect(200);
            assert!(!served.body.is_empty(), "{asset}");
        }
    }
}

#[test]
fn a_fuzzer_finds_no_server_error_and_no_undocumented_status() {
    let doorward = Doorward::start(Store::Sqlite);
    let admin = doorward.administrator("root");
    // What may end the fuzzer's own session or rights comes last, and by itself.
    let ends_the_session = "logout|sign_out|disable|set_roles|delete_user|withdraw|hosted_end";
    let everything_else = ["--exclude-operation-id-regex", ends_the_session, "--max-time", "60"];
    fuzz(&doorward, &admin.access_token, &everything_else);
    doorward.get("/admin/v1/users").bearer(&admin.access_token).send().expect(200);
    fuzz(&doorward, &admin.access_token, &["--include-operation-id-regex", ends_the_session, "--max-time", "10"]);
    assert_eq!(doorward.log().lines().find(|line| line.contains("panicked")), None);
    doorward.get("/readyz").send().expect(200);
    let metrics = doorward.admin_client().get("/metrics").send().expect(200).text();
    let errors = |line: &&str| line.contains("status=\"500\"") || line.contains("status=\"5xx\"");
    assert_eq!(metrics.lines().find(errors), None);
}

fn fuzz(doorward: &Doorward, token: &str, selection: &[&str]) {
    let output = Command::new(python::interpreter().with_file_name("schemathesis"))
        .args(["run", &format!("{}/openapi.json", doorward.url()), "--url", &doorward.url()])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "-n", "50", "--workers", "1", "--seed", "1"])
        .args(["--no-color"])
        .args(selection)
        .current_dir(doorward.setup().folder())
        .output()
        .expect("schemathesis is installed by scripts/test");
    let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{}\n{errors}", findings(&said));
}

/// What a run found, without the warnings behind.
fn findings(said: &str) -> String {
    let lines = excerpt::short_lines(said).take_while(|line| !line.contains("= WARNINGS ="));
    lines.collect::<Vec<_>>().join("\n")
}
