//! The first administrator, made by whoever may invoke the function: there the command line has no way to the store.
//!
//! Only of an account that is there, so that no password is in an event; named by its id, or by an address that was proved;
//! and only while nobody active administers: afterwards the right to invoke the function is none to administer.

use doorward_identity::policy::Admin;
use doorward_identity::user::{Role, UserChange, UserQuery};
use doorward_identity::{Identity, StoreError};
use serde_json::{Value, json};

use super::work::explained;
use crate::cli;

/// Accounts looked at together.
const PAGE: u32 = 500;

/// Gives the account of that id or address the role `admin`, if nobody has it yet.
pub(super) async fn grant(identity: &Identity, user: &str) -> Result<Value, String> {
    let by = Admin::command_line();
    if has_administrator(identity, &by).await.map_err(explained)? {
        tracing::warn!("nobody is made an administrator by an event: there is one already");
        return Err("there is an administrator already, who can make others at /admin/v1".to_owned());
    }
    let id = cli::user::find(identity, &by, user).await.map_err(|error| cli::explain(&error))?;
    let context = identity.user_context(&by, id).await.map_err(explained)?;
    let found = &context.ok_or_else(|| format!("there is no account {id}"))?.user;
    if !found.is_active() {
        return Err(format!("the account {id} is disabled; enable it first, or name another"));
    }
    if user != id.to_string() && found.email_verified_at.is_none() {
        // Anybody may have signed up with it.
        return Err(format!("nobody has proved that {user} is theirs; give the id that your own sign-in shows"));
    }
    let mut roles = found.roles.clone();
    roles.push(Role::ADMIN.parse().map_err(explained)?);
    // Of the very account that was looked at.
    let change = UserChange { roles: Some(roles), expected_version: Some(found.version), ..UserChange::default() };
    let changed = identity.change_user(&by, id, change).await.map_err(explained)?;
    tracing::warn!(user = %id, "made the first administrator");
    Ok(json!({"doorward": "grant-admin", "user": id.to_string(), "roles": changed.held_roles().collect::<Vec<_>>()}))
}

async fn has_administrator(identity: &Identity, by: &Admin) -> Result<bool, StoreError> {
    let mut query = UserQuery { after: None, search: None, limit: PAGE };
    loop {
        let users = identity.users(by, &query).await?;
        if users.iter().any(|user| user.is_active() && user.has_role(Role::ADMIN)) {
            return Ok(true);
        }
        match users.last() {
            Some(last) => query.after = Some(last.id),
            None => return Ok(false),
        }
    }
}
