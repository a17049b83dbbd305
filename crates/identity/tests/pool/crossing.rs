//! First sign-ins of one person that cross each other.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use doorward_identity::Surface;
use doorward_identity::code::CodePurpose;
use doorward_identity::mail::{LetterKind, MailCounts};
use doorward_identity::observer::{Observer, SignInOutcome};
use tokio::sync::oneshot;

use crate::stage::{ADA, HOME, OWNERS, Stage};
use crate::world::{admin, try_sign_in};

/// Stops a node once it has read the record of an account, until it is told to go on.
struct Stop(Mutex<Option<(oneshot::Sender<()>, mpsc::Receiver<()>)>>);

impl Stop {
    fn new() -> (Arc<Self>, oneshot::Receiver<()>, mpsc::Sender<()>) {
        let ((stopped, stops), (go_on, goes_on)) = (oneshot::channel(), mpsc::channel());
        (Arc::new(Self(Mutex::new(Some((stopped, goes_on))))), stops, go_on)
    }
}

impl Observer for Stop {
    fn sign_in(&self, _: Surface, _: SignInOutcome) {}
    fn sign_up(&self, _: Surface, _: &'static str) {}
    fn token(&self, _: &'static str, _: Duration) {}
    fn hashed(&self, _: Duration, _: Duration) {}
    fn hash_queue(&self, _: usize) {}
    fn store_call(&self, operation: &'static str, _: Duration, _: bool) {
        if operation == "find_user_by_identity"
            && let Some((stopped, goes_on)) = self.0.lock().unwrap().take()
        {
            stopped.send(()).unwrap();
            tokio::task::block_in_place(|| goes_on.recv().unwrap());
        }
    }
    fn code(&self, _: CodePurpose, _: &'static str) {}
    fn mail(&self, _: LetterKind, _: &'static str) {}
    fn outbox(&self, _: &MailCounts) {}
    fn pool_call(&self, _: &'static str, _: Duration, _: &'static str) {}
    fn changes_read(&self, _: bool) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_proves_their_address_twice_at_once_is_in_twice() {
    let stage = Stage::outside().await;
    let subject = stage.pool.add(ADA, OWNERS);
    stage.pool.change(&subject, |there| there.account.confirmed = true);
    let ada = stage.sign_in_on(Surface::Signin, ADA, OWNERS).await.unwrap().context.user.clone();
    assert!(ada.email_verified_at.is_none());
    stage.pool.change(&subject, |there| there.account.email_verified = true);

    let (stop, stopped, go_on) = Stop::new();
    let node = stage.another_watched_by(stop).await;
    let late = tokio::spawn(async move { try_sign_in(&node, ADA, OWNERS, HOME).await });
    stopped.await.unwrap();
    stage.sign_in_on(Surface::Signin, ADA, OWNERS).await.unwrap();
    stage.world.advance(1);
    go_on.send(()).unwrap();
    late.await.unwrap().unwrap();
    // The session from before the proof is over.
    assert_eq!(stage.node.user_sessions(&admin(), ada.id).await.unwrap().len(), 2);
}
