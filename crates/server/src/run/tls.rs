//! TLS at the front: which certificate is shown, and how a newer one takes its place without a restart.
//!
//! Owns the files and the terms of every handshake. Knows nothing of what is spoken inside.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Where the certificate is.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The certificate and those that lead to its root, in PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key, in PEM.
    pub(crate) key: PathBuf,
}

/// The certificate cannot be used. Says which file is at fault and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path} of {setting}: {source}; check the path and that Doorward may read it")]
    Unreadable { path: String, setting: &'static str, source: io::Error },
    /// A file is not what it should be.
    #[error("{path} of {setting} holds no {what} in PEM; a line -----BEGIN … begins one")]
    NotPem { path: String, setting: &'static str, what: &'static str },
    /// The two files are not of one pair, or of a kind that is not supported.
    #[error("the certificate in {certificate} cannot be used with the key in {key}: {reason}")]
    Pair { certificate: String, key: String, reason: rustls::Error },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Terms(rustls::Error),
}

/// TLS for the addresses of a server.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    files: Arc<TlsFiles>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the certificate, so that a server that could not show one does not start.
    pub(crate) async fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let shown = Arc::new(Shown { current: RwLock::new(Arc::new(read(&files, &provider).await?)), provider });
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&shown.provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Terms)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as _);
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Terms)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown, files: Arc::new(files) })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Looks at the files from time to time and at every SIGHUP, and shows what is new in them to whoever
    /// connects next. Never ends by itself.
    pub(crate) fn follow_files(&self) -> io::Result<impl Future<Output = ()> + use<>> {
        let mut hangup = signal(SignalKind::hangup())?;
        let tls = self.clone();
        Ok(async move {
            let mut look = interval(LOOK_EVERY);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut fault = None;
            loop {
                tokio::select! {
                    _ = look.tick() => {}
                    _ = hangup.recv() => {}
                }
                fault = tls.look(fault).await;
            }
        })
    }

    /// Looks at the files once. A fault is said when it is not the one of last time.
    async fn look(&self, known: Option<String>) -> Option<String> {
        match read(&self.files, &self.shown.provider).await {
            Ok(found) => {
                if self.shown.replace(found) {
                    tracing::info!("a new certificate is shown");
                } else if known.is_some() {
                    tracing::info!("the certificate files can be used again");
                }
                None
            }
            Err(error) => {
                let fault = error.to_string();
                if known.as_ref() != Some(&fault) {
                    tracing::error!(%error, "the certificate files cannot be used; the old certificate is shown on");
                }
                Some(fault)
            }
        }
    }
}

/// Whether client and server have agreed to speak HTTP/2.
pub(super) fn agreed_on_http2<Io>(stream: &TlsStream<Io>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// The certificate of the moment.
struct Shown {
    current: RwLock<Arc<CertifiedKey>>,
    provider: Arc<CryptoProvider>,
}

impl Shown {
    fn current(&self) -> Arc<CertifiedKey> {
        // A panic elsewhere leaves a whole certificate behind: it is replaced in one step.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether `found` is another one.
    fn replace(&self, found: CertifiedKey) -> bool {
        let is_new = self.current().cert != found.cert;
        if is_new {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        }
        is_new
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// The certificate in the files, which the key must fit.
async fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    const CERTIFICATE: &str = "server.tls.certificate";
    const KEY: &str = "server.tls.key";
    let text = contents(&files.certificate, CERTIFICATE).await?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, pem::Error>>().unwrap_or_default();
    if chain.is_empty() {
        return Err(not_pem(&files.certificate, CERTIFICATE, "certificate"));
    }
    let text = contents(&files.key, KEY).await?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| not_pem(&files.key, KEY, "private key"))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|reason| TlsError::Pair {
        certificate: files.certificate.display().to_string(),
        key: files.key.display().to_string(),
        reason,
    })
}

async fn contents(path: &Path, setting: &'static str) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.display().to_string(), setting, source };
    tokio::fs::read(path).await.map_err(unreadable)
}

fn not_pem(path: &Path, setting: &'static str, what: &'static str) -> TlsError {
    TlsError::NotPem { path: path.display().to_string(), setting, what }
}
