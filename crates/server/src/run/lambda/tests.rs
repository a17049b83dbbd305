//! The loop against a runtime API that gives the events it was told to and notes what it is handed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const LIMITS: Limits = Limits {
    head_bytes: 16 * 1024,
    head_fields: 64,
    header_timeout: Duration::ZERO,
    body_idle_timeout: Duration::ZERO,
    idle_timeout: Duration::ZERO,
    connections: 1,
    shutdown_timeout: Duration::ZERO,
};

/// What happened, in order.
type Story = Rc<RefCell<Vec<String>>>;

/// Answers by path.
struct Service;

impl Serve for Service {
    type Body = Full<Bytes>;

    async fn serve(&self, _peer: SocketAddr, request: GuardedRequest) -> Response<Self::Body> {
        match request.uri().path() {
            "/panic" => panic!("as asked"),
            "/never" => std::future::pending().await,
            "/large" => Response::new(Full::from(vec![0xff; ANSWER_BYTES])),
            _ => Response::new(Full::from("ok")),
        }
    }
}

struct Told {
    story: Story,
    is_open: Cell<bool>,
}

impl Function for Told {
    type Service = Service;

    async fn service(&self, _until: Instant) -> Result<Rc<Service>, Unavailable> {
        // Opens at the second try.
        let was_open = self.is_open.replace(true);
        was_open.then(|| Rc::new(Service)).ok_or(Unavailable { retry_after: Duration::from_secs(2) })
    }

    async fn work(&self, task: Task, _until: Instant) -> Result<Value, String> {
        if task == Task::Chores { Ok(json!("swept")) } else { Err("as asked".to_owned()) }
    }

    async fn finish(&self, _until: Instant) {
        self.story.borrow_mut().push("finish".to_owned());
    }

    fn now(&self) -> Timestamp {
        NOW
    }
}

fn get(path: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "headers": {"host": "a"},
        "requestContext": {"http": {"method": "GET", "sourceIp": "192.0.2.1"}},
    })
}

/// Serves these events, each with its time in milliseconds, and tells what happened.
async fn told(is_open: bool, events: Vec<(Value, i64)>) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let story = Story::default();
    let events = Rc::new(RefCell::new(VecDeque::from(events)));
    let function = Told { story: Rc::clone(&story), is_open: Cell::new(is_open) };
    let terms = Terms { limits: LIMITS, base_path: None, streaming: false };
    let shared = Rc::clone(&story);
    let api = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (events, story) = (Rc::clone(&events), Rc::clone(&shared));
            let service = service_fn(move |request| respond_as_api(request, Rc::clone(&events), Rc::clone(&story)));
            spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    };
    let serving = async {
        spawn_local(api);
        let ended = serve(&RuntimeApi::at(&address), &function, &terms).await;
        assert!(matches!(ended, Err(ServeError::Api(ApiError::Refused(StatusCode::GONE)))), "{ended:?}");
    };
    LocalSet::new().run_until(serving).await;
    story.take()
}

async fn respond_as_api(
    request: Request<Incoming>,
    events: Rc<RefCell<VecDeque<(Value, i64)>>>,
    story: Story,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::default());
    if path.ends_with("/next") {
        let Some((event, time)) = events.borrow_mut().pop_front() else {
            *response.status_mut() = StatusCode::GONE;
            return Ok(response);
        };
        let deadline = NOW.checked_add(SignedDuration::from_millis(time)).unwrap().as_millisecond();
        response.headers_mut().insert("lambda-runtime-aws-request-id", HeaderValue::from_static("id"));
        response.headers_mut().insert("lambda-runtime-deadline-ms", deadline.into());
        *response.body_mut() = Full::from(event.to_string());
    } else if path.contains("/invocation/") {
        let told: Value = serde_json::from_slice(&body).unwrap();
        let what = told.get("statusCode").or_else(|| told.get("errorMessage")).unwrap_or(&told);
        story.borrow_mut().push(format!("{} {what}", path.rsplit('/').next().unwrap_or_default()));
    }
    Ok(response)
}

/// Long enough for anything here.
const LONG: i64 = 60_000;

#[tokio::test]
async fn a_panic_costs_one_answer_and_each_answer_is_finished_before_the_next_event() {
    let story = told(true, vec![(get("/panic"), LONG), (get("/"), LONG)]).await;
    assert_eq!(story, ["response 500", "finish", "response 200", "finish"]);
}

#[tokio::test]
async fn what_takes_too_long_is_answered_before_aws_cuts_it_off() {
    let story = told(true, vec![(get("/never"), 300), (get("/never"), -5), (get("/"), LONG)]).await;
    assert_eq!(story, ["response 504", "finish", "response 504", "finish", "response 200", "finish"]);
}

#[tokio::test]
async fn while_there_is_no_service_the_answer_is_not_now() {
    let story = told(false, vec![(get("/"), LONG), (get("/"), LONG)]).await;
    assert_eq!(story, ["response 503", "finish", "response 200", "finish"]);
}

#[tokio::test]
async fn an_answer_that_aws_would_not_take_is_not_sent() {
    assert_eq!(told(true, vec![(get("/large"), LONG)]).await, ["response 502", "finish"]);
}

#[tokio::test]
async fn work_is_answered_or_failed() {
    let (chores, migrate) = (json!({"doorward": "chores"}), json!({"doorward": "migrate"}));
    let story = told(true, vec![(chores, LONG), (migrate, LONG)]).await;
    assert_eq!(story, [r#"response "swept""#, "finish", r#"error "as asked""#, "finish"]);
}

#[test]
fn an_http_api_is_never_streamed_to() {
    let streams = |event: &Value| match Event::read(event.to_string().as_bytes()).unwrap() {
        Event::Http(event) => can_stream(&event),
        Event::Task(_) => panic!("a request"),
    };
    let identity = json!({"identity": {"sourceIp": "192.0.2.1"}});
    let rest = json!({"path": "/", "httpMethod": "GET", "requestContext": identity});
    let http_api = json!({"version": "1.0", "path": "/", "httpMethod": "GET", "requestContext": identity});
    assert_eq!([streams(&rest), streams(&http_api), streams(&get("/"))], [true, false, false]);
    let mut own_address = get("/");
    own_address["requestContext"]["domainName"] = json!("id.lambda-url.eu-west-1.on.aws");
    assert!(streams(&own_address));
}
