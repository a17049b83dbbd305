//! What providers tell of an account: its identities outside, and what their groups give.

use doorward_identity::UserId;
use doorward_identity::audit::AuditAction;
use doorward_identity::change::ChangeSubject;
use doorward_identity::provider::GroupGrants;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::{ExternalIdentity, Role};

use super::Stand;
use super::stand::at_once;

fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity { issuer: "https://issuer.example".to_owned(), subject: subject.to_owned() }
}

fn grants(roles: &[&str], teams: &[&str]) -> GroupGrants {
    GroupGrants {
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        teams: teams.iter().map(|&team| team.to_owned()).collect(),
    }
}

/// A person without a password who comes from outside under each of these subjects.
async fn outsider(stand: &Stand, email: &str, subjects: &[&str]) -> UserId {
    let mut new = stand.new_user(email);
    new.user.password_hash = None;
    stand.insert(&new).await;
    for subject in subjects {
        let event = stand.event(AuditAction::IdentityLinked);
        let linked = stand.store.link_identity(new.user.id, &identity(subject), &event).await.unwrap();
        assert_eq!(linked, Inserted::Inserted);
    }
    new.user.id
}

pub(super) async fn an_identity_is_taken_from_its_user_unless_it_is_the_last_way_in(stand: &Stand) {
    let outsider = outsider(stand, "a@example.com", &["s2", "s1"]).await;
    let insider = stand.user("b@example.com").await.id;
    let event = stand.event(AuditAction::IdentityLinked);
    let _ = stand.store.link_identity(insider, &identity("s3"), &event).await.unwrap();
    assert_eq!(stand.other.list_identities(outsider).await.unwrap(), [identity("s1"), identity("s2")]);
    let before = stand.store.latest_change().await.unwrap();
    for (user, subject, done) in [
        (insider, "s1", false),
        (outsider, "s1\0", false),
        (outsider, "s1", true),
        (outsider, "s1", false),
        (outsider, "s2", false),
        (insider, "s3", true),
    ] {
        let event = stand.event(AuditAction::IdentityUnlinked);
        let unlinked = stand.store.unlink_identity(user, &identity(subject), &event).await.unwrap();
        assert_eq!(unlinked, done, "{subject:?}");
    }
    assert_eq!(stand.other.list_identities(outsider).await.unwrap(), [identity("s2")]);
    assert_eq!(stand.other.list_identities(insider).await.unwrap(), []);
    assert_eq!(stand.announced_after(before).await, [outsider, insider].map(ChangeSubject::User));
    assert_eq!(stand.audited(AuditAction::IdentityUnlinked).await, 2);
}

pub(crate) async fn of_two_unlinked_at_once_one_way_in_is_left(stand: &Stand) {
    for round in 0..10 {
        let subjects = [format!("{round}a"), format!("{round}b")];
        let user = outsider(stand, &format!("{round}@example.com"), &[&subjects[0], &subjects[1]]).await;
        let calls = subjects.iter().enumerate().map(|(number, subject)| {
            let (store, identity) = (stand.node(number), identity(subject));
            let event = stand.event(AuditAction::IdentityUnlinked);
            async move { store.unlink_identity(user, &identity, &event).await.unwrap() }
        });
        let results = at_once(calls.collect()).await;
        assert_eq!(results.iter().filter(|unlinked| **unlinked).count(), 1);
        assert_eq!(stand.store.list_identities(user).await.unwrap().len(), 1);
    }
}

pub(super) async fn groups_give_and_take_what_is_mapped_and_nothing_else(stand: &Stand) {
    let mut new = stand.new_user("a@example.com");
    new.user.roles = vec![Role::admin(), "auditor".parse().unwrap()];
    stand.insert(&new).await;
    let user = new.user.id;
    let (ops, own, led) = (stand.team("Ops").await, stand.team("Own").await, stand.team("Led").await);
    for (team, role) in [(&own, "member"), (&led, "lead")] {
        let event = stand.event(AuditAction::TeamJoined);
        assert!(stand.store.set_team_member(team.id, user, &role.parse().unwrap(), &event).await.unwrap());
    }
    let before = stand.store.latest_change().await.unwrap();
    let mapped = grants(&["auditor", "billing"], &["Ops", "Led", "Nowhere"]);
    let held = async || {
        let context = stand.other.find_context(user).await.unwrap().unwrap();
        let roles: Vec<String> = context.user.roles.iter().map(|role| role.as_str().to_owned()).collect();
        let teams: Vec<String> =
            context.teams.iter().map(|team| format!("{}:{}", team.team.name.as_str(), team.role.as_str())).collect();
        (roles.join(" "), teams.join(" "))
    };
    let expect = |roles: &str, teams: &str| (roles.to_owned(), teams.to_owned());
    let apply = async |granted: GroupGrants| {
        let event = stand.event(AuditAction::GroupsApplied);
        stand.store.apply_groups(user, &mapped, &granted, &event).await.unwrap()
    };
    let granted = grants(&["billing"], &["Ops", "Led", "Nowhere"]);
    assert!(apply(granted.clone()).await);
    assert_eq!(held().await, expect("admin billing", "Led:lead Ops:member Own:member"));
    let version = stand.stored(user).await.version;
    assert!(!apply(granted).await, "once is enough");
    assert_eq!(stand.stored(user).await.version, version);
    assert!(apply(grants(&[], &[])).await);
    assert_eq!(held().await, expect("admin", "Own:member"));
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::User(user); 2]);
    assert_eq!(stand.audited(AuditAction::GroupsApplied).await, 2);
    assert_eq!(stand.other.list_team_members(ops.id).await.unwrap(), []);

    let nobody = stand.new_user("b@example.com").user.id;
    let event = stand.event(AuditAction::GroupsApplied);
    assert!(!stand.store.apply_groups(nobody, &mapped, &mapped, &event).await.unwrap());
}

pub(crate) async fn groups_and_an_administrator_at_once_keep_both(stand: &Stand) {
    let mapped = grants(&["billing"], &["Ops"]);
    stand.team("Ops").await;
    for round in 0..10 {
        let user = stand.user(&format!("{round}@example.com")).await;
        let mut renamed = user.clone();
        renamed.name = Some("Renamed".to_owned());
        let (administrator, provider) = (stand.node(round), stand.node(round + 1));
        let (save, apply) = (stand.event(AuditAction::UserUpdated), stand.event(AuditAction::GroupsApplied));
        let granted = mapped.clone();
        let saving = tokio::spawn(async move {
            // As the service does: read again what somebody else wrote first.
            while administrator.save_user(&renamed, &save).await.unwrap() == Saved::Stale {
                let read = administrator.find_user(renamed.id).await.unwrap().unwrap();
                (renamed.version, renamed.roles) = (read.version, read.roles);
            }
        });
        assert!(provider.apply_groups(user.id, &granted, &granted, &apply).await.unwrap());
        saving.await.unwrap();
        let stored = stand.stored(user.id).await;
        assert_eq!((stored.name.as_deref(), stored.has_role("billing")), (Some("Renamed"), true));
        assert_eq!(stored.version, user.version + 2);
    }
}
