//! The mailbox of development: there only where it is wanted, and nothing in a letter becomes part of its page.

use std::sync::Arc;

use axum::body::Body;
use doorward_identity::entropy::SeededEntropy;
use doorward_identity::mail::{LetterKind, MailId, Mailbox, Message};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::app::{App, Outcome};

const PAGE: &str = "/dev/mailbox";
const LIST: &str = "/dev/mailbox.json";

async fn app_with(mailbox: &Arc<Mailbox>) -> Outcome<App> {
    let mailbox = Arc::clone(mailbox);
    App::start_with(|settings| settings.mailbox = Some(mailbox)).await
}

fn message(number: i64, to: &str) -> Outcome<Message> {
    let sent_at = "2026-02-04T10:30:00Z".parse::<Timestamp>()? + SignedDuration::from_millis(number * 1500);
    Ok(Message {
        id: MailId::new(sent_at, &SeededEntropy::new(number.unsigned_abs())),
        kind: LetterKind::ConfirmEmail,
        sent_at,
        from: "Doorward <door@example.com>".to_owned(),
        to: to.to_owned(),
        subject: format!("Letter {number}"),
        text: format!("Your code:\n\n01234{number}\n"),
        html: format!("<!doctype html>\n<style>p {{ color: red; }}</style>\n<p class=\"code\">01234{number}</p>\n"),
    })
}

#[tokio::test]
async fn without_a_mailbox_there_is_no_page() -> Outcome {
    let app = App::start().await?;
    for path in [PAGE, LIST] {
        assert_eq!(app.anon().get(path).await?.status, 404, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_mailbox_says_what_will_be_there_and_how() -> Outcome {
    let app = app_with(&Arc::default()).await?;
    let page = app.anon().get(PAGE).await?;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!((page.header("cache-control"), page.header("x-frame-options")), ("no-store", "DENY"));
    let html = String::from_utf8(page.bytes)?;
    for part in ["<html lang=\"en\">", "<h2>No mail yet</h2>", "POST /api/v1/auth/register", "/api/v1/auth/request-otp"]
    {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert_eq!(app.anon().get(LIST).await?.body, json!([]));
    Ok(())
}

#[tokio::test]
async fn letters_are_shown_newest_first_as_page_and_as_json() -> Outcome {
    let mailbox = Arc::new(Mailbox::default());
    let app = app_with(&mailbox).await?;
    for (number, to) in [(1, "ada@example.com"), (2, "bob@example.com")] {
        mailbox.keep(message(number, to)?);
    }
    let list = app.anon().get(LIST).await?;
    let newest = message(2, "bob@example.com")?;
    let expected = json!({
        "id": newest.id, "to": "bob@example.com", "from": "Doorward <door@example.com>", "kind": "confirm_email",
        "subject": "Letter 2", "text": newest.text, "html": newest.html, "sent_at": "2026-02-04T10:30:03Z",
    });
    assert_eq!((list.status, &list.body[0], list.text("/1/subject")), (200, &expected, "Letter 1"));
    assert_eq!((list.text("/1/sent_at"), list.header("cache-control")), ("2026-02-04T10:30:01.500Z", "no-store"));

    let html = String::from_utf8(app.anon().get(PAGE).await?.bytes)?;
    let place = |text: &str| html.find(text).ok_or_else(|| format!("{text} is missing in {html}"));
    assert!(
        place("<h2 id=\"letter-")? < place(">Letter 2</h2>")? && place(">Letter 2</h2>")? < place(">Letter 1</h2>")?
    );
    for part in [
        "<dd><a href=\"/dev/mailbox?to=bob%40example.com\">bob@example.com</a></dd>",
        "<dd>Doorward &lt;door@example.com&gt;</dd>",
        "<time datetime=\"2026-02-04T10:30:03Z\">4 February 2026, 10:30:03 UTC</time>",
        "\nYour code:\n\n012342</pre>",
        "<iframe sandbox loading=\"lazy\" title=\"HTML of: Letter 2\" srcdoc=\"&lt;!doctype html&gt;\n&lt;style&gt;",
    ] {
        place(part)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_letters_of_one_address_can_be_had_alone_in_any_spelling() -> Outcome {
    let mailbox = Arc::new(Mailbox::default());
    let app = app_with(&mailbox).await?;
    for (number, to) in [(1, "ada@example.com"), (2, "bob@example.com"), (3, "Ada@Example.com"), (4, "undisclosed")] {
        mailbox.keep(message(number, to)?);
    }
    for (to, numbers) in [("ada@example.com", &["3", "1"][..]), ("BOB%40example.com", &["2"]), ("x@example.com", &[])] {
        let list = app.anon().get(&format!("{LIST}?to={to}")).await?;
        let subjects: Vec<_> = list.body.as_array().into_iter().flatten().map(|it| it["subject"].clone()).collect();
        assert_eq!(subjects, numbers.iter().map(|it| json!(format!("Letter {it}"))).collect::<Vec<_>>(), "{to}");
        let html = String::from_utf8(app.anon().get(&format!("{PAGE}?to={to}")).await?.bytes)?;
        assert_eq!(html.matches("<iframe ").count(), numbers.len(), "{to}");
        assert!(html.contains("<a href=\"/dev/mailbox\">All mail</a>"), "{html}");
    }
    for bad in ["to=", "to=nobody", "to=%3Cb%3E", "to=a@example.com&to=b@example.com"] {
        let answer = app.anon().get(&format!("{LIST}?{bad}")).await?;
        assert_eq!((answer.status, answer.fields().first()), (400, Some(&"to")), "{bad}");
    }
    assert_eq!(app.anon().call("POST", PAGE).await?.status, 405);
    Ok(())
}

#[tokio::test]
async fn nothing_in_a_letter_becomes_markup_of_the_page_or_gets_out_of_its_frame() -> Outcome {
    let mailbox = Arc::new(Mailbox::default());
    let app = app_with(&mailbox).await?;
    let hostile = "\"><script>alert(1)</script></pre></title><img src=x onerror=alert(2)>'\u{202e}{id}\u{0}\r\n";
    let harmless = Message { text: "x".to_owned(), html: "<p>x</p>".to_owned(), ..message(1, "a@example.com")? };
    mailbox.keep(harmless.clone());
    let tags = String::from_utf8(app.anon().get(PAGE).await?.bytes)?.matches('<').count();
    let [to, from, subject, text, html] = [hostile; 5].map(str::to_owned);
    let fresh = Arc::new(Mailbox::default());
    fresh.keep(Message { to, from, subject, text, html, ..harmless });
    let app = app_with(&fresh).await?;
    let page = app.anon().send("GET", PAGE, Body::empty(), &[("accept", "text/html")]).await?;
    let policy = page.header("content-security-policy").to_owned();
    let html = String::from_utf8(page.bytes)?;
    assert_eq!(html.matches('<').count(), tags, "{html}");
    assert!(!html.contains("\u{202e}") && !html.contains('\u{0}') && html.contains("<iframe sandbox loading"));
    assert!(
        policy.starts_with("default-src 'none'; style-src 'unsafe-inline';") && !policy.contains("script"),
        "{policy}"
    );
    Ok(())
}
