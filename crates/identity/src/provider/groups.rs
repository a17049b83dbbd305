//! Staying in step with what a provider says of a person: the groups they are in and, where none is known here, their
//! name. Never their address.

use std::sync::Arc;

use super::{GroupGrants, OutsideAccount};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::name::DisplayName;
use crate::session::Origin;
use crate::settings::GroupRule;
use crate::store::Saved;
use crate::user::{ProvisionError, UserContext, stored_roles};
use crate::{Identity, StoreError, UserId};

impl Identity {
    /// The person as they are after a sign-in that told `account`. A provider whose groups count here and that says
    /// nothing about them says that there are none: else leaving the last group would take nothing away.
    pub(super) async fn follow_account(
        &self,
        provider: &str,
        context: Arc<UserContext>,
        account: &OutsideAccount,
    ) -> Result<Arc<UserContext>, ProvisionError> {
        let user = context.user.id;
        let groups = account.groups.as_deref().unwrap_or_default();
        let regrouped = self.follow_groups(provider, user, groups).await?;
        let renamed = self.fill_name(&context, account.name.as_deref()).await?;
        if regrouped || renamed { self.active_context(user).await } else { Ok(context) }
    }

    /// Gives a person what their groups give, and takes what they gave before. True when something changed.
    pub(super) async fn follow_groups(
        &self,
        provider: &str,
        user: UserId,
        groups: &[String],
    ) -> Result<bool, StoreError> {
        let Some(rules) = self.settings.group_grants.get(provider) else { return Ok(false) };
        let mapped = grants(rules.iter());
        let granted = grants(rules.iter().filter(|rule| groups.contains(&rule.group)));
        let detail = Some(format!("provider {provider}"));
        let audit = self.audit(AuditActor::System, AuditAction::GroupsApplied, user, detail, &Origin::default());
        let changed = self.store.apply_groups(user, &mapped, &granted, &audit).await?;
        if changed {
            self.live.apply(ChangeSubject::User(user));
            tracing::info!(user.id = %user, provider, "a provider's groups changed what an account has");
        }
        Ok(changed)
    }

    /// Takes the provider's name of a person who has none here. True when it did.
    async fn fill_name(&self, context: &UserContext, name: Option<&str>) -> Result<bool, StoreError> {
        let name = name.and_then(|name| DisplayName::try_from(name.trim().to_owned()).ok());
        let Some(name) = name.filter(|_| context.user.name.is_none()) else { return Ok(false) };
        // Read anew: groups may have moved its version on.
        let Some(mut user) = self.store.find_user(context.user.id).await? else { return Ok(false) };
        user.name = Some(name.into());
        user.updated_at = self.clock.now();
        let audit = self.audit(AuditActor::System, AuditAction::UserUpdated, user.id, None, &Origin::default());
        let saved = self.store.save_user(&user, &audit).await?;
        self.live.apply(ChangeSubject::User(user.id));
        Ok(saved == Saved::Saved)
    }
}

/// All that some rules give.
fn grants<'r>(rules: impl Iterator<Item = &'r GroupRule>) -> GroupGrants {
    let mut all = GroupGrants::default();
    for rule in rules {
        all.roles.extend(rule.roles.iter().cloned());
        all.teams.extend(rule.teams.iter().cloned());
    }
    // Nobody's groups take what everybody has.
    all.roles = stored_roles(all.roles);
    all
}
