//! Whose certificates servers may show: the machine's roots, and what the operator adds to them.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The certificates to trust beside the machine's are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the extra certificates are no PEM certificates")]
pub struct BadCertificates;

/// What TLS is spoken with.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    extra: Vec<CertificateDer<'static>>,
    /// Made when https is first spoken: reading a machine's root certificates takes longer than starting.
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Trust {
    /// Trusts the machine's roots (`SSL_CERT_FILE` names others) and those in `extra_ca`.
    pub(crate) fn new(extra_ca: Option<&[u8]>) -> Result<Self, BadCertificates> {
        let extra = match extra_ca {
            Some(pem) => CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| BadCertificates)?,
            None => Vec::new(),
        };
        let mut acceptable = RootCertStore::empty();
        for certificate in &extra {
            acceptable.add(certificate.clone()).map_err(|_| BadCertificates)?;
        }
        // A file without any certificate is another file than was meant.
        if extra_ca.is_some() && extra.is_empty() {
            Err(BadCertificates)
        } else {
            Ok(Self { extra, tls: Arc::default() })
        }
    }

    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make()?);
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }

    fn make(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let machine = rustls_native_certs::load_native_certs();
        for error in machine.errors {
            tracing::warn!(%error, "a root certificate of this machine cannot be read");
        }
        roots.add_parsable_certificates(machine.certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        if roots.is_empty() {
            return Err(rustls::Error::General("this machine has no root certificates".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(versions.with_root_certificates(roots).with_no_client_auth())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told_at_once() {
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [b"".as_slice(), b"no certificate", key, broken] {
            assert_eq!(Trust::new(Some(pem)).err(), Some(BadCertificates));
        }
        assert!(Trust::new(None).is_ok());
    }
}
