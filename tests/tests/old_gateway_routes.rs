//! The four routes of the old gateway for AI services, from its own two settings.

use doorward_tests::upstream::Upstream;
use doorward_tests::{Client, Setup, Store};
use serde_json::{Value, json};

#[test]
fn the_generation_service_has_its_two_routes() {
    let upstream = Upstream::echo();
    let doorward = Setup::on(Store::Sqlite).env("GENERATION_SERVICE_URL", &format!("{}/", upstream.url())).start();
    let person = doorward.person("user");
    let client = Client::new(doorward.address());
    for (path, passed) in [("create-plan", "/create_plan"), ("chat", "/learn/generation")] {
        let request = client.post(&format!("/api/v1/generation/{path}")).bearer(&person.access_token);
        request.json(&json!({"goal": "x"})).send().expect(200);
        let received = upstream.next();
        assert_eq!(received.target(), passed);
        let told: Value = serde_json::from_slice(&received.body).expect("a JSON body");
        assert_eq!(told, json!({"goal": "x", "user_id": person.id}));
    }
}

#[test]
fn the_retrieval_service_has_its_two_routes() {
    let upstream = Upstream::echo();
    let doorward = Setup::on(Store::Sqlite).env("RAG_SERVICE_URL", &upstream.url()).start();
    let person = doorward.person("user");
    let post = |path: &str| doorward.post(&format!("/api/v1/rag/{path}")).bearer(&person.access_token);
    post("query").json(&json!({"q": "x", "user_id": "somebody"})).send().expect(200);
    let received = upstream.next();
    assert_eq!(received.target(), "/query");
    let told: Value = serde_json::from_slice(&received.body).expect("a JSON body");
    assert_eq!(told, json!({"q": "x", "user_id": person.id}));

    let part = |disposition: &str, body: &str| {
        format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{body}\r\n")
    };
    let kept = part("name=\"file\"; filename=\"a.txt\"", "file's own") + &part("name=\"metadata\"", "{}") + "--b--\r\n";
    let forged = part("name=\"USER_ID\"", "somebody");
    post("upload").header("Content-Type", "multipart/form-data; boundary=b").body(forged + &kept).send().expect(200);
    let received = upstream.next();
    assert_eq!(received.target(), "/upload-and-plan");
    let text = received.text();
    assert!(text.ends_with(&kept), "{text}");
    assert_eq!(text.matches(&person.id).count(), 1, "{text}");
    assert!(!text.contains("somebody"), "{text}");
    doorward.post("/api/v1/rag/query").json(&json!({})).send().problem(401);
}
