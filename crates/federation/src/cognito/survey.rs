//! Looking at a user pool once, for a diagnosis. Changes nothing there: whoever is asked about is nobody.

use aws_sdk_cognitoidentityprovider::types::{
    ExplicitAuthFlowsType, IssuerType, MessageActionType, PreventUserExistenceErrorTypes, UserPoolMfaType,
    UsernameAttributeType, VerifiedAttributeType,
};
use doorward_identity::user_pool::PoolError;
use secrecy::SecretString;

use super::CognitoPool;
use super::operation::Operation;

/// A subject that no account has, and in the pools that Doorward serves no account can choose.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// What a pool shows to somebody who looks at it once.
#[derive(Clone, Debug)]
pub struct UserPoolSurvey {
    /// Whether people can sign in through the app client: it exists, the secret is its own, the flow is allowed.
    pub sign_in: Result<(), PoolError>,
    /// The permissions that Doorward needs, and why it may not use them.
    pub permissions: Vec<(&'static str, Result<(), PoolError>)>,
    /// What the app client says of itself, where Doorward may read that.
    pub client: Result<ClientFacts, PoolError>,
    /// What the pool says of itself, where Doorward may read that.
    pub pool: Result<PoolFacts, PoolError>,
}

/// An app client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ClientFacts {
    /// Whether `ALLOW_USER_PASSWORD_AUTH` is on.
    pub allows_passwords: bool,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Whether its refresh tokens can be revoked; only then its tokens name their session.
    pub revokes_tokens: bool,
    /// Whether it answers alike for people whom the pool does not know.
    pub hides_unknown_users: bool,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct PoolFacts {
    /// Whether people sign in with their e-mail address, and it alone.
    pub signs_in_by_email: bool,
    /// Whether the pool mails a code that proves the address.
    pub verifies_email: bool,
    /// Whether anybody may sign up.
    pub open_sign_up: bool,
    /// Whether everybody must have a second factor, which Doorward cannot ask for.
    pub requires_second_factor: bool,
    /// Whether its tokens name the issuer of its region. Those that name the other one do not count here.
    pub original_issuer: bool,
    /// Its rule for passwords, if it tells.
    pub password_rule: Option<PoolPasswordRule>,
}

/// A pool's rule for passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolPasswordRule {
    /// Fewest characters.
    pub min: usize,
    /// What must be in it: `upper`, `lower`, `digit`, `special`.
    pub classes: Vec<&'static str>,
}

/// Looks at a pool once.
pub async fn survey_user_pool(pool: &CognitoPool) -> UserPoolSurvey {
    let sign_in = match pool.authenticate(NOBODY, &SecretString::from("Nobody-Signs-In-0")).await {
        Err(PoolError::BadCredentials) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error @ PoolError::Unavailable(_)) = sign_in {
        let (client, pool) = (Err(error.clone()), Err(error.clone()));
        return UserPoolSurvey { sign_in: Err(error), permissions: Vec::new(), client, pool };
    }
    let (permissions, client) = (pool.permissions().await, pool.client_facts().await);
    UserPoolSurvey { sign_in, permissions, client, pool: pool.pool_facts().await }
}

impl CognitoPool {
    /// Asks for everything once about nobody: who may do it is told that there is no such account.
    async fn permissions(&self) -> Vec<(&'static str, Result<(), PoolError>)> {
        let (client, pool) = (&self.clients.repeating, &self.settings.pool_id);
        let password = SecretString::from("Nobody-Signs-In-0");
        let invite = client
            .admin_create_user()
            .user_pool_id(pool)
            .username(NOBODY)
            // An invitation is sent again only to somebody who is there.
            .message_action(MessageActionType::Resend);
        let list = client.list_users().user_pool_id(pool).limit(1);
        let looks = [
            (Operation::AdminGetUser, self.account_named(NOBODY).await.map(drop)),
            (Operation::AdminCreateUser, self.call(Operation::AdminCreateUser, invite.send()).await.map(drop)),
            (Operation::AdminSetUserPassword, self.replace_password(NOBODY, &password).await),
            (Operation::AdminUpdateUserAttributes, self.replace_email(NOBODY, "nobody@doorward.invalid").await),
            (Operation::AdminUserGlobalSignOut, self.end_sessions(NOBODY).await),
            (Operation::AdminDeleteUser, self.delete_account(NOBODY).await),
            (Operation::ListUsers, self.call(Operation::ListUsers, list.send()).await.map(drop)),
        ];
        let allowed = |looked| match looked {
            // Or that nobody has such a name: whoever may not is told so before.
            Err(PoolError::UnknownUser | PoolError::BadInput(..)) => Ok(()),
            other => other,
        };
        looks.into_iter().map(|(operation, looked)| (operation.as_str(), allowed(looked))).collect()
    }

    async fn client_facts(&self) -> Result<ClientFacts, PoolError> {
        let asked = self
            .clients
            .repeating
            .describe_user_pool_client()
            .user_pool_id(&self.settings.pool_id)
            .client_id(&self.settings.client_id);
        let answer = self.call(Operation::DescribeUserPoolClient, asked.send()).await?;
        let client = answer.user_pool_client.ok_or_else(nothing)?;
        let flows = client.explicit_auth_flows();
        let passwords = [ExplicitAuthFlowsType::AllowUserPasswordAuth, ExplicitAuthFlowsType::UserPasswordAuth];
        Ok(ClientFacts {
            allows_passwords: passwords.iter().any(|flow| flows.contains(flow)),
            has_secret: client.client_secret().is_some_and(|secret| !secret.is_empty()),
            revokes_tokens: client.enable_token_revocation().unwrap_or(false),
            hides_unknown_users: client.prevent_user_existence_errors()
                == Some(&PreventUserExistenceErrorTypes::Enabled),
        })
    }

    async fn pool_facts(&self) -> Result<PoolFacts, PoolError> {
        let asked = self.clients.repeating.describe_user_pool().user_pool_id(&self.settings.pool_id);
        let answer = self.call(Operation::DescribeUserPool, asked.send()).await?;
        let pool = answer.user_pool.ok_or_else(nothing)?;
        let rule = pool.policies().and_then(|policies| policies.password_policy()).map(|policy| {
            let classes = [
                ("upper", policy.require_uppercase),
                ("lower", policy.require_lowercase),
                ("digit", policy.require_numbers),
                ("special", policy.require_symbols),
            ];
            PoolPasswordRule {
                min: policy.minimum_length().and_then(|min| usize::try_from(min).ok()).unwrap_or_default(),
                classes: classes.into_iter().filter_map(|(class, required)| required.then_some(class)).collect(),
            }
        });
        let issuer = pool.issuer_configuration().and_then(|issuer| issuer.r#type());
        Ok(PoolFacts {
            signs_in_by_email: pool.username_attributes() == [UsernameAttributeType::Email],
            verifies_email: pool.auto_verified_attributes().contains(&VerifiedAttributeType::Email),
            open_sign_up: !pool.admin_create_user_config().is_some_and(|config| config.allow_admin_create_user_only),
            requires_second_factor: pool.mfa_configuration() == Some(&UserPoolMfaType::On),
            original_issuer: issuer != Some(&IssuerType::Updated),
            password_rule: rule,
        })
    }
}

fn nothing() -> PoolError {
    PoolError::Unavailable("it describes nothing".to_owned())
}
