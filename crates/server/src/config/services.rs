//! The services of the old gateway: naming one makes its routes, which are ordinary routes from then on.

use super::mistake::Mistake;
use super::values::{Value, Values};

/// The services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Services {
    /// The generation service, without a slash at its end.
    pub(crate) generation_url: Option<String>,
    /// The retrieval service, without a slash at its end.
    pub(crate) rag_url: Option<String>,
}

/// Name, path, path at the generation service, time-out.
const GENERATION: [(&str, &str, &str, &str); 2] = [
    ("create-plan", "/api/v1/generation/create-plan", "/create_plan", "60s"),
    ("chat", "/api/v1/generation/chat", "/learn/generation", "120s"),
];

pub(super) fn read(values: &Values) -> Result<Services, Mistake> {
    Ok(Services {
        generation_url: values.maybe("services.generation_url")?,
        rag_url: values.maybe("services.rag_url")?,
    })
}

/// Appends the routes of the services that are named.
pub(super) fn append_routes(values: &mut Values) {
    let Some(url) = values.given("services.generation_url").cloned() else { return };
    let Some(base) = url.items.first().filter(|base| !base.is_empty()) else { return };
    let next = values.next_index("routes");
    for (index, (name, path, upstream, timeout)) in (next..).zip(GENERATION) {
        let upstream = format!("{base}{upstream}");
        let settings = [
            ("name", name),
            ("path", path),
            ("methods", "POST"),
            ("upstream", &upstream),
            ("timeout", timeout),
            ("inject.json", "user_id"),
        ];
        for (setting, text) in settings {
            let value = Value { items: vec![text.to_owned()], origin: url.origin.clone() };
            values.insert(format!("routes.{index}.{setting}"), value);
        }
    }
}
