//! Refresh tokens.

use doorward_identity::SessionId;
use doorward_identity::audit::AuditAction;
use doorward_identity::change::ChangeSubject;
use doorward_identity::session::{EndReason, RefreshFamily, Rotation};
use doorward_protocol::opaque::OpaqueToken;
use jiff::SignedDuration;

use super::Stand;
use super::stand::at_once;

async fn rotate(stand: &Stand, step: &RefreshFamily) -> Rotation {
    stand.store.rotate_refresh(step, &stand.event(AuditAction::RefreshReused)).await.unwrap()
}

fn salts(rotation: &Rotation) -> Option<Vec<u8>> {
    match rotation {
        Rotation::Repeated { salts, .. } => Some(salts.iter().map(|salt| salt[0]).collect()),
        _ => None,
    }
}

pub(crate) async fn of_fifty_turns_of_one_token_one_rotates_and_the_rest_repeat_it(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, mut token) = stand.session(user.id).await;
    // More than once: only the later rounds find every connection open, and race in earnest.
    for _ in 0..3 {
        let tasks = (0..50_u8).map(|number| {
            let (store, step) = (stand.node(usize::from(number)), stand.turn(&session, &token, number));
            let event = stand.event(AuditAction::RefreshReused);
            async move { (number, store.rotate_refresh(&step, &event).await.unwrap()) }
        });
        let results = at_once(tasks.collect()).await;
        let rotated = results.iter().filter(|(_, rotation)| matches!(rotation, Rotation::Rotated { .. }));
        let winners: Vec<u8> = rotated.map(|(number, _)| *number).collect();
        assert_eq!(winners.len(), 1);
        let repeated = results.iter().filter(|(_, rotation)| salts(rotation) == Some(winners.clone())).count();
        assert_eq!(repeated, 49);
        token = token.successor(&[winners[0]; 16]);
    }
    assert!(matches!(rotate(stand, &stand.turn(&session, &token, 99)).await, Rotation::Rotated { .. }));
    assert_eq!(stand.audited(AuditAction::RefreshReused).await, 0);
}

pub(super) async fn a_late_tab_is_led_to_the_token_that_counts(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, first) = stand.session(user.id).await;
    let mut current = first.successor(&[0; 16]);
    assert!(matches!(rotate(stand, &stand.turn(&session, &first, 0)).await, Rotation::Rotated { .. }));
    for number in 1..4 {
        assert!(matches!(rotate(stand, &stand.turn(&session, &current, number)).await, Rotation::Rotated { .. }));
        current = current.successor(&[number; 16]);
    }
    let repeated = rotate(stand, &stand.turn(&session, &first, 9)).await;
    assert_eq!(salts(&repeated), Some(vec![0, 1, 2, 3]));
    let Rotation::Repeated { salts, .. } = repeated else { panic!("repeated") };
    let led_to: OpaqueToken = salts.iter().fold(first, |token, salt| token.successor(salt));
    assert_eq!(led_to.hash(), current.hash());
    stand.wait(60);
    assert!(matches!(rotate(stand, &stand.turn(&session, &led_to, 5)).await, Rotation::Rotated { .. }));
}

pub(super) async fn a_token_used_again_after_the_window_ends_the_session(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, token) = stand.session(user.id).await;
    assert!(matches!(rotate(stand, &stand.turn(&session, &token, 1)).await, Rotation::Rotated { .. }));
    let mut at_the_edge = stand.turn(&session, &token, 2);
    at_the_edge.repeat_after = at_the_edge.at;
    let before = stand.store.latest_change().await.unwrap();
    let mut elsewhere = at_the_edge.clone();
    elsewhere.session = SessionId::from_uuid(*user.id.as_uuid());
    assert_eq!(rotate(stand, &elsewhere).await, Rotation::Unknown);
    assert_eq!(rotate(stand, &at_the_edge).await, Rotation::Reused { user_id: user.id });
    let live = stand.other.find_live_session(session.id).await.unwrap().unwrap();
    assert_eq!(live.ended_at, Some(at_the_edge.at));
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::Session(session.id)]);
    assert_eq!(stand.audited(AuditAction::RefreshReused).await, 1);
    let successor = token.successor(&[1; 16]);
    assert_eq!(rotate(stand, &stand.turn(&session, &successor, 3)).await, Rotation::Over);
    assert_eq!(rotate(stand, &at_the_edge).await, Rotation::Over);
    assert_eq!(stand.audited(AuditAction::RefreshReused).await, 1);
}

pub(super) async fn an_old_token_of_an_ended_session_is_over(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, token) = stand.session(user.id).await;
    assert!(matches!(rotate(stand, &stand.turn(&session, &token, 1)).await, Rotation::Rotated { .. }));
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(session.id, EndReason::SignedOut, event.at, &event).await.unwrap());
    assert_eq!(rotate(stand, &stand.turn(&session, &token, 2)).await, Rotation::Over);
    assert_eq!(rotate(stand, &stand.turn(&session, &token.successor(&[1; 16]), 3)).await, Rotation::Over);
}

pub(super) async fn a_token_ends_with_its_time_or_its_session(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, token) = stand.session(user.id).await;
    let mut step = stand.turn(&session, &token, 1);
    step.expires_at = step.at + SignedDuration::from_mins(1);
    let Rotation::Rotated { session_expires_at, .. } = rotate(stand, &step).await else { panic!("rotated") };
    assert_eq!(session_expires_at, session.expires_at);
    stand.wait(61);
    assert_eq!(rotate(stand, &stand.turn(&session, &token.successor(&[1; 16]), 2)).await, Rotation::Over);

    let (session, token) = stand.session(user.id).await;
    assert!(matches!(rotate(stand, &stand.turn(&session, &token, 1)).await, Rotation::Rotated { .. }));
    stand.wait(24 * 3600);
    assert_eq!(rotate(stand, &stand.turn(&session, &token.successor(&[1; 16]), 2)).await, Rotation::Over);
}

pub(super) async fn an_unknown_token_is_unknown(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, token) = stand.session(user.id).await;
    let never_issued = token.successor(&[9; 16]);
    assert_eq!(rotate(stand, &stand.turn(&session, &never_issued, 1)).await, Rotation::Unknown);
    let (elsewhere, _) = stand.new_session(user.id, None);
    assert_eq!(rotate(stand, &stand.turn(&elsewhere, &token, 1)).await, Rotation::Unknown);
    assert!(matches!(rotate(stand, &stand.turn(&session, &token, 1)).await, Rotation::Rotated { .. }));
}

pub(super) async fn a_session_is_found_by_each_of_its_tokens(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, token) = stand.session(user.id).await;
    assert!(matches!(rotate(stand, &stand.turn(&session, &token, 1)).await, Rotation::Rotated { .. }));
    let successor = token.successor(&[1; 16]);
    for token in [&token, &successor] {
        let found = stand.other.find_session_by_refresh(session.id, &token.hash()).await.unwrap();
        assert_eq!(found.unwrap().user_id, user.id);
    }
    let never_issued = token.successor(&[2; 16]);
    assert!(stand.other.find_session_by_refresh(session.id, &never_issued.hash()).await.unwrap().is_none());
    let (other, _) = stand.session(user.id).await;
    let found = stand.other.find_session_by_refresh(other.id, &successor.hash()).await.unwrap();
    assert!(found.is_none(), "a token belongs to one session");
}
