//! Signing in: who gets in, who does not, and what it costs to try.

#![expect(clippy::unwrap_used, reason = "tests")]

mod world;

use std::sync::Arc;

use doorward_identity::Surface;
use doorward_identity::credential::HashScheme;
use doorward_identity::policy::Admin;
use doorward_identity::session::{Origin, SignInError};
use doorward_identity::user::{AdminError, Role, SignUp, SignUpError, UserChange, UserStatus};
use world::{PASSWORD, World, admin, from, sign_in, sign_up, try_sign_in};

#[tokio::test]
async fn the_right_password_gets_in_whatever_the_spelling_of_the_address() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "Ada@Example.com").await;
    for spelling in ["Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM"] {
        let signed_in = sign_in(&node, spelling).await;
        assert_eq!(signed_in.context.user.email.as_str(), "Ada@Example.com");
        assert_eq!(signed_in.expires_in, 7 * 24 * 3600);
    }
}

#[tokio::test]
async fn every_refusal_is_the_same() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    let gone = sign_up(&node, "gone@example.com").await;
    node.set_user_status(&admin(), gone, UserStatus::Disabled).await.unwrap();
    for (email, password) in [
        ("ada@example.com", "SecurePass123"),
        ("ada@example.com", ""),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
    ] {
        let refused = try_sign_in(&node, email, password, "192.0.2.9").await.unwrap_err();
        assert!(matches!(refused, SignInError::BadCredentials), "{email}: {refused:?}");
    }
}

#[tokio::test]
async fn five_failures_are_free_then_even_the_right_password_waits() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    for _ in 0..5 {
        let refused = try_sign_in(&node, "ADA@example.com", "wrong", "198.51.100.7").await.unwrap_err();
        assert!(matches!(refused, SignInError::BadCredentials));
    }
    let refused = try_sign_in(&node, "ada@example.com", PASSWORD, "198.51.100.8").await.unwrap_err();
    assert!(matches!(refused, SignInError::Throttled { retry_after_s: 60 }), "{refused:?}");
    world.advance(60);
    try_sign_in(&node, "ada@example.com", PASSWORD, "198.51.100.8").await.unwrap();
    // Success forgives: five are free again.
    for _ in 0..5 {
        let refused = try_sign_in(&node, "ada@example.com", "wrong", "203.0.113.1").await.unwrap_err();
        assert!(matches!(refused, SignInError::BadCredentials));
    }
}

#[tokio::test]
async fn strangers_cannot_lock_a_person_out_of_a_place_they_used_before() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    try_sign_in(&node, "ada@example.com", PASSWORD, "2001:db8::1").await.unwrap();
    for number in 0..20 {
        let _ = try_sign_in(&node, "ada@example.com", "wrong", &format!("198.51.100.{number}")).await;
    }
    let elsewhere = try_sign_in(&node, "ada@example.com", PASSWORD, "203.0.113.5").await;
    assert!(matches!(elsewhere, Err(SignInError::Throttled { .. })));
    // Another machine of the same network is the same place.
    try_sign_in(&node, "ada@example.com", PASSWORD, "2001:db8::2").await.unwrap();
}

#[tokio::test]
async fn parallel_guesses_do_not_slip_past_the_counter() {
    let world = World::new();
    let node = Arc::new(world.node().await);
    sign_up(&node, "ada@example.com").await;
    let guesses = (0..50).map(|number| {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            try_sign_in(&node, "ada@example.com", "wrong", &format!("198.51.100.{number}")).await.unwrap_err()
        })
    });
    let mut judged = 0;
    for guess in guesses.collect::<Vec<_>>() {
        judged += u32::from(matches!(guess.await.unwrap(), SignInError::BadCredentials));
    }
    assert_eq!(judged, 5);
}

#[tokio::test]
async fn a_burst_of_right_passwords_is_no_attack() {
    let world = World::new();
    let node = Arc::new(world.node().await);
    sign_up(&node, "ada@example.com").await;
    let burst = (0..20).map(|_| {
        let node = Arc::clone(&node);
        tokio::spawn(async move { try_sign_in(&node, "ada@example.com", PASSWORD, "192.0.2.1").await })
    });
    for one in burst.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_address_that_failed_too_often_is_turned_away() {
    let world = World::new();
    let node = world.node_with(|settings| settings.address_failures = 3).await;
    sign_up(&node, "ada@example.com").await;
    for number in 0..3 {
        let _ = try_sign_in(&node, &format!("somebody{number}@example.com"), "wrong", "198.51.100.7").await;
    }
    let refused = try_sign_in(&node, "ada@example.com", PASSWORD, "198.51.100.7").await;
    assert!(matches!(refused, Err(SignInError::Throttled { .. })));
    try_sign_in(&node, "ada@example.com", PASSWORD, "198.51.100.8").await.unwrap();
    world.advance(3600);
    try_sign_in(&node, "ada@example.com", PASSWORD, "198.51.100.7").await.unwrap();
}

#[tokio::test]
async fn guesses_made_at_once_learn_no_more_than_the_address_may() {
    let world = World::new();
    let node = Arc::new(world.node_with(|settings| settings.address_failures = 3).await);
    let crowd = (0..20).map(|number| {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            try_sign_in(&node, &format!("somebody{number}@example.com"), "wrong", "198.51.100.7").await.unwrap_err()
        })
    });
    let mut told = 0;
    for one in crowd.collect::<Vec<_>>() {
        match one.await.unwrap() {
            SignInError::BadCredentials => told += 1,
            other => assert!(matches!(other, SignInError::Throttled { .. }), "{other}"),
        }
    }
    assert_eq!(told, 3);
}

#[tokio::test]
async fn a_full_queue_refuses_before_it_hashes() {
    let world = World::new();
    let node = Arc::new(
        world
            .node_with(|settings| {
                settings.hash = HashScheme::Bcrypt { cost: 9 };
                settings.hash_threads = 1;
                settings.hash_queue = 1;
            })
            .await,
    );
    let crowd = (0..20).map(|number| {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            // From an address each: one alone may not fill the queue.
            let address = format!("198.51.100.{number}");
            try_sign_in(&node, &format!("somebody{number}@example.com"), "wrong", &address).await.unwrap_err()
        })
    });
    let (mut judged, mut refused) = (0, 0);
    for one in crowd.collect::<Vec<_>>() {
        match one.await.unwrap() {
            SignInError::BadCredentials => judged += 1,
            SignInError::Overloaded(overloaded) => {
                assert!(overloaded.retry_after_s > 0);
                refused += 1;
            }
            other => unreachable!("{other:?}"),
        }
    }
    // How many are judged depends on how soon the thread takes the first.
    assert!(judged >= 1 && refused >= 1, "{judged} judged, {refused} refused");
}

#[tokio::test]
async fn a_changed_scheme_hashes_anew_at_the_next_sign_in() {
    let world = World::new();
    sign_up(&world.node().await, "ada@example.com").await;
    let argon = HashScheme::Argon2id { memory: 64, iterations: 1 };
    for (scheme, prefix) in [(argon, "$argon2id$"), (HashScheme::Bcrypt { cost: 5 }, "$2b$05$")] {
        let node = world.node_with(|settings| settings.hash = scheme).await;
        sign_in(&node, "ada@example.com").await;
        let user = node.user_by_email(&admin(), "ada@example.com").await.unwrap().unwrap();
        assert!(user.password_hash.unwrap().expose().starts_with(prefix));
        sign_in(&node, "ada@example.com").await;
    }
}

#[tokio::test]
async fn an_administrator_cannot_give_up_their_own_access_but_another_can_take_it() {
    let world = World::new();
    let node = world.node().await;
    let (ada, bob) = (sign_up(&node, "ada@example.com").await, sign_up(&node, "bob@example.com").await);
    for id in [ada, bob] {
        let change = UserChange { roles: Some(vec![Role::admin()]), ..UserChange::default() };
        node.change_user(&admin(), id, change).await.unwrap();
    }
    let as_admin = async |email| {
        let token = sign_in(&node, email).await.access_token;
        Admin::signed_in(&node.validate(&token).await.unwrap(), Origin::default()).unwrap()
    };
    let (by_ada, by_bob) = (as_admin("ada@example.com").await, as_admin("bob@example.com").await);
    let without_roles = || UserChange { roles: Some(vec![]), ..UserChange::default() };
    assert!(matches!(node.change_user(&by_ada, ada, without_roles()).await, Err(AdminError::Refused(_))));
    let disabled = node.set_user_status(&by_ada, ada, UserStatus::Disabled).await;
    assert!(matches!(disabled, Err(AdminError::Refused(_))));
    assert!(matches!(node.delete_user(&by_ada, ada).await, Err(AdminError::Refused(_))));
    let renamed = UserChange { name: Some(Some("Ada".to_owned())), ..UserChange::default() };
    node.change_user(&by_ada, ada, renamed).await.unwrap();
    node.change_user(&by_bob, ada, without_roles()).await.unwrap();
    node.delete_user(&by_bob, ada).await.unwrap();
}

#[tokio::test]
async fn whoever_signs_up_with_taken_addresses_to_learn_who_has_an_account_is_stopped() {
    let world = World::new();
    let node = world.node_with(|settings| settings.address_failures = 3).await;
    sign_up(&node, "ada@example.com").await;
    let probe = async |email: &str, at: &str| {
        let password = PASSWORD.into();
        let request =
            SignUp { surface: Surface::Signin, email, password: &password, name: None, person: None, origin: from(at) };
        node.sign_up(request).await.map(|_| ())
    };
    for _ in 0..3 {
        assert!(matches!(probe("ada@example.com", "198.51.100.7").await, Err(SignUpError::Taken)));
    }
    for email in ["ada@example.com", "new@example.com"] {
        let refused = probe(email, "198.51.100.7").await;
        assert!(matches!(refused, Err(SignUpError::Throttled { retry_after_s: 3600 })), "{email}: {refused:?}");
    }
    probe("new@example.com", "198.51.100.8").await.unwrap();
    world.advance(3600);
    probe("newer@example.com", "198.51.100.7").await.unwrap();
}
