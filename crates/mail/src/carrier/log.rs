//! The log as a carrier: in development letters are read there; elsewhere nothing pretends that mail was sent.

use doorward_identity::mail::PostError;

use crate::message::Envelope;

pub(crate) struct Log {
    pub(crate) shows_letters: bool,
}

impl Log {
    pub(crate) fn carry(&self, envelope: &Envelope) -> Result<(), PostError> {
        self.judge()?;
        let written = &envelope.written;
        tracing::info!(
            mail.id = %envelope.id,
            mail.to = %envelope.to,
            mail.subject = %written.subject,
            "mail.url is log: this letter is shown here and sent nowhere\n\n{}",
            written.text
        );
        Ok(())
    }

    pub(crate) fn probe(&self) -> Result<String, PostError> {
        self.judge().map(|()| "letters are shown in the log and sent nowhere (mail.url is log:)".to_owned())
    }

    fn judge(&self) -> Result<(), PostError> {
        if self.shows_letters {
            return Ok(());
        }
        Err(PostError::Never(
            "mail.url is log:, which sends nothing outside development; name a server there (smtp://, smtps:// or ses:)"
                .to_owned(),
        ))
    }
}
