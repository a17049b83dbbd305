//! People who use an instance: signed up, signed in, administrators.

use serde_json::{Value, json};

use crate::http::Request;
use crate::instance::Doorward;
use crate::shape::text;

/// A password that every surface accepts.
pub const PASSWORD: &str = "Quiet-Harbour-41";

/// Somebody with an account, signed in through the sign-in surface.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account's id.
    pub id: String,
    /// The e-mail as given at sign-up.
    pub email: String,
    /// A bearer token.
    pub access_token: String,
    /// What the next bearer token is asked for with.
    pub refresh_token: String,
}

impl Doorward {
    /// Signs `name@example.com` up and in.
    #[track_caller]
    pub fn person(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        self.sign_up(&email).send().expect(201);
        self.signed_in(&email)
    }

    /// Makes `name@example.com` an administrator by the command line, and signs in.
    #[track_caller]
    pub fn administrator(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let arguments = ["user", "create", &email, "--admin", "--password-stdin"];
        self.setup().run_ok(&arguments, PASSWORD);
        self.signed_in(&email)
    }

    /// Signs an existing account in.
    #[track_caller]
    pub fn signed_in(&self, email: &str) -> Person {
        let answer = self.sign_in(email, PASSWORD).send().expect(200).json();
        Person {
            id: text(&answer["user"]["id"]),
            email: email.to_owned(),
            access_token: text(&answer["access_token"]),
            refresh_token: text(&answer["refresh_token"]),
        }
    }

    /// A sign-up by the sign-in surface.
    pub fn sign_up(&self, email: &str) -> Request {
        self.post("/api/auth/signup").json(&json!({"email": email, "password": PASSWORD}))
    }

    /// A sign-in by the sign-in surface.
    pub fn sign_in(&self, email: &str, password: &str) -> Request {
        self.post("/api/auth/signin").json(&json!({"email": email, "password": password}))
    }

    /// A log-in by the directory surface.
    pub fn log_in(&self, email: &str, password: &str) -> Request {
        self.post("/auth/login").json(&json!({"email": email, "password": password}))
    }

    /// A registration by the directory surface.
    pub fn register(&self, email: &str) -> Request {
        self.post("/auth/register").json(&json!({"email": email, "password": PASSWORD, "name": "Ada Lovelace"}))
    }

    /// What `/auth/validate` says of a token.
    #[track_caller]
    pub fn validate(&self, token: &str) -> Value {
        let verdict = self.post("/auth/validate").json(&json!({"token": token})).send().expect(200).json();
        let consistent =
            verdict["valid"] == verdict["user"].is_object() && verdict["valid"] == verdict["error"].is_null();
        assert!(consistent, "{verdict}");
        verdict
    }

    /// Whether `/auth/validate` takes a token.
    #[track_caller]
    pub fn accepts(&self, token: &str) -> bool {
        self.validate(token)["valid"] == true
    }
}
