//! A post that keeps every letter, and the people who wait for one.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use doorward_identity::mail::{Letter, LetterKind, MailId, PostError, Postman};
use doorward_identity::user::EmailAddress;
use serde_json::{Value, json};

use crate::app::{Answer, App, Outcome, PASSWORD};

/// The letters that left, with their recipients.
#[derive(Default)]
pub(crate) struct Post(Mutex<Vec<(String, Letter)>>);

#[async_trait]
impl Postman for Post {
    async fn send(&self, _: MailId, recipient: &EmailAddress, letter: &Letter) -> Result<(), PostError> {
        let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push((recipient.as_str().to_owned(), letter.clone()));
        Ok(())
    }
}

impl App {
    /// The letters that an address got so far.
    async fn letters_to(&self, email: &str) -> Outcome<Vec<Letter>> {
        self.identity.deliver_mail(|| true).await?;
        let letters = self.post.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(letters.iter().filter(|(to, _)| to == email).map(|(_, letter)| letter.clone()).collect())
    }

    /// Which letters an address got so far.
    pub(crate) async fn post_of(&self, email: &str) -> Outcome<Vec<LetterKind>> {
        Ok(self.letters_to(email).await?.iter().map(Letter::kind).collect())
    }

    /// The code in the last letter to an address.
    pub(crate) async fn code_for(&self, email: &str) -> Outcome<String> {
        match self.letters_to(email).await?.pop() {
            Some(Letter::ConfirmEmail { code } | Letter::ResetPassword { code } | Letter::ConfirmNewEmail { code }) => {
                Ok(code)
            }
            other => Err(format!("{email} got {other:?}").into()),
        }
    }

    /// Somebody signs up on the accounts surface.
    pub(crate) async fn register(&self, email: &str) -> Outcome {
        let answer = self.anon().post("/api/v1/auth/register", &registration(email)).await?;
        assert_eq!((answer.status, &answer.body), (201, &json!({"message": "OTP sent"})), "{answer:?}");
        Ok(())
    }

    /// Somebody presents a code.
    pub(crate) async fn verify(&self, email: &str, code: &str, purpose: &str) -> Outcome<Answer> {
        let wish = json!({"email": email, "code": code, "purpose": purpose});
        self.anon().post("/api/v1/auth/verify-otp", &wish).await
    }

    /// Somebody with an account whose address is confirmed; answers their tokens.
    pub(crate) async fn member(&self, email: &str) -> Outcome<Answer> {
        self.register(email).await?;
        let code = self.code_for(email).await?;
        let answer = self.verify(email, &code, "email_verification").await?;
        assert_eq!((answer.status, &answer.body), (200, &json!({"message": "Signup complete"})), "{answer:?}");
        let answer = self.log_in(email, PASSWORD).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        Ok(answer)
    }

    /// Somebody tries a password on the accounts surface.
    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Outcome<Answer> {
        self.anon().post("/api/v1/auth/login", &json!({"email": email, "password": password})).await
    }

    /// Somebody asks for a code.
    pub(crate) async fn request_code(&self, email: &str, purpose: &str) -> Outcome<Answer> {
        self.anon().post("/api/v1/auth/request-otp", &json!({"email": email, "purpose": purpose})).await
    }
}

pub(crate) fn registration(email: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace", "accept_terms": true,
    })
}
