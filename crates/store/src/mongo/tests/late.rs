//! What is late: lines that took long, what the dead left behind, and documents of a Doorward that is newer.

use doorward_identity::change::{ChangeStore as _, ChangeSubject};
use doorward_identity::clock::SystemClock;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::{Clock as _, UserId};

use super::crash::tired;
use crate::conformance::{Backend as _, MongoBackend, options};
use crate::mongo::change::Announcement;

fn line() -> (ChangeSubject, Announcement) {
    let now = SystemClock.now();
    let subject = ChangeSubject::User(UserId::new(now, &SystemEntropy));
    (subject, Announcement::of(subject, now))
}

#[tokio::test]
async fn a_line_that_took_long_is_said_again_where_others_still_look() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let store = backend.store().await;
    store.migrate().await.unwrap();
    let (node, wire) = tired(&backend, options()).await;
    let ((slow, announcement), (_, of_others)) = (line(), line());
    // Its position is taken, and there it waits.
    wire.bear(1);
    let mut announcing = Box::pin(node.announce(&announcement));
    let waits = async {
        wire.held().await;
        store.announce(&of_others).await.unwrap();
        let read = store.latest_change().await.unwrap();
        // It has given up its place and asks for another.
        wire.held().await;
        read
    };
    let read = tokio::select! {
        read = waits => read,
        announced = &mut announcing => panic!("{announced:?} without leave"),
    };
    wire.mend();
    announcing.await.unwrap();
    let after = store.changes_after(read, 10).await.unwrap();
    assert!(after.iter().any(|change| change.subject == slow), "{after:?}");
    backend.clear().await;
}
