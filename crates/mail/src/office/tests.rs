//! What the post office promises.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{self, Seek as _};

use jiff::Timestamp;
use uuid::Uuid;

use super::*;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }
}

fn settings(shows_letters: bool) -> PostSettings {
    PostSettings {
        carrier: Carrier::Log { shows_letters },
        from: "Doorward <door@example.com>".to_owned(),
        reply_to: None,
        product: "Doorward".to_owned(),
        public_url: "https://door.example.com".to_owned(),
        frontend_url: "https://app.example.com".to_owned(),
        templates: None,
        timeout: Duration::from_secs(10),
        mailbox: None,
        extra_ca: None,
    }
}

/// Sends a letter with a code, and gives what was logged.
fn logged(office: &PostOffice) -> (Result<(), PostError>, String) {
    let mut log = tempfile::tempfile().unwrap();
    let subscriber =
        tracing_subscriber::fmt().with_writer(Arc::new(log.try_clone().unwrap())).with_ansi(false).finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let letter = Letter::ConfirmEmail { code: "271828".to_owned() };
    let recipient = "ann@example.com".parse().unwrap();
    let sent = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(office.send(MailId::from_uuid(Uuid::nil()), &recipient, &letter))
    });
    log.rewind().unwrap();
    (sent, io::read_to_string(log).unwrap())
}

#[test]
fn in_development_a_letter_is_read_in_the_log_and_in_the_mailbox() {
    let mailbox = Arc::new(Mailbox::default());
    let settings = PostSettings { mailbox: Some(Arc::clone(&mailbox)), ..settings(true) };
    let office = PostOffice::new(settings, Arc::new(Noon)).unwrap();
    let (sent, log) = logged(&office);
    assert_eq!(sent, Ok(()));
    for told in ["mail.to=ann@example.com", "mail.subject=Confirm your e-mail address", "\n271828\n"] {
        assert!(log.contains(told), "{told:?} is not in {log}");
    }
    let [kept] = mailbox.messages().try_into().unwrap();
    assert_eq!((kept.from.as_str(), kept.to.as_str()), ("Doorward <door@example.com>", "ann@example.com"));
    assert_eq!(kept.sent_at, Noon.now());
    assert!(kept.text.contains("271828") && kept.html.contains("271828"));
}

#[test]
fn outside_development_the_log_shows_nothing_and_the_letter_is_given_up() {
    let mailbox = Arc::new(Mailbox::default());
    let settings = PostSettings { mailbox: Some(Arc::clone(&mailbox)), ..settings(false) };
    let office = PostOffice::new(settings, Arc::new(Noon)).unwrap();
    let (sent, log) = logged(&office);
    assert!(matches!(sent, Err(PostError::Never(reason)) if reason.contains("mail.url is log:")));
    assert_eq!(log, "");
    assert!(mailbox.messages().is_empty(), "what nobody carried was not sent");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = PostSettings {
        carrier: Carrier::Smtp(crate::SmtpSettings::parse("smtp://mail.example.com").unwrap()),
        from: "nobody".to_owned(),
        reply_to: Some("a@example.com, b@example.com".to_owned()),
        product: "two\nlines".to_owned(),
        templates: Some(folder.path().join("missing")),
        extra_ca: Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec()),
        ..settings(true)
    };
    let told = PostOffice::new(settings, Arc::new(Noon)).err().unwrap();
    let keys: Vec<_> = told.0.iter().map(|mistake| mistake.setting).collect();
    assert_eq!(keys, ["mail.from", "mail.reply_to", "mail.product", "outbound.extra_ca", "mail.templates"]);
    assert!(told.to_string().lines().count() >= 5);
}
