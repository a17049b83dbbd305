//! What Amazon SES is asked, and what its answers mean for a letter.

#![expect(clippy::unwrap_used, reason = "tests")]

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sesv2::config::{Credentials, SharedCredentialsProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_identity::mail::MailId;
use lettre::Address;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::*;
use crate::message::Written;

fn envelope(to: &str) -> Envelope {
    let written = Written { subject: "s".to_owned(), text: "t".to_owned(), html: "h".to_owned() };
    let (local, domain) = to.split_once('@').unwrap();
    Envelope {
        id: MailId::from_uuid(Uuid::nil()),
        from: "door@example.com".parse().unwrap(),
        to: Address::new_dangerous(local, domain),
        written,
        bytes: b"Subject: s\r\n\r\nt\r\n".to_vec(),
    }
}

fn ses(endpoint: &str) -> Ses {
    let keys = Credentials::new("id", "s3cret-key", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build();
    Ses::new(&sdk, Duration::from_secs(2))
}

/// A service that answers one request, and what it was asked: the head in lower case, and the body.
async fn ask<T>(answer: String, question: impl AsyncFnOnce(Ses) -> T) -> (T, String, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = ses(&format!("http://{}", listener.local_addr().unwrap()));
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (head, body) = read(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        // Answered on this connection, and never asked again.
        let again = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(again.is_err(), "a letter is handed over once");
        (head, body)
    };
    let (asked, (head, body)) = tokio::join!(Box::pin(question(client)), serving);
    (asked, head, serde_json::from_str(&body).unwrap_or_default())
}

async fn read(stream: &mut TcpStream) -> (String, String) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return (head, body.to_owned());
            }
        }
        let read = stream.read(&mut chunk).await.unwrap();
        assert_ne!(read, 0, "the question broke off");
        bytes.extend_from_slice(&chunk[..read]);
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn refusal(status: u16, code: &str, message: &str) -> String {
    let body = serde_json::json!({"message": message}).to_string();
    let head = format!("HTTP/1.1 {status} X\r\nx-amzn-errortype: {code}\r\ncontent-type: application/json");
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn the_service_gets_the_bytes_an_smtp_server_gets() {
    let letter = envelope("ann@example.com");
    let (sent, head, body) = ask(ok(r#"{"MessageId":"1"}"#), async |ses| ses.carry(&letter).await).await;
    assert_eq!(sent, Ok(()));
    assert!(head.starts_with("post /v2/email/outbound-emails "), "{head}");
    assert_eq!(STANDARD.decode(body["Content"]["Raw"]["Data"].as_str().unwrap()).unwrap(), letter.bytes);
    assert_eq!(body["FromEmailAddress"], "door@example.com");
    assert_eq!(body["Destination"]["ToAddresses"], serde_json::json!(["ann@example.com"]));
}

#[tokio::test]
async fn only_what_nobody_can_mend_is_never() {
    for (status, code, message, is_never) in [
        (400, "MessageRejected", "Address is on the suppression list", true),
        (400, "MessageRejected", "Email address is not verified. door@example.com", false),
        (400, "BadRequestException", "Missing final '@domain'", true),
        (400, "MailFromDomainNotVerifiedException", "no", false),
        (400, "AccountSuspendedException", "no", false),
        (400, "SendingPausedException", "no", false),
        (400, "LimitExceededException", "no", false),
        (429, "TooManyRequestsException", "Daily message quota exceeded", false),
        (404, "NotFoundException", "no", false),
        (403, "AccessDeniedException", "User is not authorized", false),
        (403, "UnrecognizedClientException", "The security token is invalid", false),
        (500, "InternalFailure", "no", false),
        (503, "ServiceUnavailable", "no\r\nreally\u{1b}[2J", false),
    ] {
        let letter = envelope("ann@example.com");
        let (sent, _, _) = ask(refusal(status, code, message), async |ses| ses.carry(&letter).await).await;
        let Err(error) = sent else { unreachable!("{code} was taken for success") };
        assert_eq!(matches!(error, PostError::Never(_)), is_never, "{code}: {error}");
        let told = format!("Amazon SES refuses: {code}: {}", message.lines().next().unwrap());
        assert_eq!(error.to_string(), told);
    }
}

#[tokio::test]
async fn what_makes_no_sense_or_is_not_there_is_later_and_tells_no_secret() {
    let letter = envelope("ann@example.com");
    let answer = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>".to_owned();
    let (garbled, _, _) = ask(answer, async |ses| ses.carry(&letter).await).await;
    let nobody = ses("http://127.0.0.1:9").carry(&letter).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = ses(&format!("http://{}", silent.local_addr().unwrap())).carry(&letter).await;
    for sent in [garbled, nobody, hanging] {
        assert!(matches!(&sent, Err(PostError::Later(reason)) if !reason.contains("s3cret")), "{sent:?}");
    }
}

#[tokio::test]
async fn an_address_beyond_ascii_is_given_up_without_asking() {
    let sent = ses("http://127.0.0.1:9").carry(&envelope("jos\u{e9}@example.com")).await;
    assert!(matches!(sent, Err(PostError::Never(reason)) if reason.contains("ASCII")));
}

#[tokio::test]
async fn a_probe_tells_what_the_account_may() {
    for (body, told) in [
        (r#"{"SendingEnabled":true,"ProductionAccessEnabled":true}"#, Some("sends for this account")),
        (r#"{"SendingEnabled":true,"ProductionAccessEnabled":false}"#, Some("sandbox")),
        (r#"{"SendingEnabled":false,"ProductionAccessEnabled":true}"#, None),
    ] {
        let (seen, head, _) = ask(ok(body), async |ses| ses.probe().await).await;
        assert!(head.starts_with("get /v2/email/account "), "{head}");
        match told {
            Some(told) => assert!(seen.unwrap().contains(told)),
            None => assert!(matches!(seen, Err(PostError::Later(_)))),
        }
    }
}
