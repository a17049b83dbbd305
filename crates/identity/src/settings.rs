//! What an operator decides about the domain's rules. Parsed and checked by `server`; here it is just read.

use std::collections::BTreeMap;
use std::time::Duration;

use doorward_protocol::algorithm::Algorithm;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::Surface;
use crate::credential::{HashScheme, PasswordRule};
use crate::user::{KnownRoles, Role};

/// The domain's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss` of every token: the public URL.
    pub issuer: String,
    /// What signs new tokens.
    pub algorithm: Algorithm,
    /// The shared secret of HS256.
    pub secret: Option<SecretString>,
    /// The one it replaced not long ago.
    pub former_secret: Option<FormerSecret>,
    /// How long after its making a new key begins to sign.
    pub key_lead: SignedDuration,
    /// How long a refresh token may be used.
    pub refresh_ttl: SignedDuration,
    /// How long a replaced refresh token may be repeated.
    pub refresh_grace: SignedDuration,
    /// How long a session lasts at most.
    pub session_ttl: SignedDuration,
    /// How long a cookie session may go unused.
    pub session_idle: SignedDuration,
    /// What the groups of each provider, by its name, give here.
    pub group_grants: BTreeMap<String, Vec<GroupRule>>,
    /// Roles of an account that somebody made by signing up, or that was made just in time.
    pub new_account_roles: Vec<Role>,
    /// Roles that may be granted.
    pub known_roles: KnownRoles,
    /// Per surface: hosted, accounts, signin, directory.
    pub surfaces: [SurfaceSettings; 4],
    /// The team a new user joins.
    pub default_team: Option<String>,
    /// The domain a new user is assigned to.
    pub default_domain: Option<String>,
    /// How new passwords are hashed.
    pub hash: HashScheme,
    /// Threads that hash.
    pub hash_threads: usize,
    /// Hashing jobs that may wait.
    pub hash_queue: usize,
    /// Whether signing up on the accounts surface tells that an address is taken. If not, its owner is told by mail.
    pub tell_taken: bool,
    /// A common password that is taken all the same: the example in a surface's own documents, in development.
    pub documented_password: Option<String>,
    /// Failed sign-ins from one address (IPv4, or IPv6 /64) in one window, before it has to wait.
    pub address_failures: u32,
    /// That window.
    pub address_window: Duration,
}

/// A shared secret that was replaced.
#[derive(Clone, Debug)]
pub struct FormerSecret {
    /// What it was.
    pub secret: SecretString,
    /// By when every node signs with its successor.
    pub succeeded_at: Timestamp,
}

/// What differs between surfaces.
#[derive(Clone, Debug)]
pub struct SurfaceSettings {
    /// Life of an access token.
    pub token_ttl: SignedDuration,
    /// Rule for new passwords.
    pub password_rule: PasswordRule,
}

/// What being in a provider's group gives.
#[derive(Clone, Debug)]
pub struct GroupRule {
    /// The group, to the letter.
    pub group: String,
    /// Roles it gives.
    pub roles: Vec<Role>,
    /// Names of teams it makes people members of.
    pub teams: Vec<String>,
}

impl Settings {
    /// The settings of one surface.
    pub const fn surface(&self, surface: Surface) -> &SurfaceSettings {
        match surface {
            Surface::Hosted => &self.surfaces[0],
            Surface::Accounts => &self.surfaces[1],
            Surface::Signin => &self.surfaces[2],
            Surface::Directory => &self.surfaces[3],
        }
    }

    /// The longest life an access token can have.
    pub fn longest_token_ttl(&self) -> SignedDuration {
        self.surfaces.iter().map(|surface| surface.token_ttl).max().unwrap_or_default()
    }
}
