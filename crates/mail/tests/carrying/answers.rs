//! What each answer of a server means for the letter, at whatever point it comes.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::script::{Script, Server};
use super::*;

async fn sent_by(script: Script) -> (Server, Result<(), PostError>) {
    let server = Server::start(script).await;
    let sent = send(&office(settings(&server.url())), "ann@example.com").await;
    (server, sent)
}

#[tokio::test]
async fn a_letter_is_handed_over_in_one_short_conversation() {
    let (server, sent) = sent_by(&[]).await;
    assert_eq!(sent, Ok(()));
    let heard = server.heard();
    let commands = ["EHLO door.example.com", "MAIL FROM:<door@example.com>", "RCPT TO:<ann@example.com>", "DATA"];
    assert_eq!(heard[..4], commands);
    assert_eq!(heard.iter().filter(|line| *line == "271828").count(), 1);
    assert!(heard.iter().any(|line| line == "To: ann@example.com"));
}

#[tokio::test]
async fn each_letter_has_a_connection_of_its_own() {
    let server = Server::start(&[("QUIT", "close")]).await;
    let office = office(settings(&server.url()));
    for _ in 0..3 {
        assert_eq!(send(&office, "ann@example.com").await, Ok(()));
    }
    assert_eq!(server.heard().iter().filter(|line| line.starts_with("EHLO")).count(), 3);
}

#[tokio::test]
async fn what_was_taken_stays_taken_when_the_goodbye_fails() {
    for script in [&[("QUIT", "")], &[("QUIT", "close")], &[("QUIT", "500 what")]] {
        assert_eq!(sent_by(script).await.1, Ok(()));
    }
}

#[tokio::test]
async fn a_refusal_for_good_of_the_recipient_or_the_message_is_never() {
    for (script, told) in [
        (&[("RCPT", "550 5.1.1 no such user")], "refused the recipient: 550 5.1.1 no such user"),
        (&[("DATA", "554 no valid recipients")], "refused the message: 554 no valid recipients"),
        (&[(".", "554 5.7.1 this is spam")], "refused the message: 554 5.7.1 this is spam"),
        (
            &[("RCPT", "550-5.1.1 no such user\r\n550 5.1.1 ask elsewhere")],
            "refused the recipient: 550 5.1.1 no such user ask elsewhere",
        ),
    ] as [(Script, &str); 4]
    {
        let (server, sent) = sent_by(script).await;
        assert_eq!(never(sent), format!("{} {told}", server.address()));
    }
}

#[tokio::test]
async fn a_refusal_that_an_operator_can_mend_or_time_heals_is_later() {
    for (script, told) in [
        (&[("greeting", "554 no service for you")], "turned us away: 554 no service for you"),
        (&[("greeting", "421 too busy")], "turned us away: 421 too busy"),
        (&[("EHLO", "550 who are you")], "turned us away: 550 who are you"),
        (&[("MAIL", "530 5.7.0 sign in first")], "refused the sender: 530 5.7.0 sign in first"),
        (&[("MAIL", "553 5.7.1 not your address")], "refused the sender: 553 5.7.1 not your address"),
        (&[("RCPT", "450 4.2.1 mailbox busy")], "refused the recipient: 450 4.2.1 mailbox busy"),
        (&[("RCPT", "530 5.7.0 sign in first")], "refused the recipient: 530 5.7.0 sign in first"),
        (&[("DATA", "451 4.3.0 try again")], "refused the message: 451 4.3.0 try again"),
        (&[(".", "452 4.3.1 disk full")], "refused the message: 452 4.3.1 disk full"),
    ] as [(Script, &str); 9]
    {
        let (server, sent) = sent_by(script).await;
        assert_eq!(later(sent), format!("{} {told}", server.address()));
    }
}

#[tokio::test]
async fn a_server_that_goes_away_or_makes_no_sense_is_tried_later() {
    for script in [
        &[("greeting", "close")],
        &[("greeting", "HTTP/1.1 400 Bad Request")],
        &[("greeting", "220\u{0}\u{1b}[2J\u{7}")],
        &[("EHLO", "close")],
        &[("MAIL", "close")],
        &[("RCPT", "999 what")],
        &[(".", "close")],
    ] as [Script; 7]
    {
        let (server, sent) = sent_by(script).await;
        let reason = later(sent);
        assert!(reason.starts_with(&server.address().to_string()), "{reason}");
        assert!(!reason.contains(char::is_control), "{reason:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_at_the_deadline() {
    for script in
        [&[("greeting", "")], &[("EHLO", "")], &[("MAIL", "")], &[("RCPT", "")], &[("DATA", "")], &[(".", "")]]
            as [Script; 6]
    {
        let server = Server::start(script).await;
        let impatient = PostSettings { timeout: Duration::from_millis(300), ..settings(&server.url()) };
        let begun = Instant::now();
        let reason = later(send(&office(impatient), "ann@example.com").await);
        assert_eq!(reason, format!("{} did not answer completely within 0.3 s", server.address()));
        assert!(begun.elapsed() < Duration::from_secs(5), "the deadline is over everything");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_later() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let office = office(settings(&format!("smtp://localhost:{port}?tls=none")));
    let reason = later(send(&office, "ann@example.com").await);
    assert!(reason.starts_with(&format!("localhost:{port} does not accept connections")), "{reason}");
    assert_eq!(office.probe().await, Err(PostError::Later(reason)));
}

#[tokio::test]
async fn a_probe_sends_nothing() {
    let server = Server::start(&[]).await;
    let seen = office(settings(&server.url())).probe().await;
    assert_eq!(seen, Ok(format!("{} answers without TLS", server.address())));
    assert_eq!(server.heard()[0], "EHLO door.example.com");
    assert!(!server.heard().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_a_server_that_says_it_carries_it() {
    let (server, to) = (Server::start(&[]).await, "jos\u{e9}@b\u{fc}cher.example");
    let reason = never(send(&office(settings(&server.url())), to).await);
    assert!(reason.contains("no SMTPUTF8"), "{reason}");
    assert_eq!(send(&office(settings(&server.url())), "jose@b\u{fc}cher.example").await, Ok(()));
    assert!(server.heard().contains(&"RCPT TO:<jose@xn--bcher-kva.example>".to_owned()));

    let able = Server::start(&[("EHLO", "250-script\r\n250-8BITMIME\r\n250 SMTPUTF8")]).await;
    assert_eq!(send(&office(settings(&able.url())), to).await, Ok(()));
    let heard = able.heard();
    assert!(heard.contains(&"MAIL FROM:<door@example.com> SMTPUTF8 BODY=8BITMIME".to_owned()), "{heard:?}");
    assert!(heard.contains(&"RCPT TO:<jos\u{e9}@xn--bcher-kva.example>".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn nothing_is_told_to_a_server_that_does_not_encrypt() {
    let server = Server::start(&[]).await;
    let reason = later(send(&office(settings(&server.starttls_url())), "ann@example.com").await);
    assert!(reason.contains("does not offer STARTTLS"), "{reason}");

    let refusing = Server::start(&[("EHLO", "250-script\r\n250 STARTTLS"), ("STARTTLS", "454 not now")]).await;
    let reason = later(send(&office(settings(&refusing.starttls_url())), "ann@example.com").await);
    assert!(reason.ends_with("refused to begin TLS: 454 not now"), "{reason}");
    for server in [server, refusing] {
        assert!(!server.heard().iter().any(|line| line.contains("MAIL") || line.contains("AUTH")));
    }
}

#[tokio::test]
async fn what_is_said_before_tls_is_not_taken_for_what_is_said_over_it() {
    const INJECTED: &str = "220 go\r\n250-script\r\n250 AUTH PLAIN\r\n250 fine\r\n250 fine\r\n354 go on\r\n250 fine";
    let server = Server::start(&[("EHLO", "250-script\r\n250 STARTTLS"), ("STARTTLS", INJECTED)]).await;
    // The handshake meets the surplus at once. Were it kept for later, the handshake would wait for the server.
    let patient = PostSettings { timeout: Duration::from_secs(3), ..settings(&server.starttls_url()) };
    let reason = later(send(&office(patient), "ann@example.com").await);
    assert!(reason.contains("TLS failed"), "{reason}");
}
