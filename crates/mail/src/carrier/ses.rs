//! Amazon SES: the same bytes an SMTP server gets, by its API.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::Builder;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, RawMessage};
use doorward_identity::mail::PostError;

use super::{innermost, quote};
use crate::message::Envelope;

/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Ses {
    client: Client,
    timeout: Duration,
}

impl Ses {
    pub(crate) fn new(sdk: &SdkConfig, timeout: Duration) -> Self {
        let patience = TimeoutConfig::builder().connect_timeout(CONNECT_PATIENCE).operation_timeout(timeout).build();
        // The outbox tries again; an SDK that did too would send what was only answered late twice.
        let config = Builder::from(sdk).timeout_config(patience).retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), timeout }
    }

    pub(crate) async fn carry(&self, envelope: &Envelope) -> Result<(), PostError> {
        if !envelope.to.user().is_ascii() {
            return Err(PostError::Never(
                "Amazon SES carries only addresses with ASCII letters before the @".to_owned(),
            ));
        }
        let raw = RawMessage::builder().data(Blob::new(envelope.bytes.as_slice())).build();
        let raw = raw.map_err(|error| PostError::Never(error.to_string()))?;
        let sent = self
            .client
            .send_email()
            .from_email_address(envelope.from.to_string())
            .destination(Destination::builder().to_addresses(envelope.to.to_string()).build())
            .content(EmailContent::builder().raw(raw).build())
            .send();
        self.in_time(sent, is_about_the_letter).await.map(drop)
    }

    pub(crate) async fn probe(&self) -> Result<String, PostError> {
        let account = self.in_time(self.client.get_account().send(), |_| false).await?;
        if !account.sending_enabled() {
            return Err(PostError::Later("Amazon SES has paused sending for this account and region".to_owned()));
        }
        Ok(if account.production_access_enabled() {
            "Amazon SES sends for this account".to_owned()
        } else {
            "Amazon SES answers; the account is in its sandbox: only verified recipients get mail".to_owned()
        })
    }

    /// The SDK's own limit leaves out what comes before a request: finding credentials.
    async fn in_time<T, E>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E>>>,
        is_about_the_letter: fn(&E) -> bool,
    ) -> Result<T, PostError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let late = || PostError::Later(format!("Amazon SES did not answer within {} s", self.timeout.as_secs_f32()));
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failure(&error, is_about_the_letter)),
            Err(_) => Err(late()),
        }
    }
}

fn failure<E>(error: &SdkError<E>, is_about_the_letter: fn(&E) -> bool) -> PostError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Some(refusal) = error.as_service_error() else {
        return PostError::Later(format!("Amazon SES cannot be asked: {}", innermost(error)));
    };
    let code = refusal.code().unwrap_or("an error without a name");
    let text = format!("Amazon SES refuses: {code}: {}", quote(refusal.message().unwrap_or_default()));
    if is_about_the_letter(refusal) { PostError::Never(text) } else { PostError::Later(text) }
}

/// Whether the refusal stands for good. What an operator can mend does not: quotas, suspended or paused accounts,
/// missing rights, and senders or, in the sandbox, recipients that are not verified yet.
fn is_about_the_letter(refusal: &SendEmailError) -> bool {
    match refusal {
        SendEmailError::MessageRejected(rejected) => !rejected.message().unwrap_or_default().contains("not verified"),
        SendEmailError::BadRequestException(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
