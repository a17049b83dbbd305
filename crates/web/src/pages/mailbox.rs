//! The page of development's mailbox. What a letter says is text here; its HTML lies in a frame that runs, loads and
//! reaches nothing.

use axum::body::Body;
use doorward_identity::mail::Message;
use doorward_identity::user::EmailAddress;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response};

use super::{HTML, escaped};

const PAGE: &str = "/dev/mailbox";
const STYLE: &str = include_str!("mailbox.css");
/// Letters bring styles of their own, and a frame without an address has its page's policy.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// What there is to see while there is nothing.
const EMPTY: &str = include_str!("mailbox_empty.html");

/// The letters, as they are given; all of them, or only those to an address.
pub(crate) fn mailbox(messages: &[Message], to: Option<&EmailAddress>) -> Response<Body> {
    let title = to.map_or("Mailbox".to_owned(), |to| format!("Mail to {}", to.as_str()));
    let everybody = to.map(|_| format!("<a href=\"{PAGE}\">All mail</a>")).unwrap_or_default();
    let json = to.map_or(String::new(), |to| format!("?to={}", encoded(to.as_str())));
    let links = format!("<a href=\"\">Reload</a> {everybody} <a href=\"{PAGE}.json{}\">As JSON</a>", escaped(&json));
    let content = match (messages, to) {
        ([], None) => EMPTY.to_owned(),
        ([], Some(_)) => "<article>\n<h2>No mail to this address yet</h2>\n</article>".to_owned(),
        (messages, _) => messages.iter().map(article).collect(),
    };
    let html = format!(
        include_str!("mailbox.html"),
        title = escaped(&title),
        style = STYLE,
        summary = "Mail that left here, newest first. It is kept in memory and shown in development only.",
        links = links,
        content = content,
    );
    let mut response = Response::new(Body::from(html));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// One letter.
fn article(message: &Message) -> String {
    format!(
        include_str!("letter.html"),
        id = message.id,
        subject = escaped(&message.subject),
        page = PAGE,
        only = escaped(&encoded(&message.to)),
        to = escaped(&message.to),
        from = escaped(&message.from),
        machine_time = message.sent_at,
        time = message.sent_at.strftime("%-d %B %Y, %H:%M:%S UTC"),
        text = escaped_lines(message.text.trim_end()),
        html = escaped_lines(&message.html),
    )
}

/// A text of several lines as it may stand in HTML.
fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}
