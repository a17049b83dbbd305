//! A second, independent emulator of Cognito user pools: what holds against both is not the habit of one.
//!
//! It answers a wrong password with another exception than Cognito does, knows no client secrets, resends no codes and
//! renews tokens by `REFRESH_TOKEN_AUTH` alone.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::deadline::{PATIENCE, until};
use crate::http::Client;
use crate::instance::Setup;
use crate::part::{self, Part};
use crate::ports;
use crate::scratch::Scratch;
use crate::shape::text;

/// A running pool.
#[derive(Debug)]
pub struct SecondPool {
    _part: Part,
    folder: Scratch,
    address: SocketAddr,
    pool_id: String,
    client_id: String,
}

impl SecondPool {
    /// A pool of people known by their addresses, with one client.
    #[track_caller]
    pub fn start() -> Self {
        let (folder, address) = (Scratch::new(), ports::free());
        fs::create_dir(folder.path().join(".cognito")).expect("a folder for its settings");
        let settings = json!({
            "ServerConfig": {"hostname": "127.0.0.1", "port": address.port()},
            // Named as Cognito names itself.
            "TokenConfig": {"IssuerDomain": "https://cognito-idp.local.amazonaws.com"},
        });
        folder.write(".cognito/config.json", settings.to_string());
        let mut command = part::package("cognito-local/lib/bin/start.js");
        let process = Part::listening(command.current_dir(folder.path()).stdout(std::process::Stdio::null()), address);
        let call = |operation: &str, body: Value| call(address, operation, &body);
        let pool = call("CreateUserPool", json!({"PoolName": "people", "AutoVerifiedAttributes": ["email"]}));
        let pool_id = text(&pool["UserPool"]["Id"]);
        let made = call("CreateUserPoolClient", json!({"UserPoolId": pool_id, "ClientName": "door"}));
        let client_id = text(&made["UserPoolClient"]["ClientId"]);
        Self { _part: process, folder, address, pool_id, client_id }
    }

    /// A Doorward whose passwords it keeps.
    pub fn keeps_passwords(&self, setup: Setup) -> Setup {
        setup
            .env("COGNITO_USER_POOL_ID", &self.pool_id)
            .env("COGNITO_CLIENT_ID", &self.client_id)
            .env("AWS_REGION", "local")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_ENDPOINT_URL", &format!("http://{}", self.address))
    }

    /// The code that it mailed to somebody who signed up, from its own files: it has no mailbox.
    #[track_caller]
    pub fn mailed_code(&self, email: &str) -> String {
        let file = self.folder.path().join(format!(".cognito/db/{}.json", self.pool_id));
        until("the pool keeps a code", PATIENCE, || {
            let kept: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
            let users = kept["Users"].as_object()?;
            let matches =
                |user: &&Value| user["Attributes"].as_array().into_iter().flatten().any(|a| a["Value"] == email);
            let code = &users.values().find(matches)?["ConfirmationCode"];
            code.as_str().map(str::to_owned)
        })
    }
}

#[track_caller]
fn call(address: SocketAddr, operation: &str, body: &Value) -> Value {
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    let credential = "AWS4-HMAC-SHA256 Credential=local/20260101/local/cognito-idp/aws4_request";
    let request = Client::new(address).post("/").header("X-Amz-Target", &target).header("Authorization", credential);
    request.text("application/x-amz-json-1.1", &body.to_string()).send().expect(200).json()
}
