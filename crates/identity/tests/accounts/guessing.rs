//! Guessing codes: how often anybody may, and that it tells nothing of who has an account.

use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::code::{CodePurpose, RequestCode};
use doorward_identity::user::{AccountError, CodePresented, UserStatus};

use crate::stage::{Stage, other_than};
use crate::world::{PASSWORD, admin, from, try_sign_in};

const VERIFICATION: CodePurpose = CodePurpose::EmailVerification;
const RESET: CodePurpose = CodePurpose::PasswordReset;

/// Many guesses at once, from many addresses, at two nodes. Answers how many were judged.
async fn burst(nodes: &[Arc<Identity>; 2], email: &'static str, code: &str) -> usize {
    let crowd = (0..40_usize).map(|number| {
        let (node, code) = (Arc::clone(&nodes[number % 2]), code.to_owned());
        tokio::spawn(async move {
            let origin = from(&format!("198.51.100.{number}"));
            let presented = CodePresented { email, code: &code, origin };
            if number % 4 < 2 {
                node.redeem_reset_code(presented).await.map(|_| ())
            } else {
                node.verify_email(presented).await
            }
        })
    });
    let mut judged = 0;
    for one in crowd.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Err(AccountError::BadCode) => judged += 1,
            Err(AccountError::Throttled { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    judged
}

#[tokio::test]
async fn five_guesses_use_a_code_up() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let code = stage.code("ada@example.com", VERIFICATION).await;
    for _ in 0..5 {
        let wrong = stage.verify("ada@example.com", &other_than(&code)).await;
        assert!(matches!(wrong, Err(AccountError::BadCode)));
    }
    let sixth = stage.verify("ada@example.com", &code).await;
    assert!(matches!(sixth, Err(AccountError::Throttled { retry_after_s: 60 })), "{sixth:?}");
    stage.world.advance(60);
    assert!(matches!(stage.verify("ada@example.com", &code).await, Err(AccountError::BadCode)));
}

#[tokio::test]
async fn an_hour_of_new_codes_and_guesses_at_once_gives_exactly_ten_guesses() {
    for email in ["ada@example.com", "nobody@example.com"] {
        let stage = Stage::new().await;
        stage.account("ada@example.com").await;
        let nodes = [Arc::clone(&stage.node), stage.another_node().await];
        let mut judged = 0;
        // The last code, so that a guess is never right by chance.
        let mut code = "000000".to_owned();
        for minute in 0..60 {
            let purpose = if minute % 2 == 0 { VERIFICATION } else { RESET };
            let _ = stage.request(email, purpose).await;
            stage.deliver().await;
            code = stage.post.last_code_to(email).unwrap_or(code);
            judged += burst(&nodes, email, &other_than(&code)).await;
            stage.world.advance(60);
        }
        assert_eq!(judged, 10, "{email}");
    }
}

#[tokio::test]
async fn another_spelling_or_purpose_gives_no_further_guess() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let code = stage.code("ada@example.com", RESET).await;
    for (number, email) in ["ada@example.com", "ADA@example.com", "Ada@Example.com"].into_iter().enumerate() {
        let _ = stage.redeem_reset(email, &other_than(&code)).await;
        if number < 2 {
            let _ = stage.verify(email, &other_than(&code)).await;
        }
    }
    let next = stage.redeem_reset("aDa@example.com", &code).await;
    assert!(matches!(next, Err(AccountError::Throttled { .. })), "{next:?}");
}

#[tokio::test]
async fn a_right_code_forgives_the_wrong_ones_before() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    for _ in 0..3 {
        let code = stage.code("ada@example.com", RESET).await;
        for _ in 0..4 {
            assert!(matches!(stage.verify("ada@example.com", "000000").await, Err(AccountError::BadCode)));
        }
        stage.redeem_reset("ada@example.com", &code).await.unwrap();
        stage.world.advance(300);
    }
}

#[tokio::test]
async fn strangers_cannot_keep_a_person_from_their_code_where_they_were_before() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    try_sign_in(&stage.node, "ada@example.com", PASSWORD, "2001:db8::1").await.unwrap();
    for number in 0..20 {
        let _ = stage.verify_at("ada@example.com", "000000", &format!("198.51.100.{number}")).await;
    }
    // The guesses used up the code there was; the next one is hers.
    let code = stage.code("ada@example.com", VERIFICATION).await;
    let elsewhere = stage.verify_at("ada@example.com", &code, "203.0.113.5").await;
    assert!(matches!(elsewhere, Err(AccountError::Throttled { .. })));
    stage.verify_at("ada@example.com", &code, "2001:db8::2").await.unwrap();
}

#[tokio::test]
async fn an_administrator_forgives_wrong_codes_too() {
    let stage = Stage::new().await;
    let ada = stage.account("ada@example.com").await;
    for _ in 0..6 {
        let _ = stage.verify("ada@example.com", "000000").await;
    }
    let code = stage.code("ada@example.com", VERIFICATION).await;
    assert!(matches!(stage.verify("ada@example.com", &code).await, Err(AccountError::Throttled { .. })));
    stage.node.unlock_user(&admin(), ada).await.unwrap();
    stage.verify("ada@example.com", &code).await.unwrap();
}

#[tokio::test]
async fn an_address_that_guessed_too_often_is_turned_away() {
    let stage = Stage::with(|settings| settings.address_failures = 3).await;
    for number in 0..3 {
        let wrong = stage.verify_at(&format!("somebody{number}@example.com"), "123456", "198.51.100.7").await;
        assert!(matches!(wrong, Err(AccountError::BadCode)));
    }
    let refused = stage.verify_at("somebody3@example.com", "123456", "198.51.100.7").await;
    assert!(matches!(refused, Err(AccountError::Throttled { .. })));
}

#[tokio::test]
async fn a_wrong_guess_asks_the_store_the_same_for_everybody_and_is_answered_alike() {
    let stage = Stage::new().await;
    stage.account("plain@example.com").await;
    stage.account("waiting@example.com").await;
    let waiting = stage.code("waiting@example.com", VERIFICATION).await;
    let gone = stage.account("gone@example.com").await;
    let origin = from("192.0.2.1");
    stage.node.request_code(RequestCode { email: "gone@example.com", purpose: RESET, origin }).await.unwrap();
    stage.deliver().await;
    let gone_code = stage.post.last_code_to("gone@example.com").unwrap();
    stage.node.set_user_status(&admin(), gone, UserStatus::Disabled).await.unwrap();
    stage.store_calls();
    for (email, code) in [
        ("plain@example.com", "123456"),
        ("waiting@example.com", &other_than(&waiting)),
        ("gone@example.com", &gone_code),
        ("nobody@example.com", "123456"),
    ] {
        let expected = ["find_user_by_email", "knows_address", "admit_attempt", "redeem_code"];
        assert!(matches!(stage.verify(email, code).await, Err(AccountError::BadCode)), "{email}");
        assert_eq!(stage.store_calls(), expected, "{email}");
        assert!(matches!(stage.redeem_reset(email, code).await, Err(AccountError::BadCode)), "{email}");
        assert_eq!(stage.store_calls(), expected, "{email}");
    }
}
