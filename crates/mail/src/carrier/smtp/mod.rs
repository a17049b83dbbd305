//! SMTP (RFC 5321): one connection a message, one deadline over everything, and whose fault a refusal is.
//!
//! Mail of accounts is rare, so a kept connection would be dead as often as not, and its death be told as a failure
//! of the letter. A connection of its own also lets each answer be read for what it was an answer to.

mod answer;
mod dial;
mod settings;

use std::sync::OnceLock;
use std::time::Duration;

use doorward_identity::mail::PostError;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::Terms;
use crate::message::Envelope;
use answer::{Step, failure};
pub use settings::{BadSmtpUrl, SmtpSettings};
use settings::{Login, Security};

/// How long a server may take to say goodbye after it took a message.
const FAREWELL: Duration = Duration::from_secs(1);

/// The certificates to trust beside the machine's are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the extra certificates are no PEM certificates")]
pub(crate) struct BadCertificates;

/// A server that carries messages.
pub(crate) struct Smtp {
    settings: SmtpSettings,
    hello: ClientId,
    timeout: Duration,
    extra_ca: Option<Certificate>,
    /// Made when TLS is first spoken: reading a machine's root certificates takes longer than starting.
    tls: OnceLock<TlsParameters>,
}

impl Smtp {
    pub(crate) fn new(settings: SmtpSettings, terms: &Terms<'_>) -> Result<Self, BadCertificates> {
        let extra_ca = terms.extra_ca.map(certificates).transpose()?;
        let hello = client_id(terms.public_url);
        Ok(Self { settings, hello, timeout: terms.timeout, extra_ca, tls: OnceLock::new() })
    }

    /// Hands a message over.
    pub(crate) async fn carry(&self, envelope: &Envelope) -> Result<(), PostError> {
        let connection = self.in_time(async {
            let mut connection = self.connect().await?;
            self.deliver(&mut connection, envelope).await?;
            Ok(connection)
        });
        farewell(connection.await?).await;
        Ok(())
    }

    /// Does all but send.
    pub(crate) async fn probe(&self) -> Result<String, PostError> {
        farewell(self.in_time(self.connect()).await?).await;
        let spoken = match self.settings.security {
            Security::None => "without TLS",
            Security::StartTls | Security::Tls => "over TLS",
        };
        let signs_in = self.settings.login(&self.settings.url.current()).is_some();
        let signed_in = if signs_in { ", and took the sign-in" } else { "" };
        Ok(format!("{} answers {spoken}{signed_in}", self.settings))
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, PostError>>) -> Result<T, PostError> {
        let late = || format!("{} did not answer completely within {} s", self.settings, self.timeout.as_secs_f32());
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| Err(PostError::Later(late())))
    }

    /// Connects, encrypts and signs in; if that is refused, once more as somebody else who is said by now.
    async fn connect(&self) -> Result<AsyncSmtpConnection, PostError> {
        let fail = |error: &Error| failure(&self.settings, Step::SignIn, error);
        let mut connection = self.reach().await?;
        let url = self.settings.url.current();
        let Err(refusal) = self.sign_in(&mut connection, &url).await else { return Ok(connection) };
        farewell(connection).await;
        let is_refused = refusal.is_permanent() && refusal.status().is_some();
        let renewed = if is_refused { self.settings.url.after_refusal(&url).await } else { None };
        let Some(renewed) = renewed else { return Err(fail(&refusal)) };
        let mut connection = self.reach().await?;
        self.sign_in(&mut connection, &renewed).await.map_err(|error| fail(&error))?;
        Ok(connection)
    }

    async fn sign_in(&self, connection: &mut AsyncSmtpConnection, url: &SecretString) -> Result<(), Error> {
        let Some(Login { user, password }) = self.settings.login(url) else { return Ok(()) };
        let credentials = Credentials::new(user, password.expose_secret().to_owned());
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map(drop)
    }

    /// Connects and encrypts.
    async fn reach(&self) -> Result<AsyncSmtpConnection, PostError> {
        let fail = |step| move |error| failure(&self.settings, step, &error);
        let addresses = dial::resolve(&self.settings).await?;
        let mut connection = match self.settings.security {
            Security::Tls => {
                let tls = Some(self.tls()?);
                let patience = Some(self.timeout / 3);
                AsyncSmtpConnection::connect_tokio1(&addresses[..], patience, &self.hello, tls, None)
                    .await
                    .map_err(fail(Step::Connect))?
            }
            Security::StartTls | Security::None => {
                let stream = dial::connect(&self.settings, &addresses, self.timeout / 3).await?;
                AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello)
                    .await
                    .map_err(fail(Step::Connect))?
            }
        };
        if self.settings.security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(PostError::Later(format!(
                    "{} does not offer STARTTLS: write smtps:// if it speaks TLS from the start",
                    self.settings
                )));
            }
            connection.starttls(self.tls()?, &self.hello).await.map_err(fail(Step::Encrypt))?;
        }
        Ok(connection)
    }

    async fn deliver(&self, connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), PostError> {
        let fail = |step| move |error| failure(&self.settings, step, &error);
        let mut parameters = Vec::new();
        if !envelope.to.user().is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(PostError::Never(format!(
                    "{} carries only addresses with ASCII letters before the @ (no SMTPUTF8)",
                    self.settings
                )));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let sender = Mail::new(Some(envelope.from.clone()), parameters);
        connection.command(sender).await.map_err(fail(Step::Sender))?;
        let recipient = Rcpt::new(envelope.to.clone(), Vec::new());
        connection.command(recipient).await.map_err(fail(Step::Recipient))?;
        connection.command(Data).await.map_err(fail(Step::Message))?;
        connection.message(&envelope.bytes).await.map_err(fail(Step::Message))?;
        Ok(())
    }

    fn tls(&self) -> Result<TlsParameters, PostError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let mut builder = TlsParameters::builder(self.settings.host_name());
        if let Some(extra_ca) = &self.extra_ca {
            builder = builder.add_root_certificate(extra_ca.clone());
        }
        let made =
            builder.build_rustls().map_err(|error| PostError::Later(format!("TLS cannot be spoken: {error}")))?;
        Ok(self.tls.get_or_init(|| made).clone())
    }
}

/// What was handed over stays so however the goodbye goes.
async fn farewell(mut connection: AsyncSmtpConnection) {
    let _ = tokio::time::timeout(FAREWELL, connection.abort()).await;
}

/// Reads the certificates and sees that each can be an authority, long before they are needed.
fn certificates(pem: &[u8]) -> Result<Certificate, BadCertificates> {
    let certificates = Certificate::from_pem(pem).map_err(|_| BadCertificates)?;
    let trial = TlsParameters::builder("trial".to_owned()).certificate_store(CertificateStore::None);
    trial.add_root_certificate(certificates.clone()).build_rustls().map_err(|_| BadCertificates)?;
    Ok(certificates)
}

/// What Doorward calls itself: the host at which it is reached.
fn client_id(public_url: &str) -> ClientId {
    match Url::parse(public_url).ok().and_then(|url| url.host().map(|host| host.to_owned())) {
        Some(Host::Domain(name)) => ClientId::Domain(name),
        Some(Host::Ipv4(ip)) => ClientId::Ipv4(ip),
        Some(Host::Ipv6(ip)) => ClientId::Ipv6(ip),
        None => ClientId::default(),
    }
}
