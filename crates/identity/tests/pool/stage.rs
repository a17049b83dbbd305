//! What these tests stand on: a store, a pool, and nodes that keep passwords here, there, or on the way from there.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_identity::code::{CodePurpose, RequestCode};
use doorward_identity::mail::{Letter, LetterKind, MailId, PostError, Postman};
use doorward_identity::observer::{Observer, Unobserved};
use doorward_identity::session::{Caller, RefreshError, SignIn, SignInError, SignedIn, TokenRejection, ValidateError};
use doorward_identity::settings::Settings;
use doorward_identity::user::{
    AccountError, CodePresented, EmailAddress, NewAccount, PersonDetails, ResetPassword, SignUp, SignUpError, User,
    UserContext,
};
use doorward_identity::user_pool::UserPool;
use doorward_identity::{Identity, Surface, UserId};
use secrecy::SecretString;

use crate::script::Pool;
use crate::world::{World, admin, from};

pub(crate) const ADA: &str = "ada@example.com";
/// What the owner of an address chooses.
pub(crate) const OWNERS: &str = "Owner-Pass-77";
/// What somebody else chose with that address before.
pub(crate) const SQUATTERS: &str = "Squatter-Pass-9";
/// Where people are by default.
pub(crate) const HOME: &str = "192.0.2.1";

/// Keeps letters.
#[derive(Default)]
pub(crate) struct Post(Mutex<Vec<(String, Letter)>>);

#[async_trait]
impl Postman for Post {
    async fn send(&self, _: MailId, recipient: &EmailAddress, letter: &Letter) -> Result<(), PostError> {
        self.0.lock().unwrap().push((recipient.as_str().to_owned(), letter.clone()));
        Ok(())
    }
}

/// The world with its pool, and one node that is tried.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) pool: Arc<Pool>,
    pub(crate) node: Identity,
    post: Arc<Post>,
}

impl Stage {
    /// The pool keeps the passwords.
    pub(crate) async fn outside() -> Self {
        Self::with(|pool| UserPool::Outside(pool), |_| {}).await
    }

    /// People leave the pool.
    pub(crate) async fn leaving() -> Self {
        Self::with(|pool| UserPool::Leaving(pool), |_| {}).await
    }

    pub(crate) async fn with(kind: impl FnOnce(Arc<Pool>) -> UserPool, change: impl FnOnce(&mut Settings)) -> Self {
        let world = World::new();
        let (pool, post) = (Pool::new(world.clock.clone()), Arc::new(Post::default()));
        let node = world
            .node_of(|parts| {
                parts.user_pool = kind(pool.clone());
                parts.outside = pool.clone();
                parts.postman = post.clone();
                change(&mut parts.settings);
            })
            .await;
        Self { world, pool, node, post }
    }

    /// Another node over the same store and pool.
    pub(crate) async fn another(&self) -> Identity {
        self.another_watched_by(Arc::new(Unobserved)).await
    }

    /// The same, where somebody is told of each call to the store.
    pub(crate) async fn another_watched_by(&self, observer: Arc<dyn Observer>) -> Identity {
        let store = self.world.store_watched_by(observer).await;
        self.world
            .node_of(|parts| {
                parts.store = store;
                parts.user_pool = UserPool::Outside(self.pool.clone());
                parts.outside = self.pool.clone();
            })
            .await
    }

    /// A node that keeps passwords itself, over the same store: as it was before.
    pub(crate) async fn local(&self) -> Identity {
        self.world.node().await
    }

    pub(crate) async fn sign_up(&self, email: &str, password: &str) -> Result<Arc<UserContext>, SignUpError> {
        let person = PersonDetails { first_name: "Ada", last_name: "Lovelace", phone: Some("+442079460000") };
        self.node.sign_up(wish(Surface::Accounts, email, &password.into(), Some(person), HOME)).await
    }

    pub(crate) async fn verify(&self, email: &str, code: &str) -> Result<(), AccountError> {
        self.node.verify_email(CodePresented { email, code, origin: from(HOME) }).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn, SignInError> {
        self.sign_in_on(Surface::Accounts, email, password).await
    }

    pub(crate) async fn sign_in_on(
        &self,
        surface: Surface,
        email: &str,
        password: &str,
    ) -> Result<SignedIn, SignInError> {
        self.node.sign_in(SignIn { surface, email, password: &password.into(), origin: from(HOME) }).await
    }

    pub(crate) async fn refresh(&self, token: &SecretString) -> Result<SignedIn, RefreshError> {
        self.node.refresh(Surface::Accounts, token, from(HOME)).await
    }

    /// Asks for a reset and answers the code that was mailed, if one was.
    pub(crate) async fn reset_code(&self, email: &str) -> Option<String> {
        let purpose = CodePurpose::PasswordReset;
        let before = self.letters().len();
        self.node.request_code(RequestCode { email, purpose, origin: from(HOME) }).await.unwrap();
        self.letters_after_delivery().await.into_iter().skip(before).find_map(|(to, letter)| match letter {
            Letter::ResetPassword { code } if to == email => Some(code),
            _ => None,
        })
    }

    /// Resets the password with the mailed code.
    pub(crate) async fn reset(&self, email: &str, password: &str) -> Result<(), AccountError> {
        let code = self.reset_code(email).await.expect("a code was mailed");
        let token = self.reset_token(email, &code).await;
        self.set(&token, password).await
    }

    pub(crate) async fn reset_token(&self, email: &str, code: &str) -> SecretString {
        self.node.redeem_reset_code(CodePresented { email, code, origin: from(HOME) }).await.unwrap()
    }

    pub(crate) async fn set(&self, token: &SecretString, password: &str) -> Result<(), AccountError> {
        let (new_password, origin) = (&password.into(), from(HOME));
        self.node.reset_password(ResetPassword { token, new_password, origin }).await
    }

    fn letters(&self) -> Vec<(String, Letter)> {
        self.post.0.lock().unwrap().clone()
    }

    async fn letters_after_delivery(&self) -> Vec<(String, Letter)> {
        self.node.deliver_mail(|| true).await.unwrap();
        self.letters()
    }

    /// Which letters went to an address.
    pub(crate) async fn kinds_to(&self, email: &str) -> Vec<LetterKind> {
        let letters = self.letters_after_delivery().await;
        letters.into_iter().filter(|(to, _)| to == email).map(|(_, letter)| letter.kind()).collect()
    }

    /// The last code that went to an address.
    pub(crate) async fn last_code_to(&self, email: &str) -> String {
        let mut letters = self.letters_after_delivery().await.into_iter().rev().filter(|(to, _)| to == email);
        let code = letters.find_map(|(_, letter)| match letter {
            Letter::ConfirmEmail { code } | Letter::ResetPassword { code } | Letter::ConfirmNewEmail { code } => {
                Some(code)
            }
            _ => None,
        });
        code.expect("a code was mailed")
    }

    pub(crate) async fn record(&self, email: &str) -> Option<User> {
        self.node.user_by_email(&admin(), email).await.unwrap()
    }

    /// A record whose address is known to be its owner's, made by an administrator.
    pub(crate) async fn verified_record(&self, email: &str) -> UserId {
        let new =
            NewAccount { email: email.to_owned(), password: None, name: None, roles: vec![], email_verified: true };
        self.node.create_account(&admin(), new).await.unwrap().id
    }

    pub(crate) async fn validate(&self, token: &str) -> Result<Arc<Caller>, TokenRejection> {
        judged(self.node.validate(token).await)
    }
}

pub(crate) fn judged(judged: Result<Arc<Caller>, ValidateError>) -> Result<Arc<Caller>, TokenRejection> {
    judged.map_err(|error| match error {
        ValidateError::Rejected(rejection) => rejection,
        other => unreachable!("{other:?}"),
    })
}

pub(crate) fn wish<'r>(
    surface: Surface,
    email: &'r str,
    password: &'r SecretString,
    person: Option<PersonDetails<'r>>,
    at: &str,
) -> SignUp<'r> {
    SignUp { surface, email, password, name: None, person, origin: from(at) }
}
