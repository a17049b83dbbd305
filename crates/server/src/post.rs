//! Mail as the configuration says: who carries it, and the mailbox of development.

use std::sync::Arc;

use anyhow::Context as _;
use doorward_identity::clock::SystemClock;
use doorward_identity::mail::Mailbox;
use doorward_mail::{Carrier, PostOffice, PostSettings, SmtpSettings};

use crate::aws::Aws;
use crate::config::{Config, Environment, MailKind};

/// Where development keeps what was sent, for the page that shows it.
pub(crate) fn mailbox(config: &Config) -> Option<Arc<Mailbox>> {
    (config.environment == Environment::Development).then(Arc::default)
}

/// Who carries mail. Asks nobody yet.
pub(crate) fn office(config: &Config, aws: &Aws, mailbox: Option<Arc<Mailbox>>) -> anyhow::Result<PostOffice> {
    let mail = &config.mail;
    let carrier = match &mail.kind {
        MailKind::Log => Carrier::Log { shows_letters: config.environment == Environment::Development },
        MailKind::Smtp => {
            Carrier::Smtp(SmtpSettings::follow(config.secrets.source("mail.url", &mail.url)).context("mail.url")?)
        }
        MailKind::Ses { .. } => aws.ses(mail)?,
    };
    let extra_ca = config.outbound.read_extra_ca()?;
    Ok(PostOffice::new(PostSettings { mailbox, extra_ca, ..settings(config, carrier) }, Arc::new(SystemClock))?)
}

/// What is said of mail, by whomever it is carried.
pub(crate) fn settings(config: &Config, carrier: Carrier) -> PostSettings {
    let mail = &config.mail;
    PostSettings {
        carrier,
        from: mail.from.clone(),
        reply_to: mail.reply_to.clone(),
        product: mail.product.clone(),
        public_url: config.server.public_url.clone(),
        frontend_url: config.server.frontend_url.clone(),
        templates: mail.templates.clone(),
        timeout: mail.timeout,
        mailbox: None,
        extra_ca: None,
    }
}
