//! The services of the old gateway: naming one makes its routes, which are ordinary routes from then on.

use super::values::{Value, Values};

/// What is the same about the routes of a service is left to the tables' defaults.
struct ServiceRoute {
    /// The setting that says where the service is.
    service: &'static str,
    name: &'static str,
    path: &'static str,
    /// The path at the service.
    upstream: &'static str,
    timeout: &'static str,
    /// The body that carries the caller's id, as `user_id`.
    inject: &'static str,
    body_limit: Option<&'static str>,
}

const GENERATION: &str = "services.generation_url";
const RAG: &str = "services.rag_url";

const ROUTES: [ServiceRoute; 4] = [
    ServiceRoute {
        service: GENERATION,
        name: "create-plan",
        path: "/api/v1/generation/create-plan",
        upstream: "/create_plan",
        timeout: "60s",
        inject: "inject.json",
        body_limit: None,
    },
    // Its answers stream for minutes; the time is also the longest silence within one.
    ServiceRoute {
        service: GENERATION,
        name: "chat",
        path: "/api/v1/generation/chat",
        upstream: "/learn/generation",
        timeout: "120s",
        inject: "inject.json",
        body_limit: None,
    },
    // Documents of any size are streamed through; the limit only stops what never ends.
    ServiceRoute {
        service: RAG,
        name: "upload",
        path: "/api/v1/rag/upload",
        upstream: "/upload-and-plan",
        timeout: "180s",
        inject: "inject.multipart",
        body_limit: Some("5GiB"),
    },
    ServiceRoute {
        service: RAG,
        name: "query",
        path: "/api/v1/rag/query",
        upstream: "/query",
        timeout: "60s",
        inject: "inject.json",
        body_limit: None,
    },
];

/// Appends the routes of the services that are named.
pub(super) fn append_routes(values: &mut Values) {
    for route in &ROUTES {
        let Some(url) = values.given(route.service).cloned() else { continue };
        let Some(base) = url.items.first().filter(|base| !base.is_empty()) else { continue };
        let upstream = format!("{base}{}", route.upstream);
        let entry = format!("routes.{}", values.next_index("routes"));
        let settings = [
            ("name", Some(route.name)),
            ("path", Some(route.path)),
            ("methods", Some("POST")),
            ("upstream", Some(&*upstream)),
            ("timeout", Some(route.timeout)),
            (route.inject, Some("user_id")),
            ("body_limit", route.body_limit),
        ];
        for (setting, text) in settings {
            if let Some(text) = text {
                let value = Value::new(vec![text.to_owned()], url.origin.clone());
                values.insert(format!("{entry}.{setting}"), value);
            }
        }
    }
}
