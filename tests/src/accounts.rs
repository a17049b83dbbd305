//! The accounts surface as its clients use it, whoever keeps the passwords, beside the mailbox that its codes go to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::cognito::{Cognito, PoolClient};
use crate::fault_proxy::FaultProxy;
use crate::http::Response;
use crate::instance::{Doorward, Setup};
use crate::mailbox::Mailbox;
use crate::shape::text;
use crate::store::Store;
use crate::{PASSWORD, lambda, part};

/// The sender of every mail.
pub const SENDER: &str = "Harbour Door <door@harbour.example>";
/// Confirms the address of an account.
pub const VERIFICATION: &str = "email_verification";
/// Allows to choose another password.
pub const RESET: &str = "password_reset";

/// A Doorward with the mail server it sends through.
#[derive(Debug)]
pub struct Accounts {
    /// The instance.
    pub doorward: Doorward,
    /// The mailbox of everybody.
    pub mailbox: Mailbox,
    pool: Option<KeptElsewhere>,
}

/// The pool that keeps the passwords, behind what lets its calls fail.
#[derive(Debug)]
struct KeptElsewhere {
    pool: Cognito,
    faults: FaultProxy,
    opened: Mutex<BTreeMap<String, usize>>,
}

/// Runs each named `fn(&Accounts)` over every keeper of passwords: as a test of its own where Doorward is it, on SQLite,
/// and one after the other over one instance on PostgreSQL and MongoDB, and over one Cognito user pool for each kind of client.
#[macro_export]
macro_rules! on_every_keeper {
    ($($claim:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $claim() { $crate::accounts::kept_here($crate::Store::Sqlite, super::$claim); })+
        }
        mod every_row {
            use $crate::accounts::{NamedClaim, kept_by_a_function, kept_here, kept_in_a_pool, run_all};
            use $crate::cognito::PoolClient;
            const CLAIMS: &[NamedClaim] = &[$((stringify!($claim), super::$claim)),+];
            #[test]
            fn holds_on_postgres() {
                kept_here($crate::Store::Postgres, |accounts| run_all(accounts, CLAIMS));
            }
            #[test]
            fn holds_on_mongodb() {
                kept_here($crate::Store::Mongo, |accounts| run_all(accounts, CLAIMS));
            }
            #[test]
            fn holds_on_lambda() {
                kept_by_a_function(|accounts| run_all(accounts, CLAIMS));
            }
            #[test]
            fn holds_in_a_pool_for_a_client_without_a_secret() {
                kept_in_a_pool(PoolClient::Public, |accounts| run_all(accounts, CLAIMS));
            }
            #[test]
            fn holds_in_a_pool_for_a_client_with_a_secret() {
                kept_in_a_pool(PoolClient::Confidential, |accounts| run_all(accounts, CLAIMS));
            }
        }
    };
}

/// Runs a claim over a Doorward that keeps the passwords itself.
pub fn kept_here(store: Store, claim: fn(&Accounts)) {
    crate::store::with(store, |store| part::with(&["python"], || claim(&Accounts::local(store))));
}

/// The same over a Doorward that is a function of AWS Lambda.
pub fn kept_by_a_function(claim: impl Fn(&Accounts)) {
    lambda::with(|store| part::with(&["python"], || claim(&Accounts::local(store))));
}

/// A claim about accounts, by its name.
pub type NamedClaim = (&'static str, fn(&Accounts));

/// Runs a claim over a Doorward whose passwords a pool keeps.
pub fn kept_in_a_pool(client: PoolClient, claim: impl FnOnce(&Accounts)) {
    part::with(&["python"], || claim(&Accounts::in_a_pool(client)));
}

/// Runs claims one after the other; says which one it is at.
pub fn run_all(accounts: &Accounts, claims: &[NamedClaim]) {
    for (name, claim) in claims {
        eprintln!("--- {name}");
        claim(accounts);
    }
}

impl Accounts {
    /// Doorward keeps the passwords.
    #[track_caller]
    pub fn local(store: Store) -> Self {
        Self::local_with(store, |setup| setup)
    }

    /// The same with other settings.
    #[track_caller]
    pub fn local_with(store: Store, settings: impl FnOnce(Setup) -> Setup) -> Self {
        let mailbox = Mailbox::start();
        let setup = settings(Setup::on(store).mails_through(&mailbox));
        Self { doorward: setup.start(), mailbox, pool: None }
    }

    /// A Cognito user pool keeps the passwords.
    #[track_caller]
    pub fn in_a_pool(client: PoolClient) -> Self {
        Self::in_a_pool_with(client, |_, setup| setup)
    }

    /// The same with other settings.
    #[track_caller]
    pub fn in_a_pool_with(client: PoolClient, settings: impl FnOnce(&Cognito, Setup) -> Setup) -> Self {
        let mailbox = Mailbox::start();
        let pool = Cognito::start("http://127.0.0.1:9", "http://127.0.0.1:9");
        let faults = FaultProxy::to(pool.address());
        let setup = settings(&pool, Setup::on(Store::Sqlite).mails_through(&mailbox));
        let doorward = pool.keeps_passwords(setup, client, &faults.url()).start();
        let pool = KeptElsewhere { pool, faults, opened: Mutex::default() };
        Self { doorward, mailbox, pool: Some(pool) }
    }

    /// The pool that keeps the passwords.
    #[track_caller]
    pub fn pool(&self) -> &Cognito {
        &self.pool.as_ref().expect("a pool keeps the passwords").pool
    }

    /// Whether a pool keeps the passwords.
    pub fn is_in_a_pool(&self) -> bool {
        self.pool.is_some()
    }

    /// What lets calls of the pool fail.
    #[track_caller]
    pub fn faults(&self) -> &FaultProxy {
        &self.pool.as_ref().expect("a pool keeps the passwords").faults
    }

    /// The same Doorward killed and started again.
    #[track_caller]
    pub fn restarted(self) -> Self {
        Self { doorward: self.doorward.kill().start(), ..self }
    }

    /// One call of the surface: `POST /api/v1/auth/<call>`.
    pub fn post(&self, call: &str, body: &Value) -> Response {
        self.doorward.post(&format!("/api/v1/auth/{call}")).json(body).send()
    }

    /// Registers somebody called Ada Lovelace.
    pub fn register(&self, email: &str) -> Response {
        self.post("register", &registration(email))
    }

    /// Presents the code that confirms an address.
    pub fn verify(&self, email: &str, code: &str) -> Response {
        self.present(email, code, VERIFICATION)
    }

    /// Presents a code.
    pub fn present(&self, email: &str, code: &str, purpose: &str) -> Response {
        self.post("verify-otp", &json!({"email": email, "code": code, "purpose": purpose}))
    }

    /// Asks for a code.
    pub fn request_code(&self, email: &str, purpose: &str) -> Response {
        self.post("request-otp", &json!({"email": email, "purpose": purpose}))
    }

    /// Signs in.
    pub fn login(&self, email: &str, password: &str) -> Response {
        self.post("login", &json!({"email": email, "password": password}))
    }

    /// Asks for new tokens.
    pub fn refresh(&self, token: &str) -> Response {
        self.post("refresh", &json!({"refresh_token": token}))
    }

    /// Chooses a password with the token that a code for it gave.
    pub fn reset(&self, token: &str, password: &str) -> Response {
        self.post("reset-password", &json!({"reset_token": token, "new_password": password}))
    }

    /// Opens the next mail with a code that confirms this address, whoever sent it.
    #[track_caller]
    pub fn confirmation_code(&self, email: &str) -> String {
        let Some(elsewhere) = &self.pool else { return self.mailbox.next_to(email).code() };
        let mut opened = elsewhere.opened.lock().expect("what was opened");
        let count = opened.entry(email.to_owned()).or_default();
        *count += 1;
        elsewhere.pool.mailed_code(email, *count)
    }

    /// Registers `name@example.com` and confirms the address; gives it.
    #[track_caller]
    pub fn person(&self, name: &str) -> String {
        let email = format!("{name}@example.com");
        self.register(&email).expect(201);
        self.verify(&email, &self.confirmation_code(&email)).expect(200);
        email
    }

    /// Signs a person in with [`PASSWORD`]; gives the tokens.
    #[track_caller]
    pub fn tokens(&self, email: &str) -> Tokens {
        Tokens::of(&self.login(email, PASSWORD).expect(200).json())
    }

    /// Asks for the code of a reset, once the last request is long enough ago; gives it.
    #[track_caller]
    pub fn reset_code(&self, email: &str) -> String {
        self.let_time_pass(6);
        self.request_code(email, RESET).expect(200);
        self.mailbox.next_to(email).code()
    }

    /// Redeems the code of a reset; gives the token.
    #[track_caller]
    pub fn reset_token(&self, email: &str) -> String {
        let code = self.reset_code(email);
        text(&self.present(email, &code, RESET).expect(200).json()["reset_token"])
    }

    /// Lets minutes pass for everything in the store that waits for its time.
    pub fn let_time_pass(&self, minutes: u32) {
        self.doorward.setup().database().let_time_pass(minutes);
    }

    /// Asserts that a token is good on the surfaces, or that it is not.
    #[track_caller]
    pub fn assert_bearer(&self, token: &str, good: bool) {
        let status = self.doorward.get("/api/v1/users/me").bearer(token).send().status;
        assert_eq!(status, if good { 200 } else { 401 });
    }
}

/// What signing in gives.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For calls.
    pub access: String,
    /// For new tokens.
    pub refresh: String,
    /// Who it is, for the client.
    pub id: String,
}

impl Tokens {
    /// The tokens in an answer.
    #[track_caller]
    pub fn of(answer: &Value) -> Self {
        let [access, refresh, id] = ["access_token", "refresh_token", "id_token"].map(|name| text(&answer[name]));
        Self { access, refresh, id }
    }
}

/// A good registration.
pub fn registration(email: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace",
        "phone": "+1 415 555 0123", "accept_terms": true,
    })
}

impl Setup {
    /// Sends its mail through that server, from [`SENDER`].
    pub fn mails_through(self, mailbox: &Mailbox) -> Self {
        self.set("mail.url", mailbox.url())
            .set("mail.from", SENDER)
            .set("mail.product", "Harbour")
            // Every caller of a test has the same address.
            .set("throttle.failures_per_address", "100000/1h")
    }
}
