//! The ways in: whether each is there, how long its tokens live and which passwords it takes.

use doorward_identity::credential::{CharacterClass, PasswordRule};
use jiff::SignedDuration;

use super::super::mistake::Mistake;
use super::super::quantity::Span;
use super::super::values::Values;

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Surfaces {
    /// Sign-in through a provider's page, cookie sessions.
    pub(crate) hosted: Surface,
    /// Accounts with codes by mail.
    pub(crate) accounts: Accounts,
    /// E-mail and password.
    pub(crate) signin: Surface,
    /// Identity for microservices.
    pub(crate) directory: Directory,
}

/// What every surface has.
#[derive(Clone, Debug)]
pub(crate) struct Surface {
    /// Whether it is there.
    pub(crate) enabled: bool,
    /// Life of its access tokens.
    pub(crate) token_ttl: SignedDuration,
    /// What passwords it takes.
    pub(crate) password_rule: PasswordRule,
}

/// What accounts with codes have beside it.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// What every surface has.
    pub(crate) surface: Surface,
    /// Whether signing up tells that an address is taken.
    pub(crate) tell_taken: bool,
}

/// What the directory has beside it.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    /// What every surface has.
    pub(crate) surface: Surface,
    /// Whether headers alone identify a caller.
    pub(crate) dev_headers: bool,
    /// The team a new user joins.
    pub(crate) default_team: Option<String>,
    /// The key of the domain a new user is assigned to.
    pub(crate) default_domain: Option<String>,
}

impl Surfaces {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self {
            hosted: Surface::read(values, "hosted")?,
            accounts: Accounts {
                surface: Surface::read(values, "accounts")?,
                tell_taken: values.one("surfaces.accounts.tell_taken")?,
            },
            signin: Surface::read(values, "signin")?,
            directory: Directory {
                surface: Surface::read(values, "directory")?,
                dev_headers: values.one("surfaces.directory.dev_headers")?,
                default_team: values.maybe("surfaces.directory.default_team")?,
                default_domain: values.maybe("surfaces.directory.default_domain")?,
            },
        })
    }
}

impl Surface {
    fn read(values: &Values, name: &str) -> Result<Self, Mistake> {
        let key = |setting: &str| format!("surfaces.{name}.{setting}");
        let classes: Vec<String> = values.many(&key("password_rule.classes"))?;
        Ok(Self {
            enabled: values.one(&key("enabled"))?,
            token_ttl: values.one::<Span>(&key("token_ttl"))?.into(),
            password_rule: PasswordRule {
                min: values.one(&key("password_rule.min"))?,
                classes: classes.iter().filter_map(|class| CharacterClass::parse(class)).collect(),
            },
        })
    }
}
