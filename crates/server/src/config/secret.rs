//! Secrets by reference: what a setting refers to, and how the place is reached where it is kept.

use secrecy::ExposeSecret as _;

use super::kind::Fault;
use super::layers::{self, Typed, Written};
use super::resolve::{self, Resolved};
use super::sections::Aws;
use super::settings::{self, Setting};
use super::sources::Sources;
use crate::secrets::{Reference, Unreadable, Vault};

/// The beginning of the keys of settings that open AWS Secrets Manager, and so cannot be kept there.
const KEY_TO_AWS: &str = "aws.";

/// What has to be known to read secrets, before the configuration can be judged as a whole.
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "a build without AWS asks nobody"))]
#[derive(Debug)]
pub(crate) struct SecretsAccess {
    /// What settings refer to, by their keys.
    pub(crate) references: Vec<(String, Reference)>,
    /// How Amazon's services are reached.
    pub(crate) aws: Aws,
    /// Where AWS Secrets Manager is, if not at AWS.
    pub(crate) endpoint_url: Option<String>,
    /// The region, where a variable says it.
    pub(crate) region: Option<String>,
}

/// Reads only as far as it is sound: mistakes are told when everything is read.
pub(crate) fn secrets_access(sources: &Sources) -> SecretsAccess {
    let (mut leaves, _) = layers::merge(sources);
    let reference = |key: &String, written: &Written| {
        let (Written::Text(text) | Written::Typed(Typed::String(text))) = written else { return None };
        let may_refer = settings::find(key)?.may_refer() && !key.starts_with(KEY_TO_AWS);
        Some((key.clone(), Reference::parse(text).ok().flatten().filter(|_| may_refer)?))
    };
    let references = leaves.iter().filter_map(|(key, leaf)| reference(key, &leaf.written)).collect();
    leaves.retain(|key, _| key.starts_with(KEY_TO_AWS) || key == "secrets.endpoint_url");
    let Resolved { values, .. } = resolve::resolve(leaves, sources);
    let variables = resolve::variables(sources);
    let variable = |name| variables.get(name).filter(|value| !value.is_empty()).cloned();
    SecretsAccess {
        references,
        aws: Aws::read(&values, sources.with_aws).unwrap_or_default(),
        endpoint_url: values.text("secrets.endpoint_url").map(str::to_owned),
        region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
    }
}

/// The secret that `text` is or refers to, and the reference; `lookup` reads a variable.
pub(super) fn resolve<'e>(
    setting: &Setting,
    text: String,
    lookup: impl Fn(&str) -> Option<&'e str>,
    vault: &Vault,
) -> Result<(String, Option<Reference>), Fault> {
    let fault = |what: String, hint: &str| Err(Fault { what, hint: hint.to_owned() });
    let reference = match Reference::parse(&text) {
        Ok(Some(reference)) => reference,
        Ok(None) => return Ok((text, None)),
        Err(Unreadable { what, hint }) => return fault(what, &hint),
    };
    match &reference {
        Reference::Variable(name) => match lookup(name).filter(|secret| !secret.is_empty()) {
            Some(secret) => Ok((secret.to_owned(), Some(reference))),
            None => fault(format!("{text:?} names a variable that is not set"), "set it, or name another"),
        },
        Reference::Aws { .. } if setting.key.starts_with(KEY_TO_AWS) => {
            fault(format!("{text:?} is where this is needed to get in"), "keep it in a file or a variable")
        }
        Reference::File(_) | Reference::Aws { .. } => match vault.first(&reference) {
            Ok(secret) => Ok((secret.expose_secret().to_owned(), Some(reference))),
            Err(Unreadable { what, hint }) => fault(format!("{text:?} {what}"), &hint),
        },
    }
}
