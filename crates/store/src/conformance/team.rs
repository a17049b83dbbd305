//! Teams, memberships and seeds.

use doorward_identity::audit::AuditAction;
use doorward_identity::change::ChangeSubject;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::Role;
use doorward_identity::{TeamId, UserId};

use super::Stand;
use super::stand::at_once;

async fn team_names(stand: &Stand, active_only: bool) -> Vec<String> {
    let teams = stand.other.list_teams(active_only).await.unwrap();
    teams.iter().map(|team| team.name.as_str().to_owned()).collect()
}

pub(super) async fn a_team_comes_back_as_it_was_made(stand: &Stand) {
    let mut team = stand.new_team("Zo\u{eb} & Co %");
    team.external_ref = Some("eng".to_owned());
    team.is_active = false;
    let inserted = stand.store.insert_team(&team, &stand.event(AuditAction::TeamCreated)).await.unwrap();
    assert_eq!(inserted, Inserted::Inserted);
    assert_eq!(stand.other.find_team(team.id).await.unwrap().as_ref(), Some(&team));
    assert_eq!(stand.other.list_teams(false).await.unwrap(), [team]);
    assert!(stand.other.list_teams(true).await.unwrap().is_empty());
    assert_eq!(stand.store.find_team(stand.new_team("none").id).await.unwrap(), None);
}

pub(super) async fn seeds_are_made_once_for_ever(stand: &Stand) {
    stand.store.seed_teams(&[stand.new_team("Design"), stand.new_team("General")]).await.unwrap();
    assert_eq!(team_names(stand, true).await, ["Design", "General"]);
    let mut design = stand.store.list_teams(true).await.unwrap().remove(0);
    design.name = "Art".to_owned().try_into().unwrap();
    design.is_active = false;
    let saved = stand.store.save_team(&design, &stand.event(AuditAction::TeamUpdated)).await.unwrap();
    assert_eq!(saved, Saved::Saved);
    let seeds = [stand.new_team("Design"), stand.new_team("General"), stand.new_team("Product")];
    stand.other.seed_teams(&seeds).await.unwrap();
    assert_eq!(team_names(stand, false).await, ["Art", "General", "Product"]);
    assert_eq!(team_names(stand, true).await, ["General", "Product"]);
}

pub(super) async fn seeds_pass_over_names_in_use(stand: &Stand) {
    let mut own = stand.new_team("Engineering");
    own.external_ref = Some("ext".to_owned());
    let _ = stand.store.insert_team(&own, &stand.event(AuditAction::TeamCreated)).await.unwrap();
    let mut same_reference = stand.new_team("Other");
    same_reference.external_ref = Some("ext".to_owned());
    stand.store.seed_teams(&[stand.new_team("Engineering"), same_reference]).await.unwrap();
    assert_eq!(stand.store.list_teams(false).await.unwrap(), [own]);
}

pub(super) async fn two_nodes_seed_once(stand: &Stand) {
    let before = stand.store.latest_change().await.unwrap();
    let tasks = (0..6).map(|number| {
        let (store, teams) = (stand.node(number), [stand.new_team("A"), stand.new_team("B")]);
        async move { store.seed_teams(&teams).await.unwrap() }
    });
    at_once(tasks.collect()).await;
    assert_eq!(team_names(stand, true).await, ["A", "B"]);
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::Directory; 2]);
}

pub(super) async fn a_team_name_and_reference_are_unique(stand: &Stand) {
    let mut first = stand.new_team("Engineering");
    first.external_ref = Some("eng".to_owned());
    let event = stand.event(AuditAction::TeamCreated);
    assert_eq!(stand.store.insert_team(&first, &event).await.unwrap(), Inserted::Inserted);
    let mut second = stand.new_team("Second");
    second.external_ref = Some("eng".to_owned());
    for team in [stand.new_team("Engineering"), second.clone()] {
        let event = stand.event(AuditAction::TeamCreated);
        assert_eq!(stand.store.insert_team(&team, &event).await.unwrap(), Inserted::Taken);
    }
    let mut renamed = stand.team("Third").await;
    renamed.name = first.name.clone();
    let event = stand.event(AuditAction::TeamUpdated);
    assert_eq!(stand.store.save_team(&renamed, &event).await.unwrap(), Saved::Taken);
    // Any number of teams have no reference at all.
    stand.team("Fourth").await;
    assert_eq!(stand.audited(AuditAction::TeamCreated).await, 3);
    assert_eq!(stand.audited(AuditAction::TeamUpdated).await, 0);
}

pub(super) async fn a_stale_team_is_not_saved(stand: &Stand) {
    let mut team = stand.team("One").await;
    team.name = "Two".to_owned().try_into().unwrap();
    let event = stand.event(AuditAction::TeamUpdated);
    assert_eq!(stand.store.save_team(&team, &event).await.unwrap(), Saved::Saved);
    let event = stand.event(AuditAction::TeamUpdated);
    assert_eq!(stand.store.save_team(&team, &event).await.unwrap(), Saved::Stale);
    let unknown = stand.new_team("Nobody");
    assert_eq!(stand.store.save_team(&unknown, &stand.event(AuditAction::TeamUpdated)).await.unwrap(), Saved::Stale);
    assert_eq!(stand.store.find_team(team.id).await.unwrap().unwrap().version, team.version + 1);
}

pub(super) async fn a_membership_is_set_changed_and_removed(stand: &Stand) {
    let (team, zoe) = (stand.team("Team").await, stand.user("zoe@example.com").await);
    let mut ann = stand.new_user("Ann@example.com");
    ann.user.name = Some("Ann".to_owned());
    stand.insert(&ann).await;
    let lead: Role = "lead".parse().unwrap();
    for (user, role) in [(zoe.id, Role::member()), (ann.user.id, Role::member()), (zoe.id, lead.clone())] {
        let event = stand.event(AuditAction::TeamJoined);
        assert!(stand.store.set_team_member(team.id, user, &role, &event).await.unwrap());
    }
    let members = stand.other.list_team_members(team.id).await.unwrap();
    let seen: Vec<_> = members.iter().map(|one| (one.email.as_str(), one.name.as_deref(), one.role.as_str())).collect();
    assert_eq!(seen, [("Ann@example.com", Some("Ann"), "member"), ("zoe@example.com", None, "lead")]);
    assert_eq!(stand.store.find_context(zoe.id).await.unwrap().unwrap().teams[0].role, lead);
    for expected in [true, false] {
        let event = stand.event(AuditAction::TeamLeft);
        assert_eq!(stand.store.remove_team_member(team.id, zoe.id, &event).await.unwrap(), expected);
    }
    assert!(stand.store.find_context(zoe.id).await.unwrap().unwrap().teams.is_empty());
    assert_eq!(stand.audited(AuditAction::TeamLeft).await, 1);
}

pub(super) async fn a_membership_needs_both_ends(stand: &Stand) {
    let (team, user) = (stand.team("Team").await, stand.user("a@example.com").await);
    let (no_team, nobody) = (TeamId::from_uuid(*user.id.as_uuid()), UserId::from_uuid(*team.id.as_uuid()));
    for (team, user) in [(no_team, user.id), (team.id, nobody), (no_team, nobody)] {
        let event = stand.event(AuditAction::TeamJoined);
        assert!(!stand.store.set_team_member(team, user, &Role::member(), &event).await.unwrap());
    }
    assert_eq!(stand.audited(AuditAction::TeamJoined).await, 0);
}

pub(super) async fn a_context_shows_active_teams_and_domains_in_order(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    for name in ["b", "Z", "a", "closed"] {
        let (mut team, mut domain) = (stand.team(name).await, stand.domain(&name.to_lowercase(), None).await);
        let event = stand.event(AuditAction::TeamJoined);
        assert!(stand.store.set_team_member(team.id, user.id, &Role::member(), &event).await.unwrap());
        assert!(
            stand.store.assign_domain(domain.id, user.id, &stand.event(AuditAction::DomainAssigned)).await.unwrap()
        );
        if name == "closed" {
            (team.is_active, domain.is_active) = (false, false);
            let _ = stand.store.save_team(&team, &stand.event(AuditAction::TeamUpdated)).await.unwrap();
            let _ = stand.store.save_domain(&domain, &stand.event(AuditAction::DomainUpdated)).await.unwrap();
        }
    }
    let context = stand.other.find_context(user.id).await.unwrap().unwrap();
    assert_eq!(context.teams.iter().map(|team| team.team.name.as_str()).collect::<Vec<_>>(), ["Z", "a", "b"]);
    assert_eq!(context.domains.iter().map(|domain| domain.key.as_str()).collect::<Vec<_>>(), ["a", "b", "z"]);
    assert!(context.teams.iter().all(|team| team.team.is_active && team.team.version == 1));
}
