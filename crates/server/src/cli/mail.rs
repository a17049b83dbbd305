//! `doorward mail …`: the outbox, the templates, and a letter on trial.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::mail::{Letter, MailEntry, MailId, MailQuery, MailState, PostError, Postman as _};
use doorward_identity::policy::Admin;
use doorward_identity::{Clock as _, clock::SystemClock};
use serde_json::{Value, json};

use super::table;
use crate::aws::Aws;
use crate::config::{Config, MailKind};
use crate::{parts, post};

/// Mail.
#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// List the outbox: what waits, what was given up and why. What a mail says is never shown.
    List {
        /// Only mail in this state: waiting, abandoned or expired.
        #[arg(long, value_parser = state)]
        state: Option<MailState>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Go on after this id (the last of the page before).
        #[arg(long)]
        after: Option<MailId>,
        /// Print JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Have mail that was given up tried again; a running server sends it within seconds.
    Retry {
        /// Its id.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<MailId>,
        /// All that was given up and still says something true.
        #[arg(long)]
        all: bool,
    },
    /// Write the built-in templates into a folder, to be changed there and named by `mail.templates`.
    Templates {
        /// The folder; files that are there stay as they are.
        folder: PathBuf,
    },
    /// Send a sample of the letter with a code at once, past the outbox. Its code, 123456, opens nothing.
    Test {
        /// To whom.
        address: String,
    },
}

fn state(name: &str) -> Result<MailState, String> {
    MailState::parse(name).ok_or_else(|| format!("take {}", MailState::ALL.map(MailState::as_str).join(", ")))
}

/// Does what the command says.
pub(super) async fn run(config: &Config, command: MailCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        MailCommand::List { state, limit, after, json } => {
            let identity = parts::open_identity(config).await?;
            let entries = identity.mail(&Admin::command_line(), &MailQuery { state, after, limit }).await?;
            list(&entries, json, out)
        }
        MailCommand::Retry { id, all: _ } => {
            let identity = parts::open_identity(config).await?;
            match (id, identity.retry_mail(&Admin::command_line(), id).await?) {
                (Some(id), 0) => {
                    bail!("mail {id} is not among those given up; `doorward mail list --state abandoned` shows them")
                }
                (_, 0) => writeln!(out, "no mail was given up that could still be sent")?,
                (_, 1) => writeln!(out, "1 mail waits to be tried again")?,
                (_, mails) => writeln!(out, "{mails} mails wait to be tried again")?,
            }
            Ok(())
        }
        MailCommand::Templates { folder } => {
            doorward_mail::export_templates(&folder)?;
            let folder = folder.display();
            Ok(writeln!(
                out,
                "the templates are in {folder}; set mail.templates = \"{folder}\" and change what you like"
            )?)
        }
        MailCommand::Test { address } => test(config, &address, out).await,
    }
}

fn list(entries: &[MailEntry], as_json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if as_json {
        let entries: Vec<_> = entries.iter().map(described).collect();
        serde_json::to_writer_pretty(&mut *out, &entries)?;
        return Ok(writeln!(out)?);
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|mail| {
            let next = if mail.state == MailState::Waiting { mail.due_at.to_string() } else { String::new() };
            let (letter, to) = (mail.kind.as_str().to_owned(), mail.recipient.as_str().to_owned());
            let why = mail.reason.clone().unwrap_or_default();
            vec![mail.id.to_string(), mail.state.as_str().to_owned(), letter, to, mail.attempts.to_string(), next, why]
        })
        .collect();
    Ok(table::print(out, &["ID", "STATE", "LETTER", "TO", "ATTEMPTS", "NEXT", "WHY"], &rows)?)
}

fn described(mail: &MailEntry) -> Value {
    json!({
        "id": mail.id,
        "state": mail.state.as_str(),
        "letter": mail.kind.as_str(),
        "to": mail.recipient.as_str(),
        "attempts": mail.attempts,
        "created_at": mail.created_at,
        "due_at": mail.due_at,
        "expires_at": mail.expires_at,
        "reason": mail.reason,
    })
}

async fn test(config: &Config, address: &str, out: &mut impl Write) -> anyhow::Result<()> {
    ensure!(config.mail.kind != MailKind::Log, "mail.url is log:, which sends nothing; name a mail server there");
    let to = address.parse().with_context(|| format!("{address:?} is no address"))?;
    let office = post::office(config, &Aws::load(config).await, None)?;
    let letter = Letter::ConfirmEmail { code: "123456".to_owned() };
    match office.send(MailId::new(SystemClock.now(), &SystemEntropy), &to, &letter).await {
        Ok(()) => {
            Ok(writeln!(out, "the mail server took a letter for {address}; see that it arrives, and not among spam")?)
        }
        Err(PostError::Later(why)) => bail!("the letter was not taken: {why} (a server would try again later)"),
        Err(PostError::Never(why)) => bail!("the letter was not taken: {why}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn abandoned() -> MailEntry {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        MailEntry {
            id: "01900000-0000-7000-8000-000000000000".parse().unwrap(),
            kind: doorward_identity::mail::LetterKind::ConfirmEmail,
            recipient: "ann@example.com".parse().unwrap(),
            state: MailState::Abandoned,
            attempts: 3,
            created_at: at,
            due_at: at,
            expires_at: at,
            reason: Some("550 no such mailbox".to_owned()),
        }
    }

    #[test]
    fn people_and_programs_read_why_a_mail_was_given_up() {
        let written = |json| {
            let mut out = Vec::new();
            list(&[abandoned()], json, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let table = written(false);
        assert!(table.starts_with("ID ") && table.contains("abandoned  confirm_email  ann@example.com  3"), "{table}");
        assert!(table.trim_end().ends_with("550 no such mailbox"), "{table}");
        let read: Value = serde_json::from_str(&written(true)).unwrap();
        assert_eq!(read[0]["state"], "abandoned");
        assert_eq!((&read[0]["attempts"], &read[0]["reason"]), (&json!(3), &json!("550 no such mailbox")));
    }

    #[test]
    fn states_have_names() {
        assert_eq!(state("expired"), Ok(MailState::Expired));
        assert_eq!(state("sent"), Err("take waiting, abandoned, expired".to_owned()));
    }
}
