//! Business domains and their tree: one document, so that whatever holds of the tree as a whole (keys are unique, no
//! domain lies below itself) is decided by whoever writes it. Who is assigned to a domain stands in the documents of
//! those people.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::domain::{Domain, DomainKey, DomainStore, DomainWrite};
use doorward_identity::name::DisplayName;
use doorward_identity::{DomainId, StoreError, UserId};
use mongodb::bson::{DateTime, Uuid, doc};
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Decision, Draft, Ledger, aggregate, id};
use super::effect::Effect;
use super::user_document::UserDocument;
use super::values::{moment, timestamp};
use crate::fault::{Fault, readable};

/// The tree's name.
pub(super) const TREE: &str = "tree";

/// Every domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct DomainTree {
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// In the order of their making.
    pub(super) domains: Vec<DomainDocument>,
    /// The keys of the seeds that were made.
    pub(super) seeded: Vec<String>,
    pub(super) ledger: Ledger,
}
aggregate!(DomainTree, "domains");

/// A domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DomainDocument {
    pub(super) id: Uuid,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) parent: Option<Uuid>,
    pub(super) is_active: bool,
    pub(super) created_at: DateTime,
    pub(super) version: i64,
}

impl DomainDocument {
    fn of(domain: &Domain) -> Self {
        Self {
            id: id(domain.id.as_uuid()),
            key: domain.key.as_str().to_owned(),
            name: domain.name.as_str().to_owned(),
            parent: domain.parent_domain_id.map(|parent| id(parent.as_uuid())),
            is_active: domain.is_active,
            created_at: moment(domain.created_at),
            version: domain.version,
        }
    }
}

impl TryFrom<&DomainDocument> for Domain {
    type Error = Fault;

    fn try_from(document: &DomainDocument) -> Result<Self, Fault> {
        let domain_id = |id: Uuid| DomainId::from_uuid(uuid::Uuid::from_bytes(id.bytes()));
        Ok(Self {
            id: domain_id(document.id),
            key: readable(DomainKey::try_from(document.key.clone()).ok(), "domain key")?,
            name: readable(DisplayName::try_from(document.name.clone()).ok(), "domain name")?,
            parent_domain_id: document.parent.map(domain_id),
            is_active: document.is_active,
            created_at: timestamp(document.created_at)?,
            version: document.version,
        })
    }
}

impl DomainTree {
    /// The tree before there is any domain.
    pub(super) fn empty() -> Self {
        Self { id: TREE.to_owned(), domains: Vec::new(), seeded: Vec::new(), ledger: Ledger::first(Vec::new()) }
    }

    fn find(&self, domain: Uuid) -> Option<&DomainDocument> {
        self.domains.iter().find(|known| known.id == domain)
    }

    /// The active domain with that key.
    pub(super) fn active(&self, key: &str) -> Option<Uuid> {
        self.domains.iter().find(|known| known.is_active && known.key == key).map(|known| known.id)
    }

    /// Those of the domains that are wanted, by key.
    pub(super) fn pick(&self, wanted: impl Fn(Uuid, bool) -> bool) -> Result<Vec<Domain>, Fault> {
        let picked = self.domains.iter().filter(|known| wanted(known.id, known.is_active));
        let mut picked = picked.map(Domain::try_from).collect::<Result<Vec<_>, _>>()?;
        picked.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(picked)
    }

    /// What is wrong with a domain below its parent and with its key, if anything.
    fn fault_of(&self, domain: &DomainDocument) -> Option<DomainWrite> {
        let mut above = domain.parent;
        // So many steps lead out of any tree, and end a walk in a circle.
        for _ in 0..=self.domains.len() {
            let Some(parent) = above else { break };
            if parent == domain.id {
                return Some(DomainWrite::Cycle);
            }
            match self.find(parent) {
                Some(parent) => above = parent.parent,
                None => return Some(DomainWrite::NoParent),
            }
        }
        let is_taken = self.domains.iter().any(|known| known.id != domain.id && known.key == domain.key);
        is_taken.then_some(DomainWrite::Taken)
    }

    /// Makes a seed unless it was made before. True when there is a new domain.
    fn seed(&mut self, domain: &Domain) -> bool {
        let document = DomainDocument::of(domain);
        if self.seeded.contains(&document.key) {
            return false;
        }
        self.seeded.push(document.key.clone());
        let is_sound = self.fault_of(&document).is_none();
        if is_sound {
            self.domains.push(document);
        }
        is_sound
    }

    /// Writes a domain over the version it was read at.
    fn save(&mut self, domain: &Domain) -> DomainWrite {
        let mut document = DomainDocument::of(domain);
        let fault = self.fault_of(&document);
        if let Some(fault @ (DomainWrite::Cycle | DomainWrite::NoParent)) = fault {
            return fault;
        }
        let known = self.domains.iter_mut().find(|known| known.id == document.id && known.version == document.version);
        match (known, fault) {
            (None, _) => DomainWrite::Stale,
            (Some(_), Some(fault)) => fault,
            (Some(known), None) => {
                document.version += 1;
                document.created_at = known.created_at;
                *known = document;
                DomainWrite::Written
            }
        }
    }
}

/// What a change of the tree that an administrator made leaves behind.
fn conclude(draft: &mut Draft<DomainTree>, event: &AuditEvent) -> Decision<DomainWrite> {
    draft.owe(Effect::announce(ChangeSubject::Directory, event.at));
    draft.owe(Effect::audit(event));
    Decision::Write(DomainWrite::Written)
}

impl MongoStore {
    /// The tree as it is now.
    pub(super) async fn tree(&self) -> Result<DomainTree, Fault> {
        let found = self.documents::<DomainTree>().find_one(doc! { "_id": TREE }).await?;
        Ok(found.unwrap_or_else(DomainTree::empty))
    }

    /// Lets `decide` change the tree. Where there is none yet it is made, and the call is run again.
    async fn change_tree<T>(
        &self,
        decide: impl FnOnce(&mut Draft<DomainTree>) -> Result<Decision<T>, Fault> + Send,
    ) -> Result<T, Fault> {
        let Some(answer) = self.change(TREE, decide).await? else {
            self.insert(&DomainTree::empty()).await?;
            return Err(Fault::LostRace);
        };
        Ok(answer)
    }
}

#[async_trait]
impl DomainStore for MongoStore {
    async fn seed_domains(&self, domains: &[Domain]) -> Result<(), StoreError> {
        self.calls
            .run("seed_domains", move || async move {
                self.change_tree(|draft| {
                    let before = draft.seeded.len();
                    for domain in domains {
                        if draft.seed(domain) {
                            draft.owe(Effect::announce(ChangeSubject::Directory, domain.created_at));
                        }
                    }
                    Ok(if draft.seeded.len() == before { Decision::Leave(()) } else { Decision::Write(()) })
                })
                .await
            })
            .await
    }

    async fn insert_domain(&self, domain: &Domain, event: &AuditEvent) -> Result<DomainWrite, StoreError> {
        self.calls
            .run("insert_domain", move || async move {
                self.change_tree(|draft| {
                    let document = DomainDocument::of(domain);
                    if let Some(fault) = draft.fault_of(&document) {
                        return Ok(Decision::Leave(fault));
                    }
                    draft.domains.push(document);
                    Ok(conclude(draft, event))
                })
                .await
            })
            .await
    }

    async fn find_domain(&self, domain: DomainId) -> Result<Option<Domain>, StoreError> {
        self.calls
            .run("find_domain", move || async move {
                self.tree().await?.find(id(domain.as_uuid())).map(Domain::try_from).transpose()
            })
            .await
    }

    async fn list_domains(&self, active_only: bool) -> Result<Vec<Domain>, StoreError> {
        self.calls
            .run(
                "list_domains",
                move || async move { self.tree().await?.pick(|_, is_active| is_active || !active_only) },
            )
            .await
    }

    async fn save_domain(&self, domain: &Domain, event: &AuditEvent) -> Result<DomainWrite, StoreError> {
        self.calls
            .run("save_domain", move || async move {
                self.change_tree(|draft| match draft.save(domain) {
                    DomainWrite::Written => Ok(conclude(draft, event)),
                    fault => Ok(Decision::Leave(fault)),
                })
                .await
            })
            .await
    }

    async fn assign_domain(&self, domain: DomainId, user: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("assign_domain", move || async move {
                let domain = id(domain.as_uuid());
                // A domain once made stays.
                if self.tree().await?.find(domain).is_none() {
                    return Ok(false);
                }
                let assigned = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        if !draft.domains.contains(&domain) {
                            draft.domains.push(domain);
                        }
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(assigned.unwrap_or(false))
            })
            .await
    }

    async fn unassign_domain(&self, domain: DomainId, user: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("unassign_domain", move || async move {
                let domain = id(domain.as_uuid());
                let unassigned = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        if !draft.domains.contains(&domain) {
                            return Ok(Decision::Leave(false));
                        }
                        draft.domains.retain(|assigned| *assigned != domain);
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(unassigned.unwrap_or(false))
            })
            .await
    }
}
