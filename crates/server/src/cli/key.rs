//! `doorward key …`: signing keys.

use std::io::Write;

use clap::Subcommand;
use doorward_identity::Identity;
use doorward_identity::keyring::{KeyInfo, KeyState};
use doorward_identity::policy::Admin;

use super::table;

/// Signing keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the keys and what each does now.
    List,
    /// Make the next key. It is published at once and signs after the lead (`tokens.key_lead`).
    Rotate {
        /// Sign with it at once, after a leak; whoever caches the published keys may refuse it for a while.
        #[arg(long)]
        now: bool,
    },
    /// Throw a key away: every token signed with it is refused from now on.
    Withdraw {
        /// Its name.
        kid: String,
    },
}

/// Does what the command says.
pub(super) async fn run(identity: &Identity, command: KeyCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let by = Admin::command_line();
    match command {
        KeyCommand::List => {
            let rows: Vec<Vec<String>> = identity.keys(&by).into_iter().map(row).collect();
            table::print(out, &["KID", "ALGORITHM", "STATE", "MADE", "SIGNS FROM"], &rows)?;
        }
        KeyCommand::Rotate { now } => {
            let key = identity.rotate_key(&by, now).await?;
            writeln!(out, "made key {}; it is published now and signs from {}", key.kid, key.activates_at)?;
        }
        KeyCommand::Withdraw { kid } => {
            identity.withdraw_key(&by, &kid).await?;
            writeln!(out, "withdrew key {kid}; its tokens are refused from now on")?;
        }
    }
    Ok(())
}

fn row(key: KeyInfo) -> Vec<String> {
    let state = match key.state {
        KeyState::Pending => "pending",
        KeyState::Active => "active",
        KeyState::Retiring => "retiring",
        KeyState::Expired => "expired",
    };
    let (made, from) = (key.created_at.to_string(), key.activates_at.to_string());
    vec![key.kid, key.algorithm.to_string(), state.to_owned(), made, from]
}
