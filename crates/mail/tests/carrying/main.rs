//! Letters handed to SMTP servers: one that follows a script, to the letter of every answer, and a real one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod answers;
mod protected;
mod script;

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::Clock;
use doorward_identity::mail::{Letter, MailId, PostError, Postman};
use doorward_mail::{Carrier, PostOffice, PostSettings, SmtpSettings};
use jiff::Timestamp;
use uuid::Uuid;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }
}

/// Settings for a server with some patience.
fn settings(url: &str) -> PostSettings {
    PostSettings {
        carrier: Carrier::Smtp(SmtpSettings::parse(url).unwrap()),
        from: "Harbour & Sons <door@example.com>".to_owned(),
        reply_to: Some("help@example.com".to_owned()),
        product: "Harbour & Sons".to_owned(),
        public_url: "https://door.example.com".to_owned(),
        frontend_url: "https://app.example.com".to_owned(),
        templates: None,
        timeout: Duration::from_secs(10),
        mailbox: None,
        extra_ca: None,
    }
}

fn office(settings: PostSettings) -> PostOffice {
    PostOffice::new(settings, Arc::new(Noon)).unwrap()
}

/// Sends a letter with the code 271828.
async fn send(office: &PostOffice, to: &str) -> Result<(), PostError> {
    let letter = Letter::ConfirmEmail { code: "271828".to_owned() };
    office.send(MailId::from_uuid(Uuid::nil()), &to.parse().unwrap(), &letter).await
}

/// The reason, if the letter may leave later.
#[track_caller]
fn later(sent: Result<(), PostError>) -> String {
    let Err(PostError::Later(reason)) = sent else { panic!("not put off: {sent:?}") };
    reason
}

/// The reason, if it never will.
#[track_caller]
fn never(sent: Result<(), PostError>) -> String {
    let Err(PostError::Never(reason)) = sent else { panic!("not given up: {sent:?}") };
    reason
}
