//! The post office: from a letter to what became of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_identity::Clock;
use doorward_identity::mail::{Letter, MailId, Mailbox, Message, PostError, Postman};
use doorward_identity::user::EmailAddress;

use crate::address::{on_the_wire, parse_mailbox};
use crate::carrier::{AtWork, Carrier, Terms};
use crate::message::Sender;
use crate::templates::{House, Templates};

/// Longest product name, so that it fits into a subject.
const LONGEST_PRODUCT: usize = 64;

/// What a post office is made of.
pub struct PostSettings {
    /// How mail leaves.
    pub carrier: Carrier,
    /// Who writes: `name@example.com` or `A Name <name@example.com>`.
    pub from: String,
    /// Where answers go, if elsewhere.
    pub reply_to: Option<String>,
    /// What the product is called.
    pub product: String,
    /// How Doorward is reached.
    pub public_url: String,
    /// How the web application is reached.
    pub frontend_url: String,
    /// A folder of templates that replace those built in.
    pub templates: Option<PathBuf>,
    /// Longest time one message may take.
    pub timeout: Duration,
    /// Where messages are kept for the page that shows them.
    pub mailbox: Option<Arc<Mailbox>>,
    /// Certificates to trust beside the machine's, as PEM.
    pub extra_ca: Option<Vec<u8>>,
}

/// Something wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its key in the configuration.
    pub setting: &'static str,
    /// What is wrong.
    pub text: String,
}

/// Why there is no post office: everything that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostOfficeError(pub Vec<Mistake>);

impl fmt::Display for PostOfficeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(|Mistake { setting, text }| format!("{setting}: {text}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for PostOfficeError {}

/// Makes messages of letters and hands them over.
pub struct PostOffice {
    templates: Templates,
    sender: Sender,
    carrier: AtWork,
    mailbox: Option<Arc<Mailbox>>,
    clock: Arc<dyn Clock>,
}

impl PostOffice {
    /// A post office, or everything that is wrong with its settings. Asks nobody outside.
    pub fn new(settings: PostSettings, clock: Arc<dyn Clock>) -> Result<Self, PostOfficeError> {
        let mut mistakes = Vec::new();
        let mut note = |setting, text: String| mistakes.push(Mistake { setting, text });

        let from = parse_mailbox(&settings.from).map_err(|bad| note("mail.from", bad.to_string())).ok();
        let reply_to = settings.reply_to.as_deref().map(parse_mailbox).transpose();
        let reply_to = reply_to.map_err(|bad| note("mail.reply_to", bad.to_string())).ok();
        if let Err(text) = judge_product(&settings.product) {
            note("mail.product", text);
        }
        let terms = Terms {
            timeout: settings.timeout,
            extra_ca: settings.extra_ca.as_deref(),
            public_url: &settings.public_url,
        };
        let carrier = AtWork::new(settings.carrier, &terms);
        let carrier = carrier.map_err(|bad| note("outbound.extra_ca", bad.to_string())).ok();
        let house =
            House { product: settings.product, public_url: settings.public_url, frontend_url: settings.frontend_url };
        let templates = Templates::load(house, settings.templates.as_deref());
        let templates = templates.map_err(|bad| bad.into_iter().for_each(|text| note("mail.templates", text))).ok();

        match (from, reply_to, carrier, templates) {
            (Some(from), Some(reply_to), Some(carrier), Some(templates)) if mistakes.is_empty() => {
                Ok(Self { templates, sender: Sender { from, reply_to }, carrier, mailbox: settings.mailbox, clock })
            }
            _ => Err(PostOfficeError(mistakes)),
        }
    }

    /// Does all that can be done without sending: reaches the server, encrypts, signs in. Answers what was seen.
    pub async fn probe(&self) -> Result<String, PostError> {
        self.carrier.probe().await
    }
}

#[async_trait]
impl Postman for PostOffice {
    async fn send(&self, id: MailId, recipient: &EmailAddress, letter: &Letter) -> Result<(), PostError> {
        let never = |text: String| PostError::Never(format!("the letter cannot be written: {text}"));
        let written = self.templates.write(letter, recipient.as_str()).map_err(|error| never(error.to_string()))?;
        let now = self.clock.now();
        let envelope = self
            .sender
            .write(id, on_the_wire(recipient), written, now.into())
            .map_err(|error| never(error.to_string()))?;
        self.carrier.carry(&envelope).await?;
        if let Some(mailbox) = &self.mailbox {
            mailbox.keep(Message {
                id,
                kind: letter.kind(),
                sent_at: now,
                from: self.sender.from.to_string(),
                to: envelope.to.to_string(),
                subject: envelope.written.subject,
                text: envelope.written.text,
                html: envelope.written.html,
            });
        }
        Ok(())
    }
}

fn judge_product(product: &str) -> Result<(), String> {
    if product.trim().is_empty() {
        Err("the product needs a name".to_owned())
    } else if product.contains(char::is_control) || product.chars().count() > LONGEST_PRODUCT {
        Err(format!("a product's name has at most {LONGEST_PRODUCT} characters and no control characters"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
