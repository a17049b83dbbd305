//! The mailbox of development: every letter that left, for whoever asks. Served only where an operator says so, and no
//! part of the API that is documented.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use doorward_identity::mail::{MailId, Mailbox, Message};
use doorward_identity::user::EmailAddress;
use serde::Serialize;

use crate::contract::Contract::Accounts;
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::query::Query;
use crate::{Api, json, pages};

/// The page, and the same for programs.
pub(crate) const PATHS: [&str; 2] = ["/dev/mailbox", "/dev/mailbox.json"];

/// Whose letters are shown.
struct Choice {
    /// Only those to this address.
    to: Option<EmailAddress>,
}

impl Shape for Choice {
    fn read(members: &mut Members<'_>) -> Self {
        Self { to: members.parsed("to", "must be an e-mail address") }
    }
}

impl Choice {
    fn of(&self, mailbox: &Mailbox) -> Vec<Message> {
        let mut messages = mailbox.messages();
        if let Some(wanted) = &self.to {
            messages.retain(|message| message.to.parse().is_ok_and(|to: EmailAddress| to.key() == wanted.key()));
        }
        messages
    }
}

/// A letter as it left.
#[derive(Serialize)]
struct Letter<'m> {
    id: MailId,
    to: &'m str,
    from: &'m str,
    kind: &'static str,
    subject: &'m str,
    text: &'m str,
    html: &'m str,
    sent_at: Moment,
}

impl<'m> Letter<'m> {
    fn of(message: &'m Message) -> Self {
        Self {
            id: message.id,
            to: &message.to,
            from: &message.from,
            kind: message.kind.as_str(),
            subject: &message.subject,
            text: &message.text,
            html: &message.html,
            sent_at: Moment(message.sent_at),
        }
    }
}

pub(crate) fn routes(mailbox: Arc<Mailbox>) -> Router<Arc<Api>> {
    let [page, list] = PATHS;
    Router::new().route(page, get(show)).route(list, get(tell)).with_state(mailbox)
}

async fn show(State(mailbox): State<Arc<Mailbox>>, choice: Query) -> Result<Response, Problem> {
    let choice: Choice = choice.read(Accounts)?;
    Ok(pages::mailbox(&choice.of(&mailbox), choice.to.as_ref()))
}

async fn tell(State(mailbox): State<Arc<Mailbox>>, choice: Query) -> Result<Response, Problem> {
    let choice: Choice = choice.read(Accounts)?;
    Ok(json::ok(&choice.of(&mailbox).iter().map(Letter::of).collect::<Vec<_>>()))
}
