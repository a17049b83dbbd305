//! The audit log.

use doorward_identity::audit::{AuditAction, AuditActor, AuditEvent, AuditQuery};

use super::Stand;

/// Brings a line into the log: the end of all sessions of nobody in particular.
async fn write(stand: &Stand, event: &AuditEvent) {
    let nobody = stand.new_user("nobody@example.com").user.id;
    let reason = doorward_identity::session::EndReason::SignedOutEverywhere;
    assert_eq!(stand.store.end_user_sessions(nobody, reason, event.at, event).await.unwrap(), 0);
}

pub(super) async fn a_line_comes_back_as_it_was_written(stand: &Stand) {
    let user = stand.new_user("a@example.com").user.id;
    let mut lines = Vec::new();
    for actor in [AuditActor::System, AuditActor::CommandLine, AuditActor::User(user)] {
        let mut full = stand.event(AuditAction::TeamJoined);
        full.actor = actor;
        full.subject = Some(user.to_string());
        full.detail = Some("lead \u{1f600} 'quoted'".to_owned());
        full.address = Some("::ffff:192.0.2.1".parse().unwrap());
        full.request_id = Some("r-1".to_owned());
        lines.push(full);
    }
    lines.extend(AuditAction::ALL.iter().map(|action| stand.event(*action)));
    for line in &lines {
        write(stand, line).await;
    }
    lines.reverse();
    let query = AuditQuery { limit: 1000, ..AuditQuery::default() };
    assert_eq!(stand.other.list_audit(&query).await.unwrap(), lines);
}

pub(super) async fn lines_are_read_newest_first_by_subject_and_action(stand: &Stand) {
    let mut lines = Vec::new();
    for number in 0..12 {
        let mut line = stand.event([AuditAction::KeyRotated, AuditAction::TeamCreated][number % 2]);
        line.subject = [None, Some("a".to_owned()), Some("b".to_owned())][number % 3].clone();
        write(stand, &line).await;
        lines.insert(0, line);
    }
    for subject in [None, Some("a"), Some("b"), Some("A"), Some("no\0body")] {
        for action in [None, Some(AuditAction::KeyRotated), Some(AuditAction::UserDeleted)] {
            let matches = |line: &&AuditEvent| {
                subject.is_none_or(|subject| line.subject.as_deref() == Some(subject))
                    && action.is_none_or(|action| line.action == action)
            };
            let expected: Vec<AuditEvent> = lines.iter().filter(matches).cloned().collect();
            let mut read: Vec<AuditEvent> = Vec::new();
            loop {
                let before = read.last().map(|line| line.id);
                let query = AuditQuery { before, subject: subject.map(str::to_owned), action, limit: 2 };
                let page = stand.store.list_audit(&query).await.unwrap();
                if page.is_empty() {
                    break;
                }
                read.extend(page);
            }
            assert_eq!(read, expected, "{subject:?} {action:?}");
        }
    }
}
