//! Mail that could not be written, or would not be taken.

use std::sync::Arc;

use doorward_identity::clock::SystemClock;
use doorward_mail::{Carrier, Mistake, PostOffice, PostOfficeError};

use super::super::sections::{Config, MailKind};
use super::{Objection, object, unless};
use crate::post;

pub(super) fn unwritable(config: &Config) -> Vec<Objection> {
    // Which carrier it will be does not matter to what it carries.
    let settings = post::settings(config, Carrier::Log { shows_letters: false });
    match PostOffice::new(settings, Arc::new(SystemClock)) {
        Ok(_) => Vec::new(),
        Err(PostOfficeError(mistakes)) => mistakes
            .into_iter()
            .map(|Mistake { setting, text }| object(setting, format!("will not do: {text}"), ""))
            .collect(),
    }
}

pub(super) fn sender_nowhere(config: &Config) -> Vec<Objection> {
    let nowhere = config.mail.from.trim_end_matches('>').ends_with("@localhost");
    unless(!nowhere || config.mail.kind == MailKind::Log, || {
        let what = format!("{:?} is an address that no mail server believes", config.mail.from);
        object("mail.from", what, "name an address of yours: Doorward <no-reply@example.com>")
    })
}

pub(super) fn ses_nowhere(config: &Config) -> Vec<Objection> {
    unless(!matches!(config.mail.kind, MailKind::Ses { region: None }), || {
        object(
            "mail.url",
            "names no region, and user_pool.region (AWS_REGION) is not set",
            "write it as ses://us-east-1",
        )
    })
}
