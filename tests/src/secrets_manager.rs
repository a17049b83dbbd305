//! AWS Secrets Manager: the emulator, what is kept in it, and how a secret in it is rotated.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{Client, Response};
use crate::instance::Setup;
use crate::part::Part;
use crate::ports;
use crate::python::client;
use crate::scratch::Scratch;
use crate::shape::text;

/// A running Secrets Manager with nothing in it.
#[derive(Debug)]
pub struct SecretsManager {
    _part: Part,
    _folder: Scratch,
    address: SocketAddr,
}

impl SecretsManager {
    /// An empty one.
    #[track_caller]
    pub fn start() -> Self {
        let (folder, address) = (Scratch::new(), ports::free());
        let mut command =
            client("secrets_manager.py", &[&address.port().to_string(), &folder.path().to_string_lossy()]);
        let (part, _) = Part::announced(&mut command);
        Self { _part: part, _folder: folder, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A Doorward that reads its secrets here, at `endpoint`: the variables of its environment.
    pub fn serves(setup: Setup, endpoint: &str) -> Setup {
        setup
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint)
    }

    /// The same where nothing is between the two.
    pub fn serves_directly(&self, setup: Setup) -> Setup {
        Self::serves(setup, &format!("http://{}", self.address))
    }

    /// Makes a secret; gives its ARN.
    #[track_caller]
    pub fn create(&self, name: &str, secret: &str) -> String {
        let made = self.call("CreateSecret", &json!({"Name": name, "SecretString": secret})).expect(200).json();
        text(&made["ARN"])
    }

    /// Puts another version in the place of the one that counts.
    #[track_caller]
    pub fn put(&self, name: &str, secret: &str) {
        self.call("PutSecretValue", &json!({"SecretId": name, "SecretString": secret})).expect(200);
    }

    /// The first step of a rotation: another version is there and does not count yet.
    #[track_caller]
    pub fn put_pending(&self, name: &str, secret: &str) {
        let body = json!({"SecretId": name, "SecretString": secret, "VersionStages": ["AWSPENDING"]});
        self.call("PutSecretValue", &body).expect(200);
    }

    /// The last step of a rotation: the pending version counts from now on.
    #[track_caller]
    pub fn promote(&self, name: &str) {
        let versions = self.call("DescribeSecret", &json!({"SecretId": name})).expect(200).json();
        let of_stage = |stage: &str| {
            let versions = versions["VersionIdsToStages"].as_object().expect("versions");
            let has_stage = |stages: &Value| stages.as_array().is_some_and(|stages| stages.iter().any(|s| s == stage));
            let found = versions.iter().find(|(_, stages)| has_stage(stages));
            found.map(|(version, _)| version.clone()).expect("a version of that stage")
        };
        let (new, old) = (of_stage("AWSPENDING"), of_stage("AWSCURRENT"));
        let body = json!({
            "SecretId": name, "VersionStage": "AWSCURRENT", "MoveToVersionId": new, "RemoveFromVersionId": old,
        });
        self.call("UpdateSecretVersionStage", &body).expect(200);
        let body = json!({"SecretId": name, "VersionStage": "AWSPENDING", "RemoveFromVersionId": new});
        self.call("UpdateSecretVersionStage", &body).expect(200);
    }

    /// Marks a secret for deletion.
    #[track_caller]
    pub fn delete(&self, name: &str) {
        self.call("DeleteSecret", &json!({"SecretId": name})).expect(200);
    }

    fn call(&self, operation: &str, body: &Value) -> Response {
        let credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request";
        let request = Client::new(self.address).post("/").header("Authorization", credential);
        let request = request.header("X-Amz-Target", &format!("secretsmanager.{operation}"));
        request.text("application/x-amz-json-1.1", &body.to_string()).send()
    }
}
