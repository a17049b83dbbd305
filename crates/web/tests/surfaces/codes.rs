//! Codes by e-mail, call by call: what a right one does, and that a wrong one tells nothing.

use doorward_identity::mail::LetterKind;
use jiff::SignedDuration;
use serde_json::json;

use crate::app::{Answer, App, Outcome, PASSWORD};

const VERIFY: &str = "/api/v1/auth/verify-otp";
const RESET: &str = "/api/v1/auth/reset-password";
const ME: &str = "/api/v1/users/me";
const ADA: &str = "ada@example.com";
const NEW: &str = "Battery-Staple-9";

/// Another code than that one.
fn other_than(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

fn told(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.text("/code"), answer.text("/detail"))
}

const WRONG: (u16, &str, &str) = (400, "invalid_code", "Invalid confirmation code");
const LATE: (u16, &str, &str) = (400, "expired_code", "Confirmation code has expired");

#[tokio::test]
async fn a_code_confirms_once_and_as_people_type_it() -> Outcome {
    let app = App::start().await?;
    app.register(ADA).await?;
    let code = app.code_for(ADA).await?;
    let typed = format!(" {} {} ", &code[..3], &code[3..]);
    let answer = app.verify(ADA, &typed, "email_verification").await?;
    assert_eq!((answer.status, &answer.body), (200, &json!({"message": "Signup complete"})));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(told(&app.verify(ADA, &code, "email_verification").await?), WRONG);
    assert_eq!(app.log_in(ADA, PASSWORD).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_wrong_code_answers_alike_whoever_has_the_address_or_nobody() -> Outcome {
    let app = App::start().await?;
    app.register(ADA).await?;
    app.member("bob@example.com").await?;
    let wrong = other_than(&app.code_for(ADA).await?);
    for purpose in ["email_verification", "password_reset"] {
        let answer = app.verify(ADA, wrong, purpose).await?;
        assert_eq!(told(&answer), WRONG);
        for email in ["bob@example.com", "nobody@example.com"] {
            assert_eq!(app.verify(email, wrong, purpose).await?.bytes, answer.bytes, "{email} {purpose}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_late_code_says_so_and_a_late_guess_does_not() -> Outcome {
    let app = App::start().await?;
    app.register(ADA).await?;
    let code = app.code_for(ADA).await?;
    app.clock.advance(SignedDuration::from_mins(11));
    assert_eq!(told(&app.verify(ADA, other_than(&code), "email_verification").await?), WRONG);
    assert_eq!(told(&app.verify(ADA, &code, "password_reset").await?), WRONG);
    assert_eq!(told(&app.verify(ADA, &code, "email_verification").await?), LATE);
    Ok(())
}

#[tokio::test]
async fn after_five_guesses_even_the_right_code_is_wrong() -> Outcome {
    let app = App::start().await?;
    app.register(ADA).await?;
    let code = app.code_for(ADA).await?;
    for _ in 0..5 {
        assert_eq!(told(&app.verify(ADA, other_than(&code), "email_verification").await?), WRONG);
    }
    app.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(told(&app.verify(ADA, &code, "email_verification").await?), WRONG);
    Ok(())
}

#[tokio::test]
async fn guesses_are_slowed_down_alike_whoever_has_the_address_or_nobody() -> Outcome {
    let app = App::start().await?;
    app.register(ADA).await?;
    app.member("bob@example.com").await?;
    let mut seen = Vec::new();
    for email in [ADA, "bob@example.com", "nobody@example.com"] {
        let mut answers = Vec::new();
        for _ in 0..12 {
            let answer = app.verify(email, "000000", "password_reset").await?;
            answers.push((answer.status, answer.header("retry-after").to_owned(), answer.bytes));
        }
        seen.push(answers);
    }
    assert!(seen[0].iter().any(|(status, wait, _)| *status == 429 && !wait.is_empty()), "{:?}", seen[0]);
    assert!(seen[0] == seen[1] && seen[1] == seen[2], "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_code_is_a_string_and_its_purpose_one_of_two() -> Outcome {
    let app = App::start().await?;
    app.register(ADA).await?;
    let code = app.code_for(ADA).await?;
    let as_number = json!({"email": ADA, "code": 12345, "purpose": "email_verification"});
    let answer = app.anon().post(VERIFY, &as_number).await?;
    assert_eq!((answer.status, answer.fields()), (400, vec!["code"]));
    assert_eq!(answer.text("/errors/0/message"), "must be a string: a number loses its leading zeros");
    for purpose in [json!("email_change"), json!("login"), json!(""), json!("Password_Reset"), json!(1), json!(null)] {
        for path in [VERIFY, "/api/v1/auth/request-otp"] {
            let wish = json!({"email": ADA, "code": code, "purpose": purpose});
            let answer = app.anon().post(path, &wish).await?;
            assert_eq!((answer.status, answer.fields()), (400, vec!["purpose"]), "{path} {purpose}");
            assert_eq!(answer.text("/detail"), "purpose: must be email_verification or password_reset");
        }
    }
    assert_eq!(app.verify(ADA, &code, "email_verification").await?.status, 200, "nothing of that was a guess");
    Ok(())
}

#[tokio::test]
async fn asking_for_a_code_answers_alike_whoever_has_the_address_or_nobody() -> Outcome {
    use LetterKind::{ConfirmEmail, ResetPassword};
    let (bob, nobody) = ("bob@example.com", "nobody@example.com");
    let app = App::start().await?;
    app.register(ADA).await?;
    app.member(bob).await?;
    let expected = json!({"message": "OTP sent successfully to your email"});
    for (purpose, to_ada, to_bob) in [
        ("email_verification", &[ConfirmEmail, ConfirmEmail][..], &[ConfirmEmail][..]),
        ("password_reset", &[ConfirmEmail, ConfirmEmail, ResetPassword], &[ConfirmEmail, ResetPassword]),
    ] {
        app.post_of(ADA).await?;
        app.clock.advance(SignedDuration::from_hours(24));
        for email in [ADA, bob, nobody] {
            let answer = app.request_code(email, purpose).await?;
            assert_eq!((answer.status, &answer.body), (200, &expected), "{email} {purpose}");
            assert_eq!(answer.header("cache-control"), "no-store");
            let again = app.request_code(email, purpose).await?;
            assert_eq!((again.status, again.text("/code")), (429, "throttled"), "{email} {purpose}");
            assert!(again.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
        }
        assert_eq!((app.post_of(ADA).await?, app.post_of(bob).await?), (to_ada.to_vec(), to_bob.to_vec()));
    }
    assert!(app.post_of(nobody).await?.is_empty());
    Ok(())
}

/// A token for a new password of somebody.
async fn reset_token(app: &App, email: &str) -> Outcome<String> {
    app.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(app.request_code(email, "password_reset").await?.status, 200);
    let code = app.code_for(email).await?;
    let answer = app.verify(email, &code, "password_reset").await?;
    assert_eq!((answer.status, answer.text("/message")), (200, "Code verified"), "{answer:?}");
    Ok(answer.text("/reset_token").to_owned())
}

#[tokio::test]
async fn a_reset_sets_the_password_once_and_ends_every_session() -> Outcome {
    let app = App::start().await?;
    let tokens = app.member(ADA).await?;
    let token = reset_token(&app, ADA).await?;
    let renewal = json!({"refresh_token": tokens.text("/refresh_token")});
    let renewed = app.anon().post("/api/v1/auth/refresh", &renewal).await?;
    let session = app.bearer(renewed.text("/access_token"));
    assert_eq!(session.get(ME).await?.status, 200);

    let weak = app.anon().post(RESET, &json!({"reset_token": token, "new_password": "short"})).await?;
    assert_eq!((weak.status, weak.fields()), (400, vec!["new_password"]), "{weak:?}");
    let wish = json!({"reset_token": token, "new_password": NEW});
    let done = app.anon().post(RESET, &wish).await?;
    assert_eq!((done.status, &done.body), (200, &json!({"message": "Password changed"})), "{done:?}");
    assert_eq!(session.get(ME).await?.status, 401);
    assert_eq!(app.log_in(ADA, PASSWORD).await?.status, 401);
    assert_eq!(app.log_in(ADA, NEW).await?.status, 200);
    let again = app.anon().post(RESET, &wish).await?;
    assert_eq!(told(&again), (400, "invalid_reset_token", "Invalid or expired reset token"));
    assert_eq!(app.post_of(ADA).await?.last(), Some(&LetterKind::PasswordChanged));
    Ok(())
}

#[tokio::test]
async fn a_reset_token_that_is_old_or_odd_does_not_count() -> Outcome {
    let app = App::start().await?;
    app.member(ADA).await?;
    let token = reset_token(&app, ADA).await?;
    let bad = (400, "invalid_reset_token", "Invalid or expired reset token");
    for odd in ["", "x", "dwp_", &token[..token.len() - 1], &format!("{token}x"), &"y".repeat(100_000)] {
        let answer = app.anon().post(RESET, &json!({"reset_token": odd, "new_password": NEW})).await?;
        assert_eq!(told(&answer), bad, "{odd:.20}");
    }
    app.clock.advance(SignedDuration::from_mins(11));
    let answer = app.anon().post(RESET, &json!({"reset_token": token, "new_password": NEW})).await?;
    assert_eq!(told(&answer), bad);
    Ok(())
}
