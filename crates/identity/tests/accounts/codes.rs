//! Codes: what they prove, once, for a while, and for one thing only; and how they are asked for.

use std::sync::Arc;

use doorward_identity::audit::{AuditAction, AuditQuery};
use doorward_identity::code::{CodePurpose, RequestCode};
use doorward_identity::mail::LetterKind;
use doorward_identity::user::{AccountError, CodePresented, UserStatus};

use crate::stage::{Stage, other_than};
use crate::world::{admin, from};

const VERIFICATION: CodePurpose = CodePurpose::EmailVerification;
const RESET: CodePurpose = CodePurpose::PasswordReset;

#[tokio::test]
async fn a_mailed_code_confirms_the_address_once() {
    let stage = Stage::new().await;
    let ada = stage.account("Ada@example.com").await;
    stage.request("ada@EXAMPLE.com", VERIFICATION).await.unwrap();
    assert_eq!(stage.post.calls(), 0, "whoever asks does not wait for the mail");
    stage.deliver().await;
    // To the address as it is stored, however it was typed.
    let code = stage.post.last_code_to("Ada@example.com").unwrap();
    stage.verify("ADA@example.com", &code).await.unwrap();
    assert!(stage.user(ada).await.unwrap().email_verified_at.is_some());
    assert!(matches!(stage.verify("ada@example.com", &code).await, Err(AccountError::BadCode)));
    let query = AuditQuery { action: Some(AuditAction::EmailVerified), limit: 9, ..AuditQuery::default() };
    assert_eq!(stage.node.audit_events(&admin(), &query).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_code_is_read_as_people_type_it_and_what_is_no_code_costs_no_guess() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let code = stage.code("ada@example.com", VERIFICATION).await;
    stage.store_calls();
    for odd in ["", "12345", "1234567", "12345a", "abcdef", &format!("{code}{code}"), &" ".repeat(100_000)] {
        assert!(matches!(stage.verify("ada@example.com", odd).await, Err(AccountError::Refused(_))), "{odd:?}");
    }
    assert_eq!(stage.store_calls(), [""; 0]);
    let wide: String = code.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10).unwrap()).collect();
    let (start, end) = wide.split_at(9);
    stage.verify("ada@example.com", &format!(" {start} {end}\u{3000}")).await.unwrap();
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    stage.account("bob@example.com").await;
    let [ada, bob] = [stage.code("ada@example.com", VERIFICATION).await, stage.code("bob@example.com", RESET).await];
    stage.world.advance(599);
    stage.verify("ada@example.com", &ada).await.unwrap();
    stage.world.advance(1);
    // Only whoever has the right digits hears that they come late.
    let wrong = stage.redeem_reset("bob@example.com", &other_than(&bob)).await;
    assert!(matches!(wrong, Err(AccountError::BadCode)));
    assert!(matches!(stage.redeem_reset("bob@example.com", &bob).await, Err(AccountError::LateCode)));
}

#[tokio::test]
async fn a_code_is_good_for_one_account_and_one_purpose() {
    let stage = Stage::new().await;
    for email in ["ada@example.com", "bob@example.com"] {
        stage.account(email).await;
    }
    let reset = stage.code("ada@example.com", RESET).await;
    assert!(matches!(stage.verify("ada@example.com", &reset).await, Err(AccountError::BadCode)));
    assert!(matches!(stage.redeem_reset("bob@example.com", &reset).await, Err(AccountError::BadCode)));
    assert!(matches!(stage.redeem_reset("nobody@example.com", &reset).await, Err(AccountError::BadCode)));
    stage.redeem_reset("ada@example.com", &reset).await.unwrap();
}

#[tokio::test]
async fn only_the_newest_code_counts_and_codes_for_different_things_do_not_disturb_each_other() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let first = stage.code("ada@example.com", VERIFICATION).await;
    stage.world.advance(60);
    let reset = stage.code("ada@example.com", RESET).await;
    stage.world.advance(120);
    let second = stage.code("ada@example.com", VERIFICATION).await;
    if first != second {
        assert!(matches!(stage.verify("ada@example.com", &first).await, Err(AccountError::BadCode)));
    }
    stage.verify("ada@example.com", &second).await.unwrap();
    stage.redeem_reset("ada@example.com", &reset).await.unwrap();
}

#[tokio::test]
async fn of_fifty_redemptions_at_once_exactly_one_wins() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let nodes = [Arc::clone(&stage.node), stage.another_node().await];
    for purpose in [VERIFICATION, RESET] {
        let code = stage.code("ada@example.com", purpose).await;
        let crowd = (0..50_usize).map(|number| {
            let (node, code) = (Arc::clone(&nodes[number % 2]), code.clone());
            tokio::spawn(async move {
                let origin = from(&format!("198.51.100.{number}"));
                let presented = CodePresented { email: "ada@example.com", code: &code, origin };
                match purpose {
                    RESET => node.redeem_reset_code(presented).await.map(|_| ()),
                    _ => node.verify_email(presented).await,
                }
            })
        });
        let mut won = 0;
        for one in crowd.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(()) => won += 1,
                Err(AccountError::BadCode | AccountError::Throttled { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1);
        stage.world.advance(3600);
    }
}

#[tokio::test]
async fn the_next_code_has_to_be_waited_for_by_address_whether_anybody_has_it_or_not() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    for (email, spelling) in [("ada@example.com", "ADA@Example.com"), ("nobody@example.com", "Nobody@example.COM")] {
        for wait in [60, 120, 300, 1200, 3600, 3600] {
            stage.request(email, RESET).await.unwrap();
            let refused = stage.request(spelling, RESET).await;
            assert!(
                matches!(refused, Err(AccountError::Throttled { retry_after_s }) if retry_after_s == wait),
                "{wait}"
            );
            stage.world.advance(wait.cast_signed() - 1);
            assert!(matches!(stage.request(email, RESET).await, Err(AccountError::Throttled { retry_after_s: 1 })));
            stage.world.advance(1);
        }
        // Whoever has just confirmed their address may still forget their password.
        stage.request(email, RESET).await.unwrap();
        stage.request(email, VERIFICATION).await.unwrap();
    }
    stage.deliver().await;
    assert!(stage.post.kinds_to("nobody@example.com").is_empty());
}

#[tokio::test]
async fn of_many_requests_at_once_one_is_admitted() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let nodes = [Arc::clone(&stage.node), stage.another_node().await];
    let crowd = (0..30_usize).map(|number| {
        let node = Arc::clone(&nodes[number % 2]);
        tokio::spawn(async move {
            let origin = from(&format!("198.51.100.{number}"));
            node.request_code(RequestCode { email: "ada@example.com", purpose: VERIFICATION, origin }).await.is_ok()
        })
    });
    let mut admitted = 0;
    for one in crowd.collect::<Vec<_>>() {
        admitted += u32::from(one.await.unwrap());
    }
    assert_eq!(admitted, 1);
    assert_eq!(stage.deliver().await, 1);
}

#[tokio::test]
async fn whoever_asks_codes_for_many_addresses_is_turned_away() {
    let stage = Stage::with(|settings| settings.address_failures = 3).await;
    for number in 0..3 {
        stage.request(&format!("somebody{number}@example.com"), RESET).await.unwrap();
    }
    assert!(matches!(stage.request("ada@example.com", RESET).await, Err(AccountError::Throttled { .. })));
    let origin = from("203.0.113.7");
    stage.node.request_code(RequestCode { email: "ada@example.com", purpose: RESET, origin }).await.unwrap();
}

#[tokio::test]
async fn who_has_no_use_for_a_code_gets_none_and_nobody_is_told() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let code = stage.code("ada@example.com", VERIFICATION).await;
    stage.verify("ada@example.com", &code).await.unwrap();
    let gone = stage.account("gone@example.com").await;
    stage.node.set_user_status(&admin(), gone, UserStatus::Disabled).await.unwrap();
    stage.world.advance(3600);
    for (email, purpose) in [
        ("ada@example.com", VERIFICATION),
        ("gone@example.com", VERIFICATION),
        ("nobody@example.com", RESET),
        ("ada@example.com", CodePurpose::EmailChange),
    ] {
        stage.request(email, purpose).await.unwrap();
        stage.world.advance(3600);
    }
    stage.request("gone@example.com", RESET).await.unwrap();
    assert_eq!(stage.deliver().await, 0);
    assert!(matches!(stage.request("no address", RESET).await, Err(AccountError::Refused(_))));
}

#[tokio::test]
async fn a_request_asks_the_store_the_same_for_everybody() {
    let stage = Stage::new().await;
    for email in ["new@example.com", "verified@example.com"] {
        stage.account(email).await;
    }
    let code = stage.code("verified@example.com", VERIFICATION).await;
    stage.verify("verified@example.com", &code).await.unwrap();
    let gone = stage.account("gone@example.com").await;
    stage.node.set_user_status(&admin(), gone, UserStatus::Disabled).await.unwrap();
    stage.world.advance(3600);
    stage.store_calls();
    for purpose in [VERIFICATION, RESET] {
        for email in ["new@example.com", "verified@example.com", "gone@example.com", "nobody@example.com"] {
            stage.request(email, purpose).await.unwrap();
            assert_eq!(stage.store_calls(), ["admit_attempt", "find_user_by_email", "issue_code"], "{email}");
            assert!(stage.request(email, purpose).await.is_err());
            assert_eq!(stage.store_calls(), ["admit_attempt"], "{email}");
        }
        stage.world.advance(3600);
    }
}

#[tokio::test]
async fn what_became_of_codes_is_counted() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let code = stage.code("ada@example.com", VERIFICATION).await;
    let _ = stage.request("ada@example.com", VERIFICATION).await;
    let _ = stage.request("nobody@example.com", VERIFICATION).await;
    let _ = stage.verify("ada@example.com", &other_than(&code)).await;
    stage.verify("ada@example.com", &code).await.unwrap();
    let outcomes: Vec<_> = stage.tally.codes.lock().unwrap().iter().map(|(_, outcome)| *outcome).collect();
    assert_eq!(outcomes, ["issued", "throttled", "unknown", "wrong", "redeemed"]);
    assert_eq!(stage.post.kinds_to("ada@example.com"), [LetterKind::ConfirmEmail]);
}
