//! What a function is called with, read from JSON: a request in one of the forms triggers give it, or work to do.
//!
//! Judges nothing that a client has said; `request` does. Knows no service.

use std::collections::BTreeMap;

use serde::Deserialize;

/// An event.
pub(super) enum Event {
    /// Somebody's request.
    Http(Box<HttpEvent>),
    /// Work that no request does.
    Task(Task),
}

/// Work that no request does: what is asked for by `{"doorward": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// What a server does again and again while it lives.
    Chores,
    /// Bringing the store up to date.
    Migrate,
    /// Saying whether the store answers.
    Health,
    /// Making the first administrator.
    GrantAdmin {
        /// The id or the address of an account.
        user: String,
    },
}

/// The task's name.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TaskName {
    Chores,
    Migrate,
    Health,
    GrantAdmin,
}

/// The forms of requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// Version 1.0: a REST API, or an HTTP API that is set to it.
    V1,
    /// Version 2.0: an HTTP API, or the function's own address.
    V2,
}

/// A request as a trigger tells it.
pub(super) struct HttpEvent {
    pub(super) payload: Payload,
    /// Whether it says its version, as events of an HTTP API and of a function URL do and those of a REST API do not.
    pub(super) says_version: bool,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) headers: BTreeMap<String, String>,
    /// The same with every value; empty where the form has none of it.
    pub(super) multi_value_headers: BTreeMap<String, Vec<String>>,
    pub(super) cookies: Vec<String>,
    pub(super) body: String,
    pub(super) is_base64_encoded: bool,
    pub(super) context: Context,
}

/// What follows the path.
pub(super) enum Query {
    /// As the client sent it.
    Raw(String),
    /// Taken apart and decoded.
    Decoded(BTreeMap<String, Vec<String>>),
}

/// What the trigger knows of a request beside itself.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Context {
    pub(super) stage: Option<String>,
    pub(super) domain_name: Option<String>,
    pub(super) request_id: Option<String>,
    /// Of version 1.0: the path before anything was taken off it.
    pub(super) path: Option<String>,
    http: Option<Http>,
    identity: Option<Identity>,
    /// Of a load balancer.
    elb: Option<serde::de::IgnoredAny>,
    /// Of a WebSocket.
    connection_id: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    source_ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: Option<String>,
}

impl Context {
    /// The address that the trigger was called from.
    pub(super) fn source(&self) -> Option<&str> {
        let of_http = self.http.as_ref().and_then(|http| http.source_ip.as_deref());
        of_http.or_else(|| self.identity.as_ref()?.source_ip.as_deref())
    }
}

/// An event that nothing here answers.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnknownEvent {
    #[error("the event is no JSON that can be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error(
        "the event comes from a load balancer; Doorward answers events of HTTP APIs, REST APIs and function URLs: let the \
         load balancer speak HTTP to a Doorward that listens"
    )]
    LoadBalancer,
    #[error(
        "the event is of a WebSocket API; Doorward answers events of HTTP APIs, REST APIs and function URLs: let WebSockets \
         go to a Doorward that listens"
    )]
    WebSocketApi,
    #[error(
        "the event is neither a request (of an HTTP API, a REST API or a function URL) nor {{\"doorward\": \"chores\"}}, \
         \"migrate\", \"health\" or \"grant-admin\""
    )]
    Other,
    #[error(
        "an administrator is made by nothing but {{\"doorward\": \"grant-admin\", \"user\": \"the id or the address of an \
         account\"}} as it stands"
    )]
    GrantAdmin,
}

/// Every member of every form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    doorward: Option<TaskName>,
    user: Option<String>,
    version: Option<serde::de::IgnoredAny>,
    /// Where `EventBridge` puts what it was given.
    detail: Option<Detail>,
    request_context: Option<Context>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    http_method: Option<String>,
    path: Option<String>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
struct Detail {
    doorward: Option<TaskName>,
}

impl Members {
    /// What is asked for. A schedule, into which others may write, makes no administrators.
    fn task(self) -> Result<Task, UnknownEvent> {
        let scheduled = self.detail.and_then(|detail| detail.doorward);
        match (self.doorward.or(scheduled), self.user) {
            (Some(TaskName::Chores), _) => Ok(Task::Chores),
            (Some(TaskName::Migrate), _) => Ok(Task::Migrate),
            (Some(TaskName::Health), _) => Ok(Task::Health),
            (Some(TaskName::GrantAdmin), Some(user)) if scheduled.is_none() => Ok(Task::GrantAdmin { user }),
            (Some(TaskName::GrantAdmin), _) => Err(UnknownEvent::GrantAdmin),
            (None, _) => Err(UnknownEvent::Other),
        }
    }
}

impl Event {
    /// Reads an event.
    pub(super) fn read(json: &[u8]) -> Result<Self, UnknownEvent> {
        let mut members: Members = serde_json::from_slice(json)?;
        let Some(context) = members.request_context.take() else {
            return members.task().map(Self::Task);
        };
        if context.elb.is_some() {
            return Err(UnknownEvent::LoadBalancer);
        }
        if context.connection_id.is_some() {
            return Err(UnknownEvent::WebSocketApi);
        }
        let (payload, method, path, query) = match (&context.http, members.http_method) {
            (Some(http), _) => {
                let query = Query::Raw(members.raw_query_string.unwrap_or_default());
                (Payload::V2, http.method.clone(), members.raw_path, query)
            }
            (None, Some(method)) => {
                let single = members.query_string_parameters.unwrap_or_default();
                let single = || single.into_iter().map(|(name, value)| (name, vec![value])).collect();
                let query = members.multi_value_query_string_parameters.unwrap_or_else(single);
                (Payload::V1, method, members.path, Query::Decoded(query))
            }
            (None, None) => return Err(UnknownEvent::Other),
        };
        Ok(Self::Http(Box::new(HttpEvent {
            payload,
            says_version: members.version.is_some(),
            method,
            path: path.unwrap_or_default(),
            query,
            headers: members.headers.unwrap_or_default(),
            multi_value_headers: members.multi_value_headers.unwrap_or_default(),
            cookies: members.cookies.unwrap_or_default(),
            body: members.body.unwrap_or_default(),
            is_base64_encoded: members.is_base64_encoded.unwrap_or_default(),
            context,
        })))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    fn task(json: &str) -> Task {
        match Event::read(json.as_bytes()).unwrap() {
            Event::Task(task) => task,
            Event::Http(_) => panic!("a request"),
        }
    }

    fn refused(json: &str) -> String {
        Event::read(json.as_bytes()).err().unwrap().to_string()
    }

    #[test]
    fn work_is_asked_for_directly_or_through_a_schedule() {
        assert_eq!(task(r#"{"doorward": "chores"}"#), Task::Chores);
        assert_eq!(task(r#"{"doorward": "migrate", "other": 1}"#), Task::Migrate);
        let envelope = r#"{"version": "0", "detail-type": "x", "source": "y", "detail": {"doorward": "health"}}"#;
        assert_eq!(task(envelope), Task::Health);
    }

    #[test]
    fn an_administrator_is_made_by_a_bare_event_alone() {
        let user = "ada@example.com".to_owned();
        assert_eq!(task(r#"{"doorward": "grant-admin", "user": "ada@example.com"}"#), Task::GrantAdmin { user });
        for other in [
            r#"{"doorward": "grant-admin"}"#,
            r#"{"detail": {"doorward": "grant-admin", "user": "ada@example.com"}}"#,
            r#"{"user": "ada@example.com", "detail": {"doorward": "grant-admin"}}"#,
            r#"{"doorward": "grant-admin", "user": "ada@example.com", "detail": {"doorward": "chores"}}"#,
        ] {
            assert!(refused(other).contains("an administrator is made by nothing but"), "{other}");
        }
        let request = r#"{"doorward": "grant-admin", "user": "a", "requestContext": {"http": {"method": "GET"}}}"#;
        assert!(matches!(Event::read(request.as_bytes()), Ok(Event::Http(_))));
    }

    #[test]
    fn what_is_nothing_of_ours_is_refused_with_a_reason() {
        assert!(refused("{}").contains("neither a request"));
        let tasks = ["chores", "migrate", "health", "grant-admin"];
        assert!(tasks.iter().all(|task| refused("{}").contains(task)));
        assert!(refused(r#"{"requestContext": {}}"#).contains("neither a request"));
        assert!(refused(r#"{"doorward": "reboot"}"#).contains("reboot"));
        assert!(refused(r#"{"requestContext": {"elb": {"targetGroupArn": "x"}}}"#).contains("load balancer"));
        assert!(refused(r#"{"requestContext": {"connectionId": "x"}}"#).contains("WebSocket"));
        assert!(refused(r#"{"requestContext": 1}"#).contains("JSON"));
        assert!(refused("[1").contains("JSON"));
        assert!(refused(&"[".repeat(100_000)).contains("JSON"));
    }

    #[test]
    fn no_request_can_pass_itself_off_as_work() {
        let json = r#"{"doorward": "migrate", "requestContext": {"http": {"method": "GET"}}, "rawPath": "/"}"#;
        assert!(matches!(Event::read(json.as_bytes()), Ok(Event::Http(_))));
    }
}
