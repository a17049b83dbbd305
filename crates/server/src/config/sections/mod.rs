//! The parsed configuration, one file a section. Each reads checked values and knows nothing of where they came from.

mod aws;
mod choice;
mod issuers;
mod lambda;
mod log;
mod mail;
mod outbound;
mod password;
mod providers;
mod roles;
mod routes;
mod secrets;
mod seed;
mod server;
mod session;
mod store;
mod surfaces;
mod tokens;
mod user_pool;

pub(crate) use self::aws::Aws;
pub(crate) use self::issuers::Issuer;
pub(crate) use self::lambda::{Lambda, LambdaHost};
pub(crate) use self::log::{Log, LogFormat, LogLevel};
pub(crate) use self::mail::{Mail, MailKind};
pub(crate) use self::outbound::{Outbound, Resolve};
pub(crate) use self::password::{Password, PasswordScheme, Throttle};
pub(crate) use self::providers::{ClientAuth, LogoutStyle, Provider};
pub(crate) use self::roles::Roles;
pub(crate) use self::routes::{Require, Route};
pub(crate) use self::secrets::Secrets;
pub(crate) use self::seed::Seed;
pub(crate) use self::server::{Environment, Server};
pub(crate) use self::session::{SameSite, Session};
pub(crate) use self::store::{Store, StoreKind};
pub(crate) use self::surfaces::{Surface, Surfaces};
pub(crate) use self::tokens::Tokens;
pub(crate) use self::user_pool::{PoolKind, UserPool};

use super::mistake::Mistake;
use super::sources::Sources;
use super::values::Values;

/// Everything an operator decides, checked and parsed.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// How careful to be.
    pub(crate) environment: Environment,
    /// Listening and being reached.
    pub(crate) server: Server,
    /// Being a function of AWS Lambda.
    pub(crate) lambda: Lambda,
    /// Secrets that are kept elsewhere.
    pub(crate) secrets: Secrets,
    /// Logs.
    pub(crate) log: Log,
    /// Where accounts are kept.
    pub(crate) store: Store,
    /// Tokens and the keys under them.
    pub(crate) tokens: Tokens,
    /// The ways in.
    pub(crate) surfaces: Surfaces,
    /// What the first start makes.
    pub(crate) seed: Seed,
    /// What accounts may be granted.
    pub(crate) roles: Roles,
    /// How passwords are hashed.
    pub(crate) password: Password,
    /// How often sign-in may fail.
    pub(crate) throttle: Throttle,
    /// Who keeps the passwords.
    pub(crate) user_pool: UserPool,
    /// How Amazon's services are reached.
    pub(crate) aws: Aws,
    /// How mail is sent.
    pub(crate) mail: Mail,
    /// Cookies and the sessions behind them.
    pub(crate) session: Session,
    /// How Doorward reaches others.
    pub(crate) outbound: Outbound,
    /// Providers people sign in through.
    pub(crate) providers: Vec<Provider>,
    /// Outside issuers whose tokens are accepted.
    pub(crate) issuers: Vec<Issuer>,
    /// The gateway, in order.
    pub(crate) routes: Vec<Route>,
    /// What is set and has no effect yet, or deserves a second look: for the log, at the start.
    pub(crate) notices: Vec<String>,
}

impl Config {
    /// Reads every section.
    pub(super) fn read(values: &Values, sources: &Sources, host: Option<LambdaHost>) -> Result<Self, Mistake> {
        let server = Server::read(values)?;
        let user_pool = UserPool::read(values)?;
        Ok(Self {
            environment: values.one("environment")?,
            lambda: Lambda::read(values, host)?,
            secrets: Secrets::read(values, sources.vault.clone())?,
            log: Log::read(values)?,
            store: Store::read(values, &sources.env)?,
            tokens: Tokens::read(values)?,
            surfaces: Surfaces::read(values)?,
            seed: Seed::read(values)?,
            roles: Roles::read(values)?,
            password: Password::read(values)?,
            throttle: Throttle::read(values)?,
            mail: Mail::read(values, &user_pool)?,
            aws: Aws::read(values, sources.with_aws)?,
            session: Session::read(values)?,
            outbound: Outbound::read(values)?,
            providers: Provider::read_all(values, &server)?,
            issuers: Issuer::read_all(values, &user_pool)?,
            routes: Route::read_all(values)?,
            server,
            user_pool,
            notices: Vec::new(),
        })
    }
}
