//! A gateway with callers whose tokens are their names, and requests to send through it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use doorward_gateway::route::{Match, Route, Routes};
use doorward_gateway::{
    Authenticator, ConnectSettings, ExchangeInfo, Gateway, GatewayBody, GatewaySettings, Group, GroupSettings, Inject,
    Needs, Require, StartError, Timeouts, Unobserved,
};
use doorward_identity::StoreError;
use doorward_identity::domain::Domain;
use doorward_identity::fault::Internal;
use doorward_identity::session::{Caller, TokenRejection, ValidateError};
use doorward_identity::team::Team;
use doorward_identity::user::{Role, User, UserContext, UserStatus, UserTeam};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::Value;

pub(crate) type TestBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// The id of the caller `alice`.
pub(crate) const ALICE: &str = "0192f0c1-2f7a-7000-8000-00000000a11c";
/// Alice proved an hour ago who she is.
const NOW: Timestamp = Timestamp::constant(3_600, 0);
const TIME: Duration = Duration::from_secs(10);
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
pub(crate) const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// `alice` is in the team Design and the domain product, an editor, her address is verified; `bob` is nothing.
#[derive(Default)]
pub(crate) struct KnownTokens(Sessions);

/// Whether everybody's session goes on, and how often one ended.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<(AtomicBool, AtomicU64)>);

impl Sessions {
    pub(crate) fn end(&self) {
        self.0.0.store(true, Ordering::Relaxed);
        self.another_ends();
    }

    pub(crate) fn another_ends(&self) {
        self.0.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Authenticator for KnownTokens {
    async fn bearer(&self, token: &str) -> Result<Arc<Caller>, ValidateError> {
        let broken = || "no such table".into();
        match token {
            "alice" => Ok(alice()),
            "bob" => Ok(bob()),
            "store-down" => Err(StoreError::Unavailable(broken()).into()),
            "store-broken" => Err(StoreError::Broken(broken()).into()),
            _ => Err(TokenRejection::Expired.into()),
        }
    }

    /// Whoever has a token has a session whose handle it is.
    async fn cookie(&self, handle: &str) -> Result<Arc<Caller>, ValidateError> {
        self.bearer(handle).await
    }

    fn assertion(&self, caller: &Caller, audience: &str, request_id: &str) -> Result<String, Internal> {
        Ok(format!("{}.{audience}.{request_id}", caller.context.user.id))
    }

    fn now(&self) -> Timestamp {
        NOW
    }

    async fn still_counts(&self, _caller: &Caller) -> bool {
        !self.0.0.0.load(Ordering::Relaxed)
    }

    fn change_generation(&self) -> u64 {
        self.0.0.1.load(Ordering::Relaxed)
    }
}

fn person(id: &str, roles: Vec<Role>, email_verified_at: Option<Timestamp>) -> User {
    User {
        id: id.parse().unwrap(),
        email: "someone@example.com".parse().unwrap(),
        email_verified_at,
        name: None,
        first_name: None,
        last_name: None,
        phone: None,
        avatar_url: None,
        password_hash: None,
        roles,
        status: UserStatus::Active,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_signin_at: None,
        signed_out_at: None,
        password_changed_at: None,
        version: 1,
    }
}

fn caller(context: UserContext) -> Arc<Caller> {
    let authenticated_at = context.user.email_verified_at;
    Arc::new(Caller { context: Arc::new(context), session: None, expires_at: Timestamp::MAX, authenticated_at })
}

fn alice() -> Arc<Caller> {
    let team = Team {
        id: ALICE.parse().unwrap(),
        name: "Design".to_owned().try_into().unwrap(),
        external_ref: Some("dsg".to_owned()),
        is_active: true,
        created_at: Timestamp::UNIX_EPOCH,
        version: 1,
    };
    let domain = Domain {
        id: ALICE.parse().unwrap(),
        key: "product".to_owned().try_into().unwrap(),
        name: "Product".to_owned().try_into().unwrap(),
        parent_domain_id: None,
        is_active: true,
        created_at: Timestamp::UNIX_EPOCH,
        version: 1,
    };
    caller(UserContext {
        user: person(ALICE, vec!["editor".parse().unwrap()], Some(Timestamp::UNIX_EPOCH)),
        teams: vec![UserTeam { team, role: Role::member() }],
        domains: vec![domain],
    })
}

fn bob() -> Arc<Caller> {
    let user = person("0192f0c1-2f7a-7000-8000-000000000b0b", Vec::new(), None);
    caller(UserContext { user, teams: Vec::new(), domains: Vec::new() })
}

/// A route to the service under `/x/*` for known callers; tests change what they are about.
pub(crate) fn route(url: &str) -> Route {
    Route {
        name: "x".to_owned(),
        path: "/x/*".parse().unwrap(),
        methods: ["GET", "HEAD", "POST", "PUT"].map(|method| method.parse().unwrap()).to_vec(),
        upstreams: group(&[url]),
        timeouts: Timeouts { connect: TIME, answer: TIME, idle: TIME },
        retries: 2,
        body_limit: 2 * 1024 * 1024,
        inject: Inject::default(),
        require: Require::Caller(Needs::default()),
        rate: None,
    }
}

/// Services at these addresses.
pub(crate) fn group(urls: &[&str]) -> Arc<Group> {
    Arc::new(Group::new(urls.iter().map(|url| url.parse().unwrap()).collect(), GroupSettings::default()))
}

/// The same, with the caller's id told in JSON.
pub(crate) fn telling(url: &str) -> Route {
    Route { inject: Inject { json: Some("user_id".to_owned()), ..Inject::default() }, ..route(url) }
}

pub(crate) struct Stage {
    pub(crate) gateway: Gateway<TestBody, KnownTokens>,
}

impl Stage {
    pub(crate) fn new(route: Route) -> Self {
        Self::with_sessions(route, &Sessions::default())
    }

    pub(crate) fn with_sessions(route: Route, sessions: &Sessions) -> Self {
        Self::start(route, sessions, ConnectSettings::default()).unwrap()
    }

    pub(crate) fn start(route: Route, sessions: &Sessions, connect: ConnectSettings) -> Result<Self, StartError> {
        let tokens = Arc::new(KnownTokens(sessions.clone()));
        let settings = GatewaySettings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            cookie_name: "__Host-access_token".to_owned(),
            allowed_origins: vec!["https://app.example".to_owned()],
            sign_in_page: true,
            public_url: "https://door.example".parse().unwrap(),
            connect,
        };
        let routes = Arc::new(Routes::new([route]));
        let gateway = Gateway::new(routes, tokens, settings, Arc::new(Unobserved))?;
        Ok(Self { gateway })
    }

    /// Sends a request straight from a client.
    pub(crate) async fn send(&self, request: Request<TestBody>) -> Response<GatewayBody> {
        self.send_from(CLIENT, request).await
    }

    pub(crate) async fn send_from(&self, peer: IpAddr, request: Request<TestBody>) -> Response<GatewayBody> {
        let exchange = ExchangeInfo { request_id: "request-7", client: CLIENT, peer };
        match self.gateway.matches(request.method(), request.uri()) {
            Match::Route(matched) => self.gateway.handle(matched, exchange, request).await.response,
            other => panic!("{} leads to {other:?}", request.uri()),
        }
    }
}

/// A request of alice's.
pub(crate) fn request(method: Method, target: &str) -> http::request::Builder {
    anonymous(method, target).header("authorization", "Bearer alice")
}

/// A request of nobody's.
pub(crate) fn anonymous(method: Method, target: &str) -> http::request::Builder {
    Request::builder().method(method).uri(target)
}

pub(crate) fn whole(body: impl Into<Bytes>) -> TestBody {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The status and code of a refusal, checked for the form all refusals have.
pub(crate) async fn refusal(response: Response<GatewayBody>) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let problem: Value = serde_json::from_slice(&read(response).await).unwrap();
    assert_eq!(problem["status"], status);
    (status, problem["code"].as_str().unwrap().to_owned())
}

pub(crate) async fn read(response: Response<GatewayBody>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}
