//! Accounts.

use doorward_identity::audit::AuditAction;
use doorward_identity::change::ChangeSubject;
use doorward_identity::credential::PasswordHash;
use doorward_identity::session::Started;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::{ExternalIdentity, Role, User, UserQuery, UserStatus};

use super::Stand;
use super::stand::at_once;

/// A `User` has no equality of its own: its password hash is secret.
fn assert_same(one: &User, other: &User) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    assert_eq!(one.email.as_str(), other.email.as_str());
    let hash = |user: &User| user.password_hash.as_ref().map(|hash| hash.expose().to_owned());
    assert_eq!(hash(one), hash(other));
}

fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity { issuer: "https://issuer.example".to_owned(), subject: subject.to_owned() }
}

/// The first ten that are found.
pub(super) fn search(text: &str) -> UserQuery {
    UserQuery { search: Some(text.to_owned()), limit: 10, ..UserQuery::default() }
}

pub(super) async fn a_user_comes_back_as_it_was_made(stand: &Stand) {
    let plain = stand.user("Plain@Example.com").await;
    let mut new = stand.new_user("jos\u{e9}@b\u{fc}cher.example");
    new.user.email_verified_at = Some(stand.now());
    new.user.name = Some("Jos\u{e9} O'Brien \u{1f600} % _ \\ \"".to_owned());
    new.user.first_name = Some("Jos\u{e9}".to_owned());
    new.user.last_name = Some("O'Brien".to_owned());
    new.user.phone = Some("+14155550123".parse().unwrap());
    new.user.avatar_url = Some("https://example.com/a.png".to_owned());
    new.user.password_hash = None;
    new.user.roles = vec![Role::admin(), "billing-reader".parse().unwrap()];
    new.user.status = UserStatus::Disabled;
    new.user.last_signin_at = Some(stand.now());
    new.user.signed_out_at = Some(stand.now());
    new.user.version = 7;
    stand.insert(&new).await;
    for user in [&plain, &new.user] {
        assert_same(&stand.other.find_user(user.id).await.unwrap().unwrap(), user);
        assert_same(&stand.other.find_user_by_email(user.email.key()).await.unwrap().unwrap(), user);
        assert_same(&stand.other.find_context(user.id).await.unwrap().unwrap().user, user);
    }
}

pub(super) async fn a_user_is_taken_in_any_spelling(stand: &Stand) {
    let jose = stand.user("Jos\u{e9}@Example.com").await;
    for spelling in ["JOS\u{c9}@example.COM", "jose\u{301}@example.com", "jos\u{e9}@example.com"] {
        let new = stand.new_user(spelling);
        let inserted = stand.store.insert_user(&new, &stand.event(AuditAction::UserSignedUp)).await.unwrap();
        assert_eq!(inserted, Inserted::Taken, "{spelling}");
        let found = stand.store.find_user_by_email(new.user.email.key()).await.unwrap().unwrap();
        assert_eq!(found.id, jose.id, "{spelling}");
        assert_eq!(found.email.as_str(), "Jos\u{e9}@Example.com");
    }
}

pub(crate) async fn of_fifty_sign_ups_with_one_address_one_wins(stand: &Stand) {
    let mut won = Vec::new();
    for round in 0..3 {
        let tasks = (0..50).map(|number| {
            let (store, new) = (stand.node(number), stand.new_user(&format!("one{round}@example.com")));
            let event = stand.event(AuditAction::UserSignedUp);
            async move { (new.user.id, store.insert_user(&new, &event).await.unwrap()) }
        });
        let results = at_once(tasks.collect()).await;
        won.extend(results.iter().filter(|(_, inserted)| *inserted == Inserted::Inserted).map(|(id, _)| *id));
        assert_eq!(won.len(), round + 1);
    }
    let users = stand.store.list_users(&UserQuery { limit: 100, ..UserQuery::default() }).await.unwrap();
    assert_eq!(users.iter().map(|user| user.id).collect::<Vec<_>>(), won);
    assert_eq!(stand.audited(AuditAction::UserSignedUp).await, 3);
}

pub(super) async fn an_identity_belongs_to_one_user(stand: &Stand) {
    let mut new = stand.new_user("outside@example.com");
    new.identity = Some(identity("s1"));
    stand.insert(&new).await;
    let found = stand.store.find_user_by_identity(&identity("s1")).await.unwrap().unwrap();
    assert_eq!(found.id, new.user.id);
    for other in ["S1", "s1 ", "s1\0", ""] {
        assert!(stand.store.find_user_by_identity(&identity(other)).await.unwrap().is_none(), "{other:?}");
    }

    let other = stand.user("other@example.com").await;
    for (user, subject, expected) in
        [(other.id, "s1", Inserted::Taken), (new.user.id, "s1", Inserted::Taken), (other.id, "s2", Inserted::Inserted)]
    {
        let event = stand.event(AuditAction::IdentityLinked);
        assert_eq!(stand.store.link_identity(user, &identity(subject), &event).await.unwrap(), expected);
    }
    assert_eq!(stand.audited(AuditAction::IdentityLinked).await, 1);
    assert_eq!(stand.store.find_user_by_identity(&identity("s2")).await.unwrap().unwrap().id, other.id);
}

pub(super) async fn a_refused_sign_up_leaves_nothing_behind(stand: &Stand) {
    let mut first = stand.new_user("first@example.com");
    first.identity = Some(identity("s"));
    stand.insert(&first).await;
    let mut second = stand.new_user("second@example.com");
    second.identity = Some(identity("s"));
    let inserted = stand.store.insert_user(&second, &stand.event(AuditAction::UserSignedUp)).await.unwrap();
    assert_eq!(inserted, Inserted::Taken);
    assert!(stand.store.find_user_by_email(second.user.email.key()).await.unwrap().is_none());
    assert_eq!(stand.audited(AuditAction::UserSignedUp).await, 1);
}

pub(super) async fn a_new_user_joins_an_active_team_and_domain_only(stand: &Stand) {
    let (team, domain) = (stand.team("General").await, stand.domain("engineering", None).await);
    let mut joined = stand.new_user("joined@example.com");
    (joined.team, joined.domain) = (Some("General".to_owned()), Some("engineering".to_owned()));
    stand.insert(&joined).await;
    let context = stand.store.find_context(joined.user.id).await.unwrap().unwrap();
    assert_eq!(
        context.teams.iter().map(|team| (team.team.id, team.role.as_str())).collect::<Vec<_>>(),
        [(team.id, "member")]
    );
    assert_eq!(context.domains.iter().map(|domain| domain.id).collect::<Vec<_>>(), [domain.id]);

    let mut closed_team = team.clone();
    closed_team.is_active = false;
    let saved = stand.store.save_team(&closed_team, &stand.event(AuditAction::TeamUpdated)).await.unwrap();
    assert_eq!(saved, Saved::Saved);
    for (email, team_name, domain_key) in
        [("late@example.com", "General", "no-such"), ("lost@example.com", "No Such", "engineering-2")]
    {
        let mut new = stand.new_user(email);
        (new.team, new.domain) = (Some(team_name.to_owned()), Some(domain_key.to_owned()));
        stand.insert(&new).await;
        let members = stand.store.list_team_members(team.id).await.unwrap();
        assert!(members.iter().all(|member| member.user_id != new.user.id));
        assert!(stand.store.find_context(new.user.id).await.unwrap().unwrap().domains.is_empty());
    }
}

pub(super) async fn a_stale_save_changes_nothing(stand: &Stand) {
    let mut user = stand.user("a@example.com").await;
    user.name = Some("First".to_owned());
    user.updated_at = stand.now();
    let event = stand.event(AuditAction::UserUpdated);
    assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Saved);
    user.name = Some("Second".to_owned());
    let event = stand.event(AuditAction::UserUpdated);
    assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Stale);
    let stored = stand.stored(user.id).await;
    assert_eq!((stored.name.as_deref(), stored.version), (Some("First"), user.version + 1));
    assert_eq!(stored.updated_at, user.updated_at);
    assert_eq!(stand.audited(AuditAction::UserUpdated).await, 1);
}

pub(crate) async fn of_two_saves_at_once_one_is_written(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let tasks = (0..10).map(|number| {
        let (store, mut user) = (stand.node(number), user.clone());
        user.name = Some(format!("Name {number}"));
        let event = stand.event(AuditAction::UserUpdated);
        async move { store.save_user(&user, &event).await.unwrap() }
    });
    let results = at_once(tasks.collect()).await;
    assert_eq!(results.iter().filter(|saved| **saved == Saved::Saved).count(), 1);
    assert!(results.iter().all(|saved| *saved != Saved::Taken));
    assert_eq!(stand.stored(user.id).await.version, user.version + 1);
}

pub(super) async fn an_address_cannot_be_moved_onto_another_user(stand: &Stand) {
    stand.user("taken@example.com").await;
    let mut user = stand.user("mover@example.com").await;
    user.email = "TAKEN@example.com".parse().unwrap();
    let event = stand.event(AuditAction::UserUpdated);
    assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Taken);
    assert_eq!(stand.stored(user.id).await.email.as_str(), "mover@example.com");
    user.email = "Mover@example.com".parse().unwrap();
    let event = stand.event(AuditAction::UserUpdated);
    assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Saved, "a new spelling of one's own");
}

pub(super) async fn a_quiet_rehash_replaces_only_the_hash_it_read(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let hash = |text: &str| PasswordHash::from_stored(text.to_owned());
    for (new, replaced) in [("better", true), ("late", false)] {
        assert_eq!(stand.store.replace_password_hash(user.id, &hash("hash"), &hash(new)).await.unwrap(), replaced);
    }
    let stored = stand.stored(user.id).await;
    assert_eq!((stored.password_hash.unwrap().expose(), stored.version), ("better", user.version));
}

pub(super) async fn disabling_ends_every_session(stand: &Stand) {
    let mut user = stand.user("a@example.com").await;
    let bystander = stand.user("b@example.com").await;
    let (one, _) = stand.session(user.id).await;
    let (two, _) = stand.session(user.id).await;
    let (theirs, _) = stand.session(bystander.id).await;
    user.status = UserStatus::Disabled;
    let event = stand.event(AuditAction::UserDisabled);
    assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Saved);
    for session in [one, two] {
        let live = stand.other.find_live_session(session.id).await.unwrap().unwrap();
        assert_eq!(live.ended_at, Some(event.at));
    }
    assert_eq!(stand.store.find_live_session(theirs.id).await.unwrap().unwrap().ended_at, None);
}

pub(crate) async fn disabling_and_signing_in_at_once_leave_no_open_session(stand: &Stand) {
    for round in 0..8 {
        let user = stand.user(&format!("user{round}@example.com")).await;
        let mut disabled = user.clone();
        disabled.status = UserStatus::Disabled;
        let (store, event) = (stand.node(0), stand.event(AuditAction::UserDisabled));
        let disabling = tokio::spawn(async move { store.save_user(&disabled, &event).await.unwrap() });
        let tasks = (0..6).map(|number| {
            let (store, (session, _)) = (stand.node(number), stand.new_session(user.id, None));
            let event = stand.event(AuditAction::SessionStarted);
            async move { (session.id, store.start_session(&session, &event).await.unwrap()) }
        });
        let started = at_once(tasks.collect()).await;
        assert_eq!(disabling.await.unwrap(), Saved::Saved);
        assert!(stand.store.list_sessions(user.id, stand.now()).await.unwrap().is_empty());
        for (id, started) in started {
            let stored = stand.store.find_live_session(id).await.unwrap();
            assert_eq!(stored.is_some(), started == Started::Started);
            assert!(stored.is_none_or(|live| live.ended_at.is_some()));
        }
    }
}

pub(super) async fn a_deleted_user_leaves_only_the_audit_log(stand: &Stand) {
    let (team, domain) = (stand.team("Team").await, stand.domain("domain", None).await);
    let mut new = stand.new_user("gone@example.com");
    new.identity = Some(identity("s"));
    (new.team, new.domain) = (Some("Team".to_owned()), Some("domain".to_owned()));
    stand.insert(&new).await;
    let (session, token) = stand.session(new.user.id).await;
    let step = stand.turn(&session, &token, 1);
    let _ = stand.store.rotate_refresh(&step, &stand.event(AuditAction::RefreshReused)).await.unwrap();
    let before = stand.store.latest_change().await.unwrap();

    let event = stand.event(AuditAction::UserDeleted);
    assert!(stand.store.delete_user(new.user.id, None, &event).await.unwrap());
    assert!(!stand.store.delete_user(new.user.id, None, &stand.event(AuditAction::UserDeleted)).await.unwrap());
    assert!(stand.store.find_context(new.user.id).await.unwrap().is_none());
    assert!(stand.store.find_live_session(session.id).await.unwrap().is_none());
    assert!(stand.store.find_user_by_identity(&identity("s")).await.unwrap().is_none());
    assert!(stand.store.list_team_members(team.id).await.unwrap().is_empty());
    assert!(stand.store.find_domain(domain.id).await.unwrap().is_some());
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::User(new.user.id)]);
    assert_eq!(stand.audited(AuditAction::UserDeleted).await, 1);
    assert_eq!(stand.audited(AuditAction::UserSignedUp).await, 1);
    stand.user("gone@example.com").await;
}

pub(super) async fn users_are_listed_in_order_of_creation_page_by_page(stand: &Stand) {
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(stand.user(&format!("user{}@example.com", 9 - number)).await.id);
    }
    let mut listed = Vec::new();
    loop {
        let query = UserQuery { after: listed.last().copied(), limit: 3, ..UserQuery::default() };
        let page = stand.store.list_users(&query).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        listed.extend(page.iter().map(|user| user.id));
    }
    assert_eq!(listed, made);
}

pub(super) async fn a_search_finds_parts_in_any_case_and_knows_no_wildcards(stand: &Stand) {
    let mut odd = stand.new_user("Anna.Smith@Example.com");
    odd.user.name = Some("\u{c4}nne 100%_\\ Sm\u{ef}th".to_owned());
    stand.insert(&odd).await;
    stand.user("bob@example.com").await;
    for (text, found) in [
        ("ANNA.smith", 1),
        ("\u{e4}NNE", 1),
        ("100%_\\", 1),
        ("SM\u{cf}TH", 1),
        ("example", 2),
        ("", 2),
        ("%", 1),
        ("_", 1),
        ("a%h", 0),
        ("comann", 0),
        ("comb", 0),
        ("' or 1=1", 0),
        ("\0", 0),
    ] {
        let users = stand.store.list_users(&search(text)).await.unwrap();
        assert_eq!(users.len(), found, "{text:?}");
    }
    let long = "%_".repeat(40_000);
    assert!(stand.store.list_users(&search(&long)).await.unwrap().is_empty());
}
