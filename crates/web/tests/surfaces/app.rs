//! A Doorward without a socket, and the people who use it.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use doorward_identity::clock::ManualClock;
use doorward_identity::credential::{CharacterClass, HashScheme, PasswordRule};
use doorward_identity::entropy::SeededEntropy;
use doorward_identity::issuer::NoIssuers;
use doorward_identity::keyring::SealingKey;
use doorward_identity::observer::Unobserved;
use doorward_identity::policy::Admin;
use doorward_identity::settings::{Settings, SurfaceSettings};
use doorward_identity::upkeep::{SeedDomain, SeedTeam};
use doorward_identity::user::{KnownRoles, NewAccount, Role};
use doorward_identity::user_pool::UserPool;
use doorward_identity::{Identity, Parts};
use doorward_protocol::algorithm::Algorithm;
use doorward_store::{Options, SqliteStore};
use doorward_web::{
    AccessLine, Answered, Cors, EnabledSurfaces, RequestObserver, SameSite, SessionCookie, Surfaces, WebSettings,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::post::Post;
use crate::provider::ScriptedProviders;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A password that every surface takes.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// A running Doorward.
pub(crate) struct App {
    pub(crate) identity: Arc<Identity>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) readiness: Arc<AtomicBool>,
    pub(crate) counted: Arc<Counted>,
    pub(crate) provider: Arc<ScriptedProviders>,
    pub(crate) post: Arc<Post>,
    surfaces: Surfaces,
    folder: PathBuf,
}

/// The requests that were counted: route, method, status.
#[derive(Default)]
pub(crate) struct Counted(Mutex<Vec<(String, &'static str, u16)>>);

impl Counted {
    pub(crate) fn last(&self) -> Option<(String, &'static str, u16)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }
}

impl RequestObserver for Counted {
    fn request(&self, line: &AccessLine<'_>) {
        let line = (line.route.to_owned(), line.known_method(), line.status);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The cookies it sets, each in one line.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// The fields a problem names.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str()).collect()
    }
}

impl App {
    pub(crate) async fn start() -> Outcome<Self> {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut WebSettings)) -> Outcome<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("doorward-web-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let options = Options {
            max_connections: 2,
            timeout: Duration::from_secs(3),
            observer: Arc::new(Unobserved),
            credentials: None,
            ca: None,
        };
        let store = Arc::new(SqliteStore::open(&folder.join("doorward.db"), options).await?);
        store.migrate().await?;
        let clock = Arc::new(ManualClock::at("2026-02-04T10:30:00Z".parse()?));
        let entropy = Arc::new(SeededEntropy::new(7));
        let provider = Arc::new(ScriptedProviders::default());
        let post = Arc::new(Post::default());
        let parts = Parts {
            store: store.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            observer: Arc::new(Unobserved),
            outside: Arc::new(NoIssuers),
            providers: provider.clone(),
            user_pool: UserPool::Local,
            postman: post.clone(),
            sealing_key: SealingKey::derive(&"a secret for tests".into())?,
            settings: settings(),
        };
        let identity = Arc::new(Identity::start(parts).await?);
        identity.seed(&seed_teams()?, &seed_domains()?).await?;
        let readiness = Arc::new(AtomicBool::new(true));
        let mut web = WebSettings {
            environment: "development".to_owned(),
            version: "0.0.1".to_owned(),
            cors: Cors { origins: vec!["https://app.example.com".to_owned()], any_localhost: false },
            dev_headers: false,
            trusted_proxies: Vec::new(),
            public_url: "http://localhost:8000".to_owned(),
            public_origin: "http://localhost:8000".to_owned(),
            frontend_url: "https://app.example.com".to_owned(),
            session_cookie: SessionCookie {
                name: "access_token".to_owned(),
                secure: false,
                http_only: true,
                same_site: SameSite::Lax,
                max_age: SignedDuration::from_hours(720),
            },
            surfaces: EnabledSurfaces { hosted: true, accounts: true, signin: true, directory: true },
            mailbox: None,
            readiness: Arc::clone(&readiness),
        };
        change(&mut web);
        let counted = Arc::new(Counted::default());
        let surfaces = Surfaces::new(Arc::clone(&identity), web, counted.clone(), &*entropy);
        Ok(Self { identity, clock, store, readiness, counted, provider, post, surfaces, folder })
    }

    /// Sends a request as it is, from 192.0.2.7.
    pub(crate) async fn send(&self, request: Request<Body>) -> Outcome<Answer> {
        let (head, body) = self.answer("192.0.2.7:4711".parse()?, request).await.into_parts();
        let bytes = body.collect().await?.to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, bytes, body })
    }

    /// The way of every request, as the server takes it where no route of the gateway does.
    async fn answer(&self, peer: SocketAddr, request: Request<Body>) -> Response<Body> {
        let envelope = self.surfaces.envelope();
        let (head, body) = request.into_parts();
        let exchange = Arc::new(envelope.begin(peer, &head));
        if let Some(mut answer) = envelope.preflight(&exchange, &head) {
            envelope.finish(&exchange, Answered::Own("preflight"), &mut answer);
            return answer;
        }
        self.surfaces.answer(&exchange, Request::from_parts(head, body)).await
    }

    /// Somebody with a browser that has no cookies yet.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    /// Somebody without a token.
    pub(crate) const fn anon(&self) -> Actor<'_> {
        Actor { app: self, token: None }
    }

    /// Somebody with that token.
    pub(crate) fn bearer(&self, token: &str) -> Actor<'_> {
        Actor { app: self, token: Some(token.to_owned()) }
    }

    /// A person who has just signed up and in.
    pub(crate) async fn person(&self, email: &str) -> Outcome<Actor<'_>> {
        let credentials = json!({"email": email, "password": PASSWORD});
        let signed_up = self.anon().post("/api/auth/signup", &credentials).await?;
        assert_eq!(signed_up.status, 201, "{signed_up:?}");
        self.signed_in(email).await
    }

    /// An administrator.
    pub(crate) async fn admin(&self) -> Outcome<Actor<'_>> {
        let account = NewAccount {
            email: "admin@example.com".to_owned(),
            password: Some(PASSWORD.into()),
            name: None,
            roles: vec![Role::admin()],
            email_verified: true,
        };
        self.identity.create_account(&Admin::command_line(), account).await?;
        self.signed_in("admin@example.com").await
    }

    pub(crate) async fn signed_in(&self, email: &str) -> Outcome<Actor<'_>> {
        let credentials = json!({"email": email, "password": PASSWORD});
        let signed_in = self.anon().post("/api/auth/signin", &credentials).await?;
        assert_eq!(signed_in.status, StatusCode::OK, "{signed_in:?}");
        Ok(self.bearer(signed_in.text("/access_token")))
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // What is left of a test in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Somebody who sends requests.
pub(crate) struct Actor<'a> {
    app: &'a App,
    pub(crate) token: Option<String>,
}

impl Actor<'_> {
    pub(crate) async fn get(&self, path: &str) -> Outcome<Answer> {
        self.send("GET", path, Body::empty(), &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Outcome<Answer> {
        self.json("POST", path, body).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> Outcome<Answer> {
        self.send(method, path, Body::from(body.to_string()), &[("content-type", "application/json")]).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str) -> Outcome<Answer> {
        self.send(method, path, Body::empty(), &[]).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Body, headers: &[(&str, &str)]) -> Outcome<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.app.send(request.body(body)?).await
    }
}

fn settings() -> Settings {
    use CharacterClass::{Digit, Lower, Special, Upper};
    let surface = |minutes, classes: &[CharacterClass]| SurfaceSettings {
        token_ttl: SignedDuration::from_mins(minutes),
        password_rule: PasswordRule { min: 8, classes: classes.to_vec() },
    };
    Settings {
        issuer: "http://localhost:8000".to_owned(),
        algorithm: Algorithm::EdDSA,
        secret: None,
        former_secret: None,
        key_lead: SignedDuration::from_mins(10),
        refresh_ttl: SignedDuration::from_hours(720),
        refresh_grace: SignedDuration::from_secs(10),
        session_ttl: SignedDuration::from_hours(2160),
        session_idle: SignedDuration::from_hours(1),
        group_grants: std::collections::BTreeMap::new(),
        new_account_roles: vec![],
        known_roles: KnownRoles::default(),
        surfaces: [
            surface(60, &[]),
            surface(60, &[]),
            surface(7 * 24 * 60, &[Upper, Lower, Digit, Special]),
            surface(30, &[]),
        ],
        default_team: Some("General".to_owned()),
        default_domain: Some("engineering".to_owned()),
        hash: HashScheme::Bcrypt { cost: 4 },
        hash_threads: 1,
        hash_queue: 8,
        documented_password: None,
        tell_taken: true,
        address_failures: 1000,
        address_window: Duration::from_hours(1),
    }
}

fn seed_teams() -> Outcome<Vec<SeedTeam>> {
    let team = |(name, reference): (&str, Option<&str>)| {
        Ok(SeedTeam { name: name.to_owned().try_into()?, external_ref: reference.map(str::to_owned) })
    };
    [("General", None), ("Engineering", Some("eng"))].into_iter().map(team).collect()
}

fn seed_domains() -> Outcome<Vec<SeedDomain>> {
    let domain = |(key, name): (&str, &str)| {
        Ok(SeedDomain { key: key.to_owned().try_into()?, name: name.to_owned().try_into()?, parent: None })
    };
    [("engineering", "Engineering"), ("product", "Product Management")].into_iter().map(domain).collect()
}
