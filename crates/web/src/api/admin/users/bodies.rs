//! What is sent and answered about accounts under `/admin/v1/users`.

use doorward_identity::domain::Domain;
use doorward_identity::user::{NewAccount, Role, User, UserChange, UserContext, UserTeam};
use doorward_identity::{DomainId, TeamId, UserId};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::admin::AN_ID;
use crate::members::{Members, Shape};
use crate::moment::Moment;

/// Which users to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserPage {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    pub(super) limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    pub(super) after: Option<UserId>,
    /// Part of the e-mail address or the name, in any case.
    #[param(max_length = 128)]
    pub(super) search: Option<String>,
}

impl Shape for UserPage {
    fn read(members: &mut Members<'_>) -> Self {
        let search = members.optional_text("search");
        if search.as_ref().is_some_and(|text| text.chars().count() > 128 || text.contains('\0')) {
            members.note("search", "must be at most 128 characters");
        }
        Self { limit: members.number_within("limit", 1, 200, 50), after: members.parsed("after", AN_ID), search }
    }
}

/// An account to make.
#[derive(ToSchema)]
#[schema(as = NewUser)]
pub(crate) struct NewUserBody {
    #[schema(format = "email", max_length = 254, example = "user@example.com")]
    email: String,
    /// A first password; without one the person comes in another way.
    #[schema(value_type = Option<String>, format = "password", min_length = 8, max_length = 128)]
    password: Option<SecretString>,
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    /// `admin` opens this part of the API; `user` everybody has, named or not; the others mean what your services make of
    /// them. Where `roles.known` names roles, no others.
    #[schema(value_type = Option<Vec<String>>, nullable = false, example = json!(["billing-reader"]))]
    roles: Vec<Role>,
    /// Whether the address is known to be theirs.
    #[schema(value_type = Option<bool>, nullable = false)]
    email_verified: bool,
}

impl Shape for NewUserBody {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            email: members.text("email"),
            password: members.optional_text("password").map(SecretString::from),
            name: members.optional_text("name"),
            roles: members.list("roles").unwrap_or_default(),
            email_verified: members.flag("email_verified").unwrap_or_default(),
        }
    }
}

impl From<NewUserBody> for NewAccount {
    fn from(body: NewUserBody) -> Self {
        let NewUserBody { email, password, name, roles, email_verified } = body;
        Self { email, password, name, roles, email_verified }
    }
}

/// What to change of an account; what is left out stays.
#[derive(ToSchema)]
#[schema(as = UserChange)]
#[expect(clippy::option_option, reason = "left out and null are two wishes")]
pub(crate) struct UserChangeBody {
    /// Null takes it away.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    name: Option<Option<String>>,
    #[schema(format = "email", max_length = 254, nullable = false)]
    email: Option<String>,
    /// An `https:` address; null takes it away.
    #[schema(value_type = Option<String>, max_length = 2048, pattern = "^https://")]
    avatar_url: Option<Option<String>>,
}

impl Shape for UserChangeBody {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.nullable_text("name"),
            email: members.changed_text("email"),
            avatar_url: members.nullable_text("avatar_url"),
        }
    }
}

impl UserChangeBody {
    /// The change, if the account is of the version expected.
    pub(super) fn of_version(self, expected_version: Option<i64>) -> UserChange {
        let Self { name, email, avatar_url } = self;
        UserChange { name, email, avatar_url, roles: None, expected_version }
    }
}

/// The roles of an account. `user`, which everybody has, need not be among them.
#[derive(ToSchema)]
pub(crate) struct Roles {
    #[schema(value_type = Vec<String>, example = json!(["admin"]))]
    pub(super) roles: Vec<Role>,
}

impl Shape for Roles {
    fn read(members: &mut Members<'_>) -> Self {
        let roles = members.list("roles");
        if roles.is_none() {
            members.note("roles", "must be given");
        }
        Self { roles: roles.unwrap_or_default() }
    }
}

/// An account, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserView<'u> {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: &'u str,
    #[schema(value_type = Option<String>, format = DateTime)]
    email_verified_at: Option<Moment>,
    name: Option<&'u str>,
    avatar_url: Option<&'u str>,
    #[schema(example = json!(["user", "billing-reader"]))]
    roles: Vec<&'u str>,
    #[schema(value_type = String, example = "active")]
    status: &'static str,
    /// Whether there is a password to sign in with.
    has_password: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_signin_at: Option<Moment>,
    version: i64,
}

impl<'u> UserView<'u> {
    pub(super) fn of(user: &'u User) -> Self {
        Self {
            id: user.id,
            email: user.email.as_str(),
            email_verified_at: user.email_verified_at.map(Moment),
            name: user.name.as_deref(),
            avatar_url: user.avatar_url.as_deref(),
            roles: user.held_roles().collect(),
            status: user.status.as_str(),
            has_password: user.password_hash.is_some(),
            created_at: Moment(user.created_at),
            updated_at: Moment(user.updated_at),
            last_signin_at: user.last_signin_at.map(Moment),
            version: user.version,
        }
    }
}

/// An account with what its owner belongs to.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserDetails<'u> {
    #[serde(flatten)]
    user: UserView<'u>,
    teams: Vec<Membership<'u>>,
    domains: Vec<Assignment<'u>>,
}

/// An active team somebody is in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Membership<'u> {
    #[schema(value_type = uuid::Uuid)]
    id: TeamId,
    name: &'u str,
    role: &'u str,
}

/// An active domain somebody has.
#[derive(Serialize, ToSchema)]
pub(crate) struct Assignment<'u> {
    #[schema(value_type = uuid::Uuid)]
    id: DomainId,
    key: &'u str,
    name: &'u str,
}

impl<'u> UserDetails<'u> {
    pub(super) fn of(context: &'u UserContext) -> Self {
        let membership = |member: &'u UserTeam| Membership {
            id: member.team.id,
            name: member.team.name.as_str(),
            role: member.role.as_str(),
        };
        let assignment =
            |domain: &'u Domain| Assignment { id: domain.id, key: domain.key.as_str(), name: domain.name.as_str() };
        Self {
            user: UserView::of(&context.user),
            teams: context.teams.iter().map(membership).collect(),
            domains: context.domains.iter().map(assignment).collect(),
        }
    }
}
