//! Roles: what everybody holds, what is told of them, and what Doorward goes by.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use doorward_identity::Identity;
use doorward_identity::policy::Admin;
use doorward_identity::session::Origin;
use doorward_identity::user::{AdminError, KnownRoles, NewAccount, Role, User, UserChange};
use doorward_protocol::jwt::Unverified;
use serde_json::{Value, json};
use world::{World, admin, sign_in, sign_up};

fn roles(names: &[&str]) -> Vec<Role> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

async fn grant(node: &Identity, user: doorward_identity::UserId, names: &[&str]) -> Result<User, AdminError> {
    let change = UserChange { roles: Some(roles(names)), ..UserChange::default() };
    node.change_user(&admin(), user, change).await
}

fn claimed(token: &str) -> Value {
    let claims: Value = Unverified::parse(token).unwrap().claims_unverified().unwrap();
    claims["roles"].clone()
}

#[tokio::test]
async fn everybody_is_a_user_and_a_token_tells_every_role_held() {
    let world = World::new();
    let node = world.node().await;
    let ada = sign_up(&node, "ada@example.com").await;
    assert_eq!(claimed(&sign_in(&node, "ada@example.com").await.access_token), json!(["user"]));
    let changed = grant(&node, ada, &["ops", "user", "admin", "ops"]).await.unwrap();
    assert_eq!(changed.roles, roles(&["admin", "ops"]), "what everybody has is not stored");
    assert!(changed.has_role("user") && changed.has_role("ops") && !changed.has_role("op"));
    assert_eq!(claimed(&sign_in(&node, "ada@example.com").await.access_token), json!(["user", "admin", "ops"]));
}

#[tokio::test]
async fn a_token_from_before_a_role_was_taken_away_still_tells_it_and_opens_nothing() {
    let world = World::new();
    let node = world.node().await;
    let ada = sign_up(&node, "ada@example.com").await;
    grant(&node, ada, &["admin"]).await.unwrap();
    let token = sign_in(&node, "ada@example.com").await.access_token;
    let administers = async || Admin::signed_in(&node.validate(&token).await.unwrap(), Origin::default()).is_ok();
    assert!(administers().await);
    grant(&node, ada, &[]).await.unwrap();
    world.advance(1);
    assert_eq!(claimed(&token), json!(["user", "admin"]));
    assert!(!administers().await);
}

#[tokio::test]
async fn accounts_begin_with_the_roles_of_the_settings_unless_an_administrator_makes_them() {
    let world = World::new();
    let node = world.node_with(|settings| settings.new_account_roles = roles(&["member", "user", "beta"])).await;
    sign_up(&node, "ada@example.com").await;
    let ada = sign_in(&node, "ada@example.com").await;
    assert_eq!(ada.context.user.roles, roles(&["beta", "member"]));
    let bob = node.caller_by_developer_headers("bob@example.com", None).await.unwrap();
    assert_eq!(bob.context.user.roles, roles(&["beta", "member"]));
    let eve = NewAccount {
        email: "eve@example.com".to_owned(),
        password: None,
        name: None,
        roles: roles(&["auditor"]),
        email_verified: true,
    };
    assert_eq!(node.create_account(&admin(), eve).await.unwrap().roles, roles(&["auditor"]));
}

#[tokio::test]
async fn where_roles_are_named_no_other_is_granted_and_all_that_is_wrong_is_told() {
    let world = World::new();
    let node = world.node_with(|settings| settings.known_roles = KnownRoles::of(roles(&["auditor"]))).await;
    let ada = sign_up(&node, "ada@example.com").await;
    for granted in [&["auditor"][..], &["user", "admin"], &[]] {
        grant(&node, ada, granted).await.unwrap();
    }
    let Err(AdminError::Refused(faults)) = grant(&node, ada, &["auditor", "auditors", "root"]).await else {
        panic!("unknown roles were granted");
    };
    let told: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
    let expected =
        ["auditors", "root"].map(|role| format!("{role:?} is none of the known roles: user, admin, auditor"));
    assert_eq!(told, expected);
    let wrong = NewAccount {
        email: "nowhere".to_owned(),
        password: None,
        name: None,
        roles: roles(&["root"]),
        email_verified: true,
    };
    let Err(AdminError::Refused(faults)) = node.create_account(&admin(), wrong).await else {
        panic!("an account with an unknown role was made");
    };
    assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), ["email", "roles"]);
}
