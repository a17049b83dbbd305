//! What Doorward does for itself: the first teams and domains, finishing what the dead left undone, and throwing away
//! what nobody needs any more.

use jiff::SignedDuration;

use crate::domain::{Domain, DomainKey};
use crate::name::DisplayName;
use crate::team::Team;
use crate::{Identity, StoreError};

/// How long lines of the change log, codes that are over, and counters behind which no account stands are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long sessions are kept after their end: they tell which addresses a person used. And mail that was not sent.
const SESSIONS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// A team to begin with.
#[derive(Clone, Debug)]
pub struct SeedTeam {
    /// Its name.
    pub name: DisplayName,
    /// What another system calls it.
    pub external_ref: Option<String>,
}

/// A domain to begin with.
#[derive(Clone, Debug)]
pub struct SeedDomain {
    /// Its key.
    pub key: DomainKey,
    /// Its name.
    pub name: DisplayName,
    /// The key of the domain above it, which stands before it in the list or is there already.
    pub parent: Option<DomainKey>,
}

impl Identity {
    /// Makes the teams and domains to begin with, each once for ever.
    pub async fn seed(&self, teams: &[SeedTeam], domains: &[SeedDomain]) -> Result<(), StoreError> {
        let teams: Vec<Team> =
            teams.iter().map(|seed| self.new_team(seed.name.clone(), seed.external_ref.clone())).collect();
        self.store.seed_teams(&teams).await?;
        let (below, top): (Vec<_>, Vec<_>) = domains.iter().partition(|seed| seed.parent.is_some());
        let top: Vec<Domain> =
            top.into_iter().map(|seed| self.new_domain(seed.key.clone(), seed.name.clone(), None)).collect();
        self.store.seed_domains(&top).await?;
        for seed in below {
            // Read again each time: the parent may be one that was made a moment ago.
            let known = self.store.list_domains(false).await?;
            let parent = known.iter().find(|domain| Some(&domain.key) == seed.parent.as_ref());
            let domain = self.new_domain(seed.key.clone(), seed.name.clone(), parent.map(|domain| domain.id));
            self.store.seed_domains(&[domain]).await?;
        }
        Ok(())
    }

    /// Does what nodes that died in the middle of something left undone.
    pub async fn settle_leftovers(&self) -> Result<(), StoreError> {
        self.store.settle_leftovers(self.clock.now()).await
    }

    /// Throws away what nobody needs any more. Answers how many rows went.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let before = |age| now.checked_sub(age).unwrap_or(jiff::Timestamp::MIN);
        self.store.sweep(before(KEPT), before(SESSIONS_KEPT)).await
    }
}
