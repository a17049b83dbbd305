//! What the old names of a Cognito pool mean together: who keeps the passwords, and the first provider.

use doorward_federation::pool_issuer;

use super::aliases;
use super::sources::Origin;
use super::values::{Value, Values};

/// A setting that only the name of a pool's own page brings.
pub(super) const HOSTED_PAGE: &str = "providers.0.authorization_endpoint";

/// Derives what was not said.
pub(super) fn derive(values: &mut Values, with_aws: bool) {
    let pool = values.given("user_pool.pool_id").filter(|value| by_old_name(value)).cloned();
    let client = values.given("user_pool.client_id").filter(|value| by_old_name(value)).cloned();
    // A gateway's people sign in at the pool's own page, for which nothing of Amazon's has to be built in.
    let asks = with_aws || !values.is_given(HOSTED_PAGE);
    if let (Some(pool), Some(_)) = (&pool, &client)
        && !values.is_given("user_pool.kind")
        && asks
    {
        values.insert("user_pool.kind".to_owned(), Value::new(vec!["cognito".to_owned()], pool.origin.clone()));
    }
    region_of_platform(values);
    first_provider(values, pool, client);
}

/// Amazon's platforms set `AWS_REGION` to where the process runs; where a pool is its id says.
fn region_of_platform(values: &mut Values) {
    let is_platforms = |value: &Value| matches!(&value.origin, Origin::Env(name) if name == "AWS_REGION");
    let is_stood_in = values.is_given("user_pool.endpoint_url") || values.is_given("aws.endpoint_url");
    if is_stood_in || !values.given("user_pool.region").is_some_and(is_platforms) {
        return;
    }
    let Some(pool) = values.given("user_pool.pool_id").cloned() else { return };
    if let Some(region) = pool.items.first().and_then(|id| region_of(id)) {
        let region = Value::new(vec![region.to_owned()], pool.origin);
        values.insert("user_pool.region".to_owned(), region);
    }
}

/// The pool's hosted page is the first provider where an old name speaks of it.
fn first_provider(values: &mut Values, pool: Option<Value>, client: Option<Value>) {
    let old: Vec<_> =
        values.keys_below("providers.0").filter(|key| values.given(key).is_some_and(by_old_name)).cloned().collect();
    if old.is_empty() {
        return;
    }
    let (Some(pool), Some(client)) = (pool, client) else {
        // `ALGORITHM` and `REDIRECT_URI` say nothing without a pool.
        return old.iter().for_each(|key| drop(values.remove(key)));
    };
    let said = |text: String| Some(Value::new(vec![text], pool.origin.clone()));
    let elsewhere = |name: &str| {
        let endpoint = values.text("user_pool.endpoint_url").or_else(|| values.text("aws.endpoint_url"))?;
        said(document(endpoint, pool.items.first()?, name))
    };
    let issuer = || {
        let id = pool.items.first()?;
        said(pool_issuer(region_of(id).or(values.text("user_pool.region"))?, id))
    };
    let derived = [
        ("id", said("cognito".to_owned())),
        ("issuer", issuer()),
        ("client_id", Some(client)),
        ("client_secret", values.given("user_pool.client_secret").cloned()),
        // A stand-in for AWS serves what the issuer's name would lead to.
        ("discovery_url", elsewhere("openid-configuration")),
        ("jwks_uri", elsewhere("jwks.json")),
        ("logout", said("cognito".to_owned())),
        ("groups_claim", said("cognito:groups".to_owned())),
    ];
    for (setting, value) in derived {
        let key = format!("providers.0.{setting}");
        if let Some(value) = value.filter(|_| !values.is_given(&key)) {
            values.insert(key, value);
        }
    }
}

/// A pool's id begins with its region.
pub(super) fn region_of(pool_id: &str) -> Option<&str> {
    pool_id.rsplit_once('_').map(|(region, _)| region)
}

/// Where a stand-in for AWS serves what is below the issuer's name.
pub(super) fn document(endpoint: &str, pool_id: &str, name: &str) -> String {
    format!("{}/{pool_id}/.well-known/{name}", endpoint.trim_end_matches('/'))
}

fn by_old_name(value: &Value) -> bool {
    match &value.origin {
        Origin::Env(name) | Origin::Dotenv { name, .. } => aliases::find(name).is_some(),
        Origin::Default | Origin::File { .. } | Origin::Flag(_) => false,
    }
}
