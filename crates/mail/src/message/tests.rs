//! What a message is, whoever it goes to and whatever it is called: these headers, each once, and two parts.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, SystemTime};

use doorward_identity::mail::Letter;
use doorward_identity::user::EmailAddress;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::address::{on_the_wire, parse_mailbox};
use crate::templates::{House, Templates};

const ID: &str = "01890000-0000-7000-8000-000000000001";

fn write(from: &str, reply_to: Option<&str>, to: &EmailAddress, written: Written) -> Option<Envelope> {
    let from = parse_mailbox(from).ok()?;
    let reply_to = reply_to.map(parse_mailbox).transpose().ok()?;
    let id = MailId::from_uuid(Uuid::parse_str(ID).unwrap());
    let date = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    Some(Sender { from, reply_to }.write(id, on_the_wire(to), written, date).unwrap())
}

fn letter(product: &str, to: &EmailAddress) -> Option<Written> {
    let house = House {
        product: product.to_owned(),
        public_url: "https://door.example.com".to_owned(),
        frontend_url: "https://app.example.com".to_owned(),
    };
    let templates = Templates::load(house, None).ok()?;
    templates.write(&Letter::ConfirmEmail { code: "123456".to_owned() }, to.as_str()).ok()
}

/// The headers before the first part, unfolded.
fn headers(envelope: &Envelope) -> Vec<(String, String)> {
    let text = String::from_utf8(envelope.bytes.clone()).unwrap();
    let head = text.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ").replace("\r\n\t", " ");
    let pairs = head.split("\r\n").map(|line| line.split_once(": ").unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn names(envelope: &Envelope) -> Vec<String> {
    let mut names: Vec<_> = headers(envelope).into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

const NAMES: [&str; 8] =
    ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];

#[test]
fn a_message_is_what_mail_programs_expect() {
    let to = "ann@example.com".parse().unwrap();
    let written = letter("Doorward", &to).unwrap();
    let envelope =
        write("T\u{fc}rh\u{fc}ter <door@b\u{fc}cher.example>", Some("help@example.com"), &to, written).unwrap();
    let headers = headers(&envelope);
    for (name, value) in [
        ("From", "=?utf-8?b?VMO8cmjDvHRlcg==?= <door@xn--bcher-kva.example>"),
        ("Reply-To", "help@example.com"),
        ("To", "ann@example.com"),
        ("Subject", "Confirm your e-mail address"),
        ("Date", "Fri, 15 Jan 2027 08:00:00 +0000"),
        ("Message-ID", &format!("<{ID}@xn--bcher-kva.example>")),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", &format!("multipart/alternative; boundary=\"=_{ID}\"")),
    ] {
        let found: Vec<_> = headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect();
        assert_eq!(found, [value], "{name}");
    }
    let text = String::from_utf8(envelope.bytes).unwrap();
    assert!(text.is_ascii());
    assert_eq!(text.matches(&format!("--=_{ID}")).count(), 3);
    assert!(text.contains("Content-Type: text/plain; charset=utf-8"));
    assert!(text.contains("Content-Type: text/html; charset=utf-8"));
}

#[test]
fn every_attempt_at_one_mail_is_the_same_message() {
    let to = "ann@example.com".parse().unwrap();
    let [one, other] =
        [(); 2].map(|()| write("door@example.com", None, &to, letter("Doorward", &to).unwrap()).unwrap());
    assert_eq!(one.bytes, other.bytes);
}

#[test]
fn a_subject_is_one_line() {
    for bad in ["", "  ", "a\nb", "a\r\nBcc: b@example.com", "a\u{0}", "a\u{2028}b", "a\u{85}b", &"x".repeat(201)] {
        assert!(judge_subject(bad).is_err(), "{bad:?}");
    }
    assert_eq!(judge_subject(&"\u{fc}".repeat(200)), Ok(()));
}

/// Text that tries to be more than text.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\nBcc: eve@example.com".to_owned()),
        Just("\n\n<script>".to_owned()),
        Just("=?utf-8?q?=0D=0ABcc:_x?=".to_owned()),
        Just("\"><img src=x>'".to_owned()),
        Just("{{ code }}{% include 'x' %}".to_owned()),
        Just(format!("--=_{ID}--")),
        ".{0,20}",
        "\\PC{0,60}",
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Addresses a person may register, odd ones above all.
fn addresses() -> impl Strategy<Value = EmailAddress> {
    let local = prop_oneof!["[a-z!#$%&'*+/=?^_`{|}~-]{1,64}", "\\PC{1,12}", "[a-z\u{e0}-\u{17f}.]{1,20}"];
    let domain = prop_oneof!["[a-z]{1,30}\\.[a-z]{2,9}", "\\PC{1,8}\\.example"];
    (local, domain).prop_filter_map("no address", |(local, domain)| format!("{local}@{domain}").parse().ok())
}

proptest! {
    #[test]
    fn no_name_adds_a_header(name in hostile(), to in addresses()) {
        let written = Written { subject: "s".to_owned(), text: name.clone(), html: name.clone() };
        let quoted = format!("\"{name}\" <door@example.com>");
        for from in [format!("{name} <door@example.com>"), quoted] {
            if let Some(envelope) = write(&from, None, &to, written.clone()) {
                prop_assert_eq!(names(&envelope), NAMES);
            }
        }
    }

    #[test]
    fn no_subject_that_is_taken_adds_a_header(subject in hostile(), to in addresses()) {
        prop_assume!(judge_subject(&subject).is_ok());
        let written = Written { subject, text: String::new(), html: String::new() };
        let envelope = write("door@example.com", None, &to, written).unwrap();
        prop_assert_eq!(names(&envelope), NAMES);
    }

    #[test]
    fn no_address_adds_a_header_or_a_second_recipient(to in addresses()) {
        let written = letter("Doorward", &to).unwrap();
        let envelope = write("door@example.com", None, &to, written).unwrap();
        prop_assert_eq!(names(&envelope), NAMES);
        let head = headers(&envelope);
        let told = &head.iter().find(|(name, _)| name == "To").unwrap().1;
        prop_assert_eq!(told, &envelope.to.to_string());
    }

    #[test]
    fn nothing_a_person_or_operator_names_becomes_html(product in hostile(), to in addresses()) {
        prop_assume!(!product.contains(char::is_control));
        let plain = letter("Doorward", &"ann@example.com".parse().unwrap()).unwrap();
        if let Some(written) = letter(&product, &to) {
            prop_assert_eq!(written.html.matches('<').count(), plain.html.matches('<').count());
            prop_assert_eq!(written.html.matches('"').count(), plain.html.matches('"').count());
        }
    }
}
