//! How mail is sent.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::quantity::Span;
use super::super::values::Values;
use super::UserPool;

/// Mail.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// The way, password and all.
    pub(crate) url: SecretString,
    /// Which way it is.
    pub(crate) kind: MailKind,
    /// The sender.
    pub(crate) from: String,
    /// Where answers go.
    pub(crate) reply_to: Option<String>,
    /// What the product is called.
    pub(crate) product: String,
    /// A folder of the operator's own templates.
    pub(crate) templates: Option<PathBuf>,
    /// How long handing over one mail may take.
    pub(crate) timeout: Duration,
    /// Where the API of Amazon's service is, if not at AWS.
    pub(crate) ses_endpoint_url: Option<String>,
}

/// The ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MailKind {
    /// Into the log.
    Log,
    /// By SMTP.
    Smtp,
    /// By Amazon's service.
    Ses {
        /// Its region.
        region: Option<String>,
    },
}

impl Mail {
    pub(super) fn read(values: &Values, pool: &UserPool) -> Result<Self, Mistake> {
        let url: String = values.one("mail.url")?;
        let kind = match url.split_once(':') {
            Some(("smtp" | "smtps", _)) => MailKind::Smtp,
            Some(("ses", region)) => MailKind::Ses { region: ses_region(region, pool) },
            _ => MailKind::Log,
        };
        Ok(Self {
            url: url.into(),
            kind,
            from: values.one("mail.from")?,
            reply_to: values.maybe("mail.reply_to")?,
            product: values.one("mail.product")?,
            templates: values.maybe("mail.templates")?,
            timeout: values.one::<Span>("mail.timeout")?.into(),
            ses_endpoint_url: values.maybe("mail.ses_endpoint_url")?.or(values.maybe("aws.endpoint_url")?),
        })
    }
}

/// The region that the URL names, else the pool's.
fn ses_region(after_scheme: &str, pool: &UserPool) -> Option<String> {
    let named = after_scheme.trim_matches('/');
    if named.is_empty() { pool.region().map(str::to_owned) } else { Some(named.to_owned()) }
}
