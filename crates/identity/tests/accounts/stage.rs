//! What the tests of accounts stand on: a node with its postman and a tally of what it did.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward_identity::code::{CodePurpose, RequestCode};
use doorward_identity::mail::{LetterKind, MailCounts};
use doorward_identity::observer::{Observer, SignInOutcome};
use doorward_identity::session::Caller;
use doorward_identity::settings::Settings;
use doorward_identity::user::{AccountError, CodePresented, ResetPassword, User};
use doorward_identity::{Identity, Surface, UserId};
use secrecy::{ExposeSecret, SecretString};

use crate::post::Post;
use crate::world::{World, admin, from, sign_in, sign_up};

/// What happened, as whoever counts was told.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) store_calls: Mutex<Vec<&'static str>>,
    pub(crate) codes: Mutex<Vec<(CodePurpose, &'static str)>>,
    pub(crate) mail: Mutex<Vec<(LetterKind, &'static str)>>,
    pub(crate) outbox: Mutex<Option<MailCounts>>,
}

impl Observer for Tally {
    fn sign_in(&self, _: Surface, _: SignInOutcome) {}
    fn sign_up(&self, _: Surface, _: &'static str) {}
    fn token(&self, _: &'static str, _: Duration) {}
    fn hashed(&self, _: Duration, _: Duration) {}
    fn hash_queue(&self, _: usize) {}
    fn store_call(&self, operation: &'static str, _: Duration, ok: bool) {
        assert!(ok, "{operation} failed");
        self.store_calls.lock().unwrap().push(operation);
    }
    fn code(&self, purpose: CodePurpose, outcome: &'static str) {
        self.codes.lock().unwrap().push((purpose, outcome));
    }
    fn mail(&self, kind: LetterKind, outcome: &'static str) {
        self.mail.lock().unwrap().push((kind, outcome));
    }
    fn outbox(&self, counts: &MailCounts) {
        *self.outbox.lock().unwrap() = Some(*counts);
    }
    fn pool_call(&self, _: &'static str, _: Duration, _: &'static str) {}
    fn changes_read(&self, _: bool) {}
}

/// One node, and all that stands around it.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) node: Arc<Identity>,
    pub(crate) post: Arc<Post>,
    pub(crate) tally: Arc<Tally>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (world, post, tally) = (World::new(), Arc::new(Post::new()), Arc::new(Tally::default()));
        let store = world.store_watched_by(tally.clone()).await;
        let node = world
            .node_of(|parts| {
                change(&mut parts.settings);
                parts.store = store;
                parts.observer = tally.clone();
                parts.postman = post.clone();
            })
            .await;
        Self { world, node: Arc::new(node), post, tally }
    }

    /// Another node with the same store.
    pub(crate) async fn another_node(&self) -> Arc<Identity> {
        Arc::new(self.world.node().await)
    }

    /// An account whose address nobody confirmed.
    pub(crate) async fn account(&self, email: &str) -> UserId {
        sign_up(&self.node, email).await
    }

    /// The account as it is now.
    pub(crate) async fn user(&self, id: UserId) -> Option<User> {
        Some(self.node.user_context(&admin(), id).await.unwrap()?.user)
    }

    /// Somebody with an account, signed in.
    pub(crate) async fn caller(&self, email: &str) -> Arc<Caller> {
        let token = sign_in(&self.node, email).await.access_token;
        self.node.validate(&token).await.unwrap()
    }

    pub(crate) async fn request(&self, email: &str, purpose: CodePurpose) -> Result<(), AccountError> {
        self.node.request_code(RequestCode { email, purpose, origin: from("192.0.2.1") }).await
    }

    /// Asks for a code and takes it out of the mail.
    pub(crate) async fn code(&self, email: &str, purpose: CodePurpose) -> String {
        self.request(email, purpose).await.unwrap();
        self.deliver().await;
        self.post.last_code_to(email).unwrap()
    }

    /// One round of the worker. Answers how many mails were sent.
    pub(crate) async fn deliver(&self) -> u32 {
        self.node.deliver_mail(|| true).await.unwrap().sent
    }

    pub(crate) async fn verify(&self, email: &str, code: &str) -> Result<(), AccountError> {
        self.verify_at(email, code, "192.0.2.1").await
    }

    pub(crate) async fn verify_at(&self, email: &str, code: &str, at: &str) -> Result<(), AccountError> {
        self.node.verify_email(CodePresented { email, code, origin: from(at) }).await
    }

    pub(crate) async fn redeem_reset(&self, email: &str, code: &str) -> Result<SecretString, AccountError> {
        self.node.redeem_reset_code(CodePresented { email, code, origin: from("192.0.2.1") }).await
    }

    /// The token that a mailed code gives.
    pub(crate) async fn reset_token(&self, email: &str) -> SecretString {
        let code = self.code(email, CodePurpose::PasswordReset).await;
        self.redeem_reset(email, &code).await.unwrap()
    }

    pub(crate) async fn reset(&self, token: &SecretString, password: &str) -> Result<(), AccountError> {
        let (token, new_password, origin) = (token, &password.into(), from("192.0.2.1"));
        self.node.reset_password(ResetPassword { token, new_password, origin }).await
    }

    /// What the store was asked since this was last asked.
    pub(crate) fn store_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.tally.store_calls.lock().unwrap())
    }
}

/// Six digits that are not these.
pub(crate) fn other_than(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

/// The token with something else in the place of its last characters.
pub(crate) fn forged(token: &SecretString) -> SecretString {
    let text = token.expose_secret();
    let (start, end) = text.split_at(text.len() - 8);
    format!("{start}{}", end.chars().rev().collect::<String>()).into()
}
