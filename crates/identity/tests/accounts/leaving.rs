//! Deleting one's own account.

use doorward_identity::audit::{AuditAction, AuditQuery};
use doorward_identity::mail::LetterKind;
use doorward_identity::session::ValidateError;
use doorward_identity::user::{AccountError, Role, UserChange};

use crate::stage::Stage;
use crate::world::{PASSWORD, admin, from, sign_in, try_sign_in};

#[tokio::test]
async fn the_owner_deletes_the_account_with_its_password_and_gets_a_farewell() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    let signed_in = sign_in(&stage.node, "ada@example.com").await;
    let caller = stage.node.validate(&signed_in.access_token).await.unwrap();
    let leave = async |password: Option<&str>| {
        let password = password.map(Into::into);
        stage.node.delete_own_account(&caller, password.as_ref(), from("192.0.2.1")).await
    };
    assert!(matches!(leave(None).await, Err(AccountError::Refused(_))));
    assert!(matches!(leave(Some("wrong")).await, Err(AccountError::WrongPassword)));
    assert!(stage.user(ada).await.is_some());
    leave(Some(PASSWORD)).await.unwrap();
    assert!(stage.user(ada).await.is_none());
    assert!(matches!(stage.node.validate(&signed_in.access_token).await, Err(ValidateError::Rejected(_))));
    assert!(try_sign_in(&stage.node, "ada@example.com", PASSWORD, "192.0.2.1").await.is_err());
    assert!(matches!(leave(Some(PASSWORD)).await, Err(AccountError::SignInAgain)), "the token outlives the account");
    stage.deliver().await;
    assert_eq!(stage.post.kinds_to("ada@example.com"), [LetterKind::AccountDeleted]);
    let query = AuditQuery { action: Some(AuditAction::UserLeft), limit: 9, ..AuditQuery::default() };
    assert_eq!(stage.node.audit_events(&admin(), &query).await.unwrap().len(), 1);
}

#[tokio::test]
async fn administrators_do_not_delete_themselves() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    let caller = stage.caller("ada@example.com").await;
    // Also when they became one after this token was judged.
    let change = UserChange { roles: Some(vec![Role::admin()]), ..UserChange::default() };
    stage.node.change_user(&admin(), ada, change).await.unwrap();
    let refused = stage.node.delete_own_account(&caller, Some(&PASSWORD.into()), from("192.0.2.1")).await;
    assert!(matches!(refused, Err(AccountError::OwnAccess)));
    assert!(stage.user(ada).await.is_some());
}
