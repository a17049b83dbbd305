//! Domains, their tree and their assignment.

use doorward_identity::DomainId;
use doorward_identity::audit::AuditAction;
use doorward_identity::domain::{Domain, DomainKey, DomainWrite};

use super::Stand;
use super::stand::at_once;

async fn save(stand: &Stand, domain: &Domain) -> DomainWrite {
    stand.store.save_domain(domain, &stand.event(AuditAction::DomainUpdated)).await.unwrap()
}

fn below(domain: &Domain, parent: &Domain) -> Domain {
    Domain { parent_domain_id: Some(parent.id), ..domain.clone() }
}

pub(super) async fn a_domain_comes_back_as_it_was_made(stand: &Stand) {
    let root = stand.domain("root", None).await;
    let mut leaf = stand.new_domain("leaf.2_x-1", Some(&root));
    leaf.name = "Blatt \u{1f343}".to_owned().try_into().unwrap();
    leaf.is_active = false;
    let event = stand.event(AuditAction::DomainCreated);
    assert_eq!(stand.store.insert_domain(&leaf, &event).await.unwrap(), DomainWrite::Written);
    assert_eq!(stand.other.find_domain(leaf.id).await.unwrap().as_ref(), Some(&leaf));
    assert_eq!(stand.other.list_domains(false).await.unwrap(), [leaf, root.clone()]);
    assert_eq!(stand.other.list_domains(true).await.unwrap(), [root]);
}

pub(super) async fn domains_are_seeded_once_for_ever(stand: &Stand) {
    stand.store.seed_domains(&[stand.new_domain("sales", None)]).await.unwrap();
    let mut sales = stand.store.list_domains(true).await.unwrap().remove(0);
    sales.key = "selling".to_owned().try_into().unwrap();
    assert_eq!(save(stand, &sales).await, DomainWrite::Written);
    stand.other.seed_domains(&[stand.new_domain("sales", None), stand.new_domain("design", None)]).await.unwrap();
    let keys: Vec<_> = stand.store.list_domains(false).await.unwrap().into_iter().map(|domain| domain.key).collect();
    assert_eq!(keys.iter().map(DomainKey::as_str).collect::<Vec<_>>(), ["design", "selling"]);
}

pub(super) async fn a_domain_key_is_unique(stand: &Stand) {
    stand.domain("a", None).await;
    let event = stand.event(AuditAction::DomainCreated);
    let written = stand.store.insert_domain(&stand.new_domain("a", None), &event).await.unwrap();
    assert_eq!(written, DomainWrite::Taken);
    let mut other = stand.domain("b", None).await;
    other.key = "a".to_owned().try_into().unwrap();
    assert_eq!(save(stand, &other).await, DomainWrite::Taken);
    assert_eq!(stand.audited(AuditAction::DomainUpdated).await, 0);
}

pub(super) async fn a_domain_needs_its_parent(stand: &Stand) {
    let domain = stand.domain("a", None).await;
    let nowhere = stand.new_domain("nowhere", None);
    let event = stand.event(AuditAction::DomainCreated);
    let orphan = stand.new_domain("orphan", Some(&nowhere));
    assert_eq!(stand.store.insert_domain(&orphan, &event).await.unwrap(), DomainWrite::NoParent);
    assert_eq!(save(stand, &below(&domain, &nowhere)).await, DomainWrite::NoParent);
    assert_eq!(stand.store.list_domains(false).await.unwrap(), [domain]);
}

pub(super) async fn a_domain_cannot_lie_below_itself(stand: &Stand) {
    let top = stand.domain("top", None).await;
    let middle = stand.domain("middle", Some(&top)).await;
    let bottom = stand.domain("bottom", Some(&middle)).await;
    for parent in [&top, &middle, &bottom] {
        assert_eq!(save(stand, &below(&top, parent)).await, DomainWrite::Cycle);
    }
    assert_eq!(save(stand, &below(&middle, &bottom)).await, DomainWrite::Cycle);
    assert_eq!(save(stand, &below(&bottom, &top)).await, DomainWrite::Written, "up the tree is fine");
    assert_eq!(save(stand, &Domain { parent_domain_id: None, ..middle }).await, DomainWrite::Written);
}

pub(crate) async fn of_two_moves_that_close_a_circle_one_is_refused(stand: &Stand) {
    for round in 0..8 {
        let one = stand.domain(&format!("one{round}"), None).await;
        let two = stand.domain(&format!("two{round}"), None).await;
        let moves = [below(&one, &two), below(&two, &one)];
        let tasks = moves.into_iter().enumerate().map(|(number, domain)| {
            let (store, event) = (stand.node(number), stand.event(AuditAction::DomainUpdated));
            async move { store.save_domain(&domain, &event).await.unwrap() }
        });
        let mut results = at_once(tasks.collect()).await;
        results.sort_by_key(|written| *written == DomainWrite::Written);
        assert_eq!(results, [DomainWrite::Cycle, DomainWrite::Written]);
    }
}

pub(super) async fn a_stale_domain_is_not_saved(stand: &Stand) {
    let domain = stand.domain("a", None).await;
    assert_eq!(save(stand, &domain).await, DomainWrite::Written);
    assert_eq!(save(stand, &domain).await, DomainWrite::Stale);
    assert_eq!(save(stand, &stand.new_domain("b", None)).await, DomainWrite::Stale);
    assert_eq!(stand.store.find_domain(domain.id).await.unwrap().unwrap().version, domain.version + 1);
}

pub(super) async fn an_assignment_is_made_repeated_and_undone(stand: &Stand) {
    let (domain, user) = (stand.domain("a", None).await, stand.user("a@example.com").await);
    let nowhere = DomainId::from_uuid(*user.id.as_uuid());
    for (domain, expected) in [(domain.id, true), (domain.id, true), (nowhere, false)] {
        let event = stand.event(AuditAction::DomainAssigned);
        assert_eq!(stand.store.assign_domain(domain, user.id, &event).await.unwrap(), expected);
    }
    let context = stand.other.find_context(user.id).await.unwrap().unwrap();
    assert_eq!(context.domains, std::slice::from_ref(&domain));
    for expected in [true, false] {
        let event = stand.event(AuditAction::DomainUnassigned);
        assert_eq!(stand.store.unassign_domain(domain.id, user.id, &event).await.unwrap(), expected);
    }
    assert!(stand.other.find_context(user.id).await.unwrap().unwrap().domains.is_empty());
}
