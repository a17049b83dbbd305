//! What Doorward does by its own permissions.
//!
//! Each of these leaves the same behind however often it is done, so each is tried again when no answer comes, save the
//! making of an account, which would meet itself.

use aws_sdk_cognitoidentityprovider::operation::list_users::ListUsersOutput;
use aws_sdk_cognitoidentityprovider::types::{MessageActionType, UserType};
use doorward_identity::user_pool::{PoolAccount, PoolError, PoolPage, PoolSignUp};
use secrecy::{ExposeSecret, SecretString};

use super::CognitoPool;
use super::account::{account, attribute, attributes_of};
use super::operation::Operation;

/// Most accounts that Amazon lists at once.
const PAGE: i32 = 60;

impl CognitoPool {
    pub(super) async fn account_named(&self, username: &str) -> Result<PoolAccount, PoolError> {
        let asked = self.clients.repeating.admin_get_user().user_pool_id(&self.settings.pool_id).username(username);
        let found = self.call(Operation::AdminGetUser, asked.send()).await?;
        account(found.user_attributes(), found.user_status(), found.enabled)
    }

    /// The password is given twice: as the temporary one, so that nothing is made if the pool's rule refuses it, and then
    /// for good.
    pub(super) async fn make_account(&self, new: PoolSignUp<'_>) -> Result<String, PoolError> {
        let mut attributes = attributes_of(&new);
        attributes.extend(attribute("email_verified", "true"));
        let asked = self
            .clients
            .once
            .admin_create_user()
            .user_pool_id(&self.settings.pool_id)
            .username(new.email.as_str())
            .temporary_password(new.password.expose_secret())
            .message_action(MessageActionType::Suppress)
            .set_user_attributes(Some(attributes));
        let made = self.call(Operation::AdminCreateUser, asked.send()).await?;
        let subject = made.user.as_ref().map_or_else(nobody, known)?.subject;
        self.replace_password(&subject, new.password).await?;
        Ok(subject)
    }

    pub(super) async fn replace_password(&self, username: &str, password: &SecretString) -> Result<(), PoolError> {
        let asked = self
            .clients
            .repeating
            .admin_set_user_password()
            .user_pool_id(&self.settings.pool_id)
            .username(username)
            .password(password.expose_secret())
            .permanent(true);
        self.call(Operation::AdminSetUserPassword, asked.send()).await.map(drop)
    }

    pub(super) async fn replace_email(&self, username: &str, email: &str) -> Result<(), PoolError> {
        let attributes = [("email", email), ("email_verified", "true")];
        let attributes = attributes.into_iter().filter_map(|(name, value)| attribute(name, value)).collect();
        let asked = self
            .clients
            .repeating
            .admin_update_user_attributes()
            .user_pool_id(&self.settings.pool_id)
            .username(username)
            .set_user_attributes(Some(attributes));
        self.call(Operation::AdminUpdateUserAttributes, asked.send()).await.map(drop)
    }

    pub(super) async fn end_sessions(&self, username: &str) -> Result<(), PoolError> {
        let client = &self.clients.repeating;
        let asked = client.admin_user_global_sign_out().user_pool_id(&self.settings.pool_id).username(username);
        self.call(Operation::AdminUserGlobalSignOut, asked.send()).await.map(drop)
    }

    pub(super) async fn delete_account(&self, username: &str) -> Result<(), PoolError> {
        let asked = self.clients.repeating.admin_delete_user().user_pool_id(&self.settings.pool_id).username(username);
        self.call(Operation::AdminDeleteUser, asked.send()).await.map(drop)
    }

    pub(super) async fn list_accounts(&self, page: Option<&str>) -> Result<PoolPage, PoolError> {
        let listed = self.list_users(None, page.map(str::to_owned)).await?;
        let accounts = listed.users().iter().map(known).collect::<Result<_, _>>()?;
        Ok(PoolPage { accounts, next: listed.pagination_token })
    }

    pub(super) async fn list_users(
        &self,
        filter: Option<&str>,
        page: Option<String>,
    ) -> Result<ListUsersOutput, PoolError> {
        let asked = self
            .clients
            .repeating
            .list_users()
            .user_pool_id(&self.settings.pool_id)
            .set_filter(filter.map(str::to_owned))
            .limit(PAGE)
            .set_pagination_token(page);
        self.call(Operation::ListUsers, asked.send()).await
    }
}

pub(super) fn known(user: &UserType) -> Result<PoolAccount, PoolError> {
    account(user.attributes(), user.user_status(), user.enabled)
}

fn nobody<T>() -> Result<T, PoolError> {
    Err(PoolError::Unavailable("it makes an account and does not say which".to_owned()))
}
