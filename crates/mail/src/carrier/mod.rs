//! Who carries messages.

mod log;
#[cfg(feature = "aws")]
mod ses;
pub(crate) mod smtp;

use std::error::Error;
use std::time::Duration;

use doorward_identity::mail::PostError;

use crate::message::Envelope;
use log::Log;
#[cfg(feature = "aws")]
use ses::Ses;
use smtp::{BadCertificates, Smtp, SmtpSettings};

/// How mail leaves.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "aws", expect(clippy::large_enum_variant, reason = "there is one, and not for long"))]
pub enum Carrier {
    /// It does not: the log tells of it.
    Log {
        /// Whether whole letters are shown, codes included. In development; otherwise every letter is given up.
        shows_letters: bool,
    },
    /// By an SMTP server.
    Smtp(SmtpSettings),
    /// By Amazon SES.
    #[cfg(feature = "aws")]
    Ses(aws_config::SdkConfig),
}

/// What every carrier is told beside its own settings.
pub(crate) struct Terms<'a> {
    /// Longest time one message may take.
    pub(crate) timeout: Duration,
    /// Certificates to trust beside the machine's, as PEM.
    pub(crate) extra_ca: Option<&'a [u8]>,
    /// How Doorward is reached: what it calls itself.
    pub(crate) public_url: &'a str,
}

/// A carrier at work.
pub(crate) enum AtWork {
    Log(Log),
    Smtp(Smtp),
    #[cfg(feature = "aws")]
    Ses(Ses),
}

impl AtWork {
    pub(crate) fn new(carrier: Carrier, terms: &Terms<'_>) -> Result<Self, BadCertificates> {
        Ok(match carrier {
            Carrier::Log { shows_letters } => Self::Log(Log { shows_letters }),
            Carrier::Smtp(settings) => Self::Smtp(Smtp::new(settings, terms)?),
            #[cfg(feature = "aws")]
            Carrier::Ses(sdk) => Self::Ses(Ses::new(&sdk, terms.timeout)),
        })
    }

    pub(crate) async fn carry(&self, envelope: &Envelope) -> Result<(), PostError> {
        match self {
            Self::Log(log) => log.carry(envelope),
            Self::Smtp(smtp) => smtp.carry(envelope).await,
            #[cfg(feature = "aws")]
            Self::Ses(ses) => ses.carry(envelope).await,
        }
    }

    pub(crate) async fn probe(&self) -> Result<String, PostError> {
        match self {
            Self::Log(log) => log.probe(),
            Self::Smtp(smtp) => smtp.probe().await,
            #[cfg(feature = "aws")]
            Self::Ses(ses) => ses.probe().await,
        }
    }
}

/// Longest quotation of what a server said, in characters.
const LONGEST_QUOTATION: usize = 200;

/// The first line of what a server said, fit for a log and a terminal.
fn quote(said: &str) -> String {
    let line = said.trim_start().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(LONGEST_QUOTATION).collect::<String>().trim_end().to_owned()
}

/// The innermost reason: "connection refused" says more than "connection error".
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    quote(&innermost.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_quoted_by_one_short_line_without_controls() {
        assert_eq!(quote("5.1.1 no such user\r\n5.1.1 really"), "5.1.1 no such user");
        assert_eq!(quote("\u{1b}[2Jgone\u{7}\u{0}"), "[2Jgone");
        assert_eq!(quote(&"x".repeat(1000)).len(), LONGEST_QUOTATION);
        assert_eq!(quote(""), "");
    }
}
