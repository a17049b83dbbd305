//! `doorward team …`: teams and who is in them.

use std::io::Write;

use anyhow::Context as _;
use clap::Subcommand;
use doorward_identity::policy::Admin;
use doorward_identity::team::{Team, TeamChange};
use doorward_identity::user::Role;
use doorward_identity::{Identity, TeamId};

use super::{table, user};

/// Teams.
#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// List all teams.
    List,
    /// Make a team.
    Create {
        /// Its name.
        name: String,
        /// What another system calls it.
        #[arg(long)]
        external_ref: Option<String>,
    },
    /// Rename a team.
    Rename {
        /// Name, external reference or id.
        team: String,
        /// Its new name.
        name: String,
    },
    /// Take a team out of use; its members stay on record.
    Deactivate {
        /// Name, external reference or id.
        team: String,
    },
    /// Put a team back into use.
    Activate {
        /// Name, external reference or id.
        team: String,
    },
    /// List who is in a team.
    Members {
        /// Name, external reference or id.
        team: String,
    },
    /// Put somebody into a team, or change their role there.
    Add {
        /// Name, external reference or id.
        team: String,
        /// E-mail address or id.
        user: String,
        /// Their role in the team.
        #[arg(long, default_value = Role::MEMBER)]
        role: Role,
    },
    /// Take somebody out of a team.
    Remove {
        /// Name, external reference or id.
        team: String,
        /// E-mail address or id.
        user: String,
    },
}

/// Does what the command says.
pub(super) async fn run(identity: &Identity, command: TeamCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let by = Admin::command_line();
    match command {
        TeamCommand::List => list(&identity.all_teams(&by).await?, out)?,
        TeamCommand::Create { name, external_ref } => {
            let team = identity.create_team(&by, &name, external_ref.as_deref()).await?;
            writeln!(out, "made team {} {name}", team.id)?;
        }
        TeamCommand::Rename { team, name } => {
            let change = TeamChange { name: Some(name.clone()), ..TeamChange::default() };
            identity.change_team(&by, find(identity, &by, &team).await?, change).await?;
            writeln!(out, "{team} is called {name} now")?;
        }
        TeamCommand::Deactivate { team } => set_active(identity, &by, &team, false, out).await?,
        TeamCommand::Activate { team } => set_active(identity, &by, &team, true, out).await?,
        TeamCommand::Members { team } => {
            let members = identity.team_members(&by, find(identity, &by, &team).await?).await?;
            let rows: Vec<Vec<String>> = members
                .into_iter()
                .map(|m| {
                    let (name, role) = (m.name.unwrap_or_default(), m.role.as_str().to_owned());
                    vec![m.user_id.to_string(), m.email, name, role]
                })
                .collect();
            table::print(out, &["ID", "EMAIL", "NAME", "ROLE"], &rows)?;
        }
        TeamCommand::Add { team, user, role } => {
            let (team_id, user_id) = (find(identity, &by, &team).await?, user::find(identity, &by, &user).await?);
            identity.set_team_member(&by, team_id, user_id, &role).await?;
            writeln!(out, "{user} is in {team} as {}", role.as_str())?;
        }
        TeamCommand::Remove { team, user } => {
            let (team_id, user_id) = (find(identity, &by, &team).await?, user::find(identity, &by, &user).await?);
            identity.remove_team_member(&by, team_id, user_id).await?;
            writeln!(out, "{user} is no longer in {team}")?;
        }
    }
    Ok(())
}

async fn set_active(
    identity: &Identity,
    by: &Admin,
    team: &str,
    active: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let change = TeamChange { is_active: Some(active), ..TeamChange::default() };
    identity.change_team(by, find(identity, by, team).await?, change).await?;
    writeln!(out, "{team} is {}", if active { "active" } else { "inactive" })?;
    Ok(())
}

async fn find(identity: &Identity, by: &Admin, team: &str) -> anyhow::Result<TeamId> {
    if let Ok(id) = team.parse() {
        return Ok(id);
    }
    let teams = identity.all_teams(by).await?;
    let named = |t: &&Team| t.name.as_str() == team || t.external_ref.as_deref() == Some(team);
    Ok(teams.iter().find(named).with_context(|| format!("there is no team {team}"))?.id)
}

fn list(teams: &[Team], out: &mut impl Write) -> anyhow::Result<()> {
    let rows: Vec<Vec<String>> = teams
        .iter()
        .map(|team| {
            let reference = team.external_ref.clone().unwrap_or_default();
            vec![team.id.to_string(), team.name.as_str().to_owned(), reference, team.is_active.to_string()]
        })
        .collect();
    Ok(table::print(out, &["ID", "NAME", "EXTERNAL REF", "ACTIVE"], &rows)?)
}
