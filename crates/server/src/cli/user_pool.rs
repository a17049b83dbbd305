//! `doorward user-pool …`: how far people have moved over from the pool they leave.

use std::io::Write;

use anyhow::Context as _;
use clap::Subcommand;
use doorward_identity::Identity;
use doorward_identity::policy::Admin;
use doorward_identity::user_pool::{PoolAccount, Standing, UserPoolReport};
use serde_json::json;

use super::table;

/// The user pool elsewhere.
#[derive(Debug, Subcommand)]
pub(crate) enum UserPoolCommand {
    /// Tell who is left: whose password is still at the pool, and who has no account here yet.
    Report {
        /// Print JSON, for programs.
        #[arg(long)]
        json: bool,
    },
}

/// Somebody whom the pool still keeps.
struct Left {
    email: String,
    subject: String,
    standing: &'static str,
}

impl Left {
    fn of(account: &PoolAccount, standing: Standing) -> Option<Self> {
        let standing = match standing {
            Standing::Moved => return None,
            Standing::Left => "left",
            Standing::OnlyThere => "only_there",
        };
        Some(Self { email: account.email.clone().unwrap_or_default(), subject: account.subject.clone(), standing })
    }
}

/// Does what the command says.
pub(super) async fn run(identity: &Identity, command: UserPoolCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let UserPoolCommand::Report { json } = command;
    let mut left = Vec::new();
    let note = |account: &PoolAccount, standing| left.extend(Left::of(account, standing));
    let report = identity.user_pool_report(&Admin::command_line(), note).await;
    let report = report.context("the pool's accounts cannot be read, and `doorward doctor` says why")?;
    if json { print_json(&report, &left, out) } else { print(&report, &left, out) }
}

fn print(report: &UserPoolReport, left: &[Left], out: &mut impl Write) -> anyhow::Result<()> {
    if !left.is_empty() {
        let row = |left: &Left| vec![left.email.clone(), left.subject.clone(), left.standing.replace('_', " ")];
        table::print(out, &["EMAIL", "SUBJECT", "STANDING"], &left.iter().map(row).collect::<Vec<_>>())?;
        writeln!(out)?;
    }
    let UserPoolReport { moved, left: known, only_there } = report;
    let left = known + only_there;
    writeln!(
        out,
        "{moved} moved over, {left} with their password still at the pool: {known} with an account here, {only_there} without"
    )?;
    if left == 0 {
        writeln!(out, "nobody is left: take user_pool.migrate_from away")?;
    }
    Ok(())
}

fn print_json(report: &UserPoolReport, left: &[Left], out: &mut impl Write) -> anyhow::Result<()> {
    let member = |left: &Left| json!({ "email": left.email, "subject": left.subject, "standing": left.standing });
    let told = json!({
        "moved": report.moved,
        // All of them: with anybody left the pool is still needed.
        "left": report.left + report.only_there,
        "only_there": report.only_there,
        "accounts": left.iter().map(member).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &told)?;
    Ok(writeln!(out)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn account(email: &str) -> PoolAccount {
        PoolAccount {
            subject: "s-1".to_owned(),
            email: Some(email.to_owned()),
            email_verified: true,
            given_name: None,
            family_name: None,
            phone: None,
            confirmed: true,
            enabled: true,
            has_password: true,
        }
    }

    fn written(print: impl FnOnce(&mut Vec<u8>) -> anyhow::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn whoever_has_not_moved_is_named_and_everybody_counted() {
        let standings = [
            ("a@example.com", Standing::Moved),
            ("b@example.com", Standing::Left),
            ("c@example.com", Standing::OnlyThere),
        ];
        let left: Vec<_> =
            standings.iter().filter_map(|(email, standing)| Left::of(&account(email), *standing)).collect();
        let report = UserPoolReport { moved: 1, left: 1, only_there: 1 };
        let text = written(|out| print(&report, &left, out));
        assert!(!text.contains("a@example.com") && text.contains("b@example.com  s-1      left\n"), "{text}");
        assert!(
            text.contains("1 moved over, 2 with their password still at the pool: 1 with an account here, 1 without"),
            "{text}"
        );
        let json: serde_json::Value = serde_json::from_str(&written(|out| print_json(&report, &left, out))).unwrap();
        assert_eq!((&json["moved"], &json["accounts"][1]["standing"]), (&json!(1), &json!("only_there")));
    }

    #[test]
    fn when_nobody_is_left_it_is_said_what_to_do() {
        let text = written(|out| print(&UserPoolReport { moved: 3, ..UserPoolReport::default() }, &[], out));
        assert!(text.ends_with("take user_pool.migrate_from away\n"), "{text}");
    }
}
