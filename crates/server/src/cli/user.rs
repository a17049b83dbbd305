//! `doorward user …`: accounts from the command line, by the same services as `/admin/v1/users`.

use std::io::{IsTerminal as _, Read as _, Write};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use doorward_identity::policy::Admin;
use doorward_identity::user::{NewAccount, Role, User, UserChange, UserQuery, UserStatus};
use doorward_identity::{Identity, UserId};
use secrecy::SecretString;

use super::table;

/// Accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account. The password is asked for, or read from standard input when that is no terminal.
    Create {
        /// E-mail address.
        email: String,
        /// What they are called.
        #[arg(long)]
        name: Option<String>,
        /// Give the role `admin`, which opens /admin/v1.
        #[arg(long)]
        admin: bool,
        /// Give a role; may be repeated.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Read the password from standard input, one line.
        #[arg(long, conflicts_with = "no_password")]
        password_stdin: bool,
        /// Make an account without a password, for somebody who comes in another way.
        #[arg(long)]
        no_password: bool,
    },
    /// List accounts in order of creation.
    List {
        /// Only those whose e-mail or name contains this.
        #[arg(long)]
        search: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Go on after this id (the last of the page before).
        #[arg(long)]
        after: Option<UserId>,
    },
    /// Show an account with its teams and domains.
    Show {
        /// E-mail address or id.
        user: String,
    },
    /// Disable an account: every session ends at once.
    Disable {
        /// E-mail address or id.
        user: String,
    },
    /// Enable a disabled account.
    Enable {
        /// E-mail address or id.
        user: String,
    },
    /// Delete an account and all that hangs on it.
    Delete {
        /// E-mail address or id.
        user: String,
    },
    /// Replace an account's roles; with none given it keeps `user` alone, which everybody has.
    Roles {
        /// E-mail address or id.
        user: String,
        /// The roles it has from now on.
        roles: Vec<String>,
    },
    /// End every session of an account.
    SignOut {
        /// E-mail address or id.
        user: String,
    },
    /// Forgive an account's failed sign-ins.
    Unlock {
        /// E-mail address or id.
        user: String,
    },
}

/// Does what the command says.
pub(super) async fn run(identity: &Identity, command: UserCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let by = Admin::command_line();
    match command {
        UserCommand::Create { email, name, admin, mut roles, password_stdin, no_password } => {
            if admin {
                roles.push(Role::ADMIN.to_owned());
            }
            let roles = parse_roles(&roles)?;
            let password = if no_password { None } else { Some(read_password(password_stdin)?) };
            let new = NewAccount { email, password, name, roles, email_verified: false };
            let user = identity.create_account(&by, new).await?;
            writeln!(out, "made account {} for {}", user.id, user.email.as_str())?;
        }
        UserCommand::List { search, limit, after } => {
            list(&identity.users(&by, &UserQuery { after, search, limit }).await?, out)?;
        }
        UserCommand::Show { user } => show(identity, &by, &user, out).await?,
        UserCommand::Disable { user } => {
            let id = find(identity, &by, &user).await?;
            identity.set_user_status(&by, id, UserStatus::Disabled).await?;
            writeln!(out, "disabled {user}; every session has ended")?;
        }
        UserCommand::Enable { user } => {
            let id = find(identity, &by, &user).await?;
            identity.set_user_status(&by, id, UserStatus::Active).await?;
            writeln!(out, "enabled {user}")?;
        }
        UserCommand::Delete { user } => {
            identity.delete_user(&by, find(identity, &by, &user).await?).await?;
            writeln!(out, "deleted {user}")?;
        }
        UserCommand::Roles { user, roles } => {
            let change = UserChange { roles: Some(parse_roles(&roles)?), ..UserChange::default() };
            let changed = identity.change_user(&by, find(identity, &by, &user).await?, change).await?;
            writeln!(out, "{user} has the roles: {}", role_names(&changed))?;
        }
        UserCommand::SignOut { user } => {
            let ended = identity.end_sessions(&by, find(identity, &by, &user).await?).await?;
            writeln!(out, "ended {ended} sessions of {user}")?;
        }
        UserCommand::Unlock { user } => {
            identity.unlock_user(&by, find(identity, &by, &user).await?).await?;
            writeln!(out, "forgave the failed sign-ins of {user}")?;
        }
    }
    Ok(())
}

/// The id of an account named by its id or its address.
pub(crate) async fn find(identity: &Identity, by: &Admin, user: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = user.parse() {
        return Ok(id);
    }
    let found = identity.user_by_email(by, user).await?;
    Ok(found.with_context(|| format!("there is no account with the address {user}"))?.id)
}

fn list(users: &[User], out: &mut impl Write) -> anyhow::Result<()> {
    let rows: Vec<Vec<String>> = users
        .iter()
        .map(|user| {
            let name = user.name.clone().unwrap_or_default();
            let (status, roles) = (user.status.as_str().to_owned(), role_names(user));
            vec![user.id.to_string(), user.email.as_str().to_owned(), name, status, roles]
        })
        .collect();
    Ok(table::print(out, &["ID", "EMAIL", "NAME", "STATUS", "ROLES"], &rows)?)
}

async fn show(identity: &Identity, by: &Admin, user: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let id = find(identity, by, user).await?;
    let context = identity.user_context(by, id).await?.with_context(|| format!("there is no account {id}"))?;
    let user = &context.user;
    let moment = |at: Option<jiff::Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let teams = context.teams.iter().map(|team| format!("{} ({})", team.team.name.as_str(), team.role.as_str()));
    let domains = context.domains.iter().map(|domain| domain.key.as_str().to_owned());
    for (label, value) in [
        ("id", user.id.to_string()),
        ("email", user.email.as_str().to_owned()),
        ("verified", moment(user.email_verified_at)),
        ("name", user.name.clone().unwrap_or_default()),
        ("status", user.status.as_str().to_owned()),
        ("roles", role_names(user)),
        ("teams", teams.collect::<Vec<_>>().join(", ")),
        ("domains", domains.collect::<Vec<_>>().join(", ")),
        ("created", user.created_at.to_string()),
        ("last sign-in", moment(user.last_signin_at)),
        ("sessions", identity.user_sessions(by, id).await?.len().to_string()),
    ] {
        writeln!(out, "{label:<13} {value}")?;
    }
    Ok(())
}

fn role_names(user: &User) -> String {
    user.held_roles().collect::<Vec<_>>().join(" ")
}

fn parse_roles(roles: &[String]) -> anyhow::Result<Vec<Role>> {
    roles.iter().map(|role| role.parse().with_context(|| format!("{role:?} is no role"))).collect()
}

/// Asks twice on a terminal, without showing what is typed; else, or where that is wanted, takes the first line of
/// standard input.
fn read_password(from_stdin: bool) -> anyhow::Result<SecretString> {
    if !from_stdin && std::io::stdin().is_terminal() {
        let first = SecretString::from(rpassword::prompt_password("Password: ")?);
        let again = SecretString::from(rpassword::prompt_password("The same again: ")?);
        if secrecy::ExposeSecret::expose_secret(&first) != secrecy::ExposeSecret::expose_secret(&again) {
            bail!("the two passwords differ; nothing was done");
        }
        return Ok(first);
    }
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text).context("the password cannot be read")?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned().into()),
        _ => bail!("no password on standard input; write one line, or use --no-password"),
    }
}
