//! `Trust`: whose word is taken for who a server is; and the settings of TLS made from it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The authorities whose certificates a client believes.
///
/// [`Trust::web`], the default, has those that browsers trust, as Mozilla lists them. The list is
/// built in: it needs no file, is the same on every machine, and is as old as the build. A machine
/// with a list of its own has it as a file of PEM certificates, mostly
/// `/etc/ssl/certs/ca-certificates.crt`, and so have companies with an authority of their own:
///
/// ```no_run
/// use container::client::{Client, Trust};
///
/// let company = std::fs::read("/etc/company/authority.pem")?;
/// let client = Client::builder().trust(Trust::web().with_pem(&company)?).build();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trust {
    roots: RootCertStore,
}

/// Why a text adds nobody to a [`Trust`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustError {
    /// There is no certificate in it.
    Empty,
    /// It is not PEM (RFC 7468).
    Pem,
    /// What it has is no certificate of an authority.
    Certificate,
}

impl Trust {
    /// Whom browsers trust.
    pub fn web() -> Trust {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Trust { roots }
    }

    /// Nobody, before [`with_pem`](Self::with_pem) adds somebody.
    pub fn nobody() -> Trust {
        Trust {
            roots: RootCertStore::empty(),
        }
    }

    /// The same, and those whose certificates this text has, one or more of them in PEM.
    ///
    /// # Errors
    /// When it has none, or something else.
    pub fn with_pem(mut self, pem: &[u8]) -> Result<Trust, TrustError> {
        let before = self.roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| TrustError::Pem)?;
            let added = self.roots.add(certificate);
            added.map_err(|_| TrustError::Certificate)?;
        }
        if self.roots.len() == before {
            return Err(TrustError::Empty);
        }
        Ok(self)
    }

    /// The settings of connections that go by it, on which `protocol` is spoken, a name of RFC 7301:
    /// for [`TlsStream::connect`](crate::net::TlsStream::connect), where the protocol is not HTTP.
    pub fn config(self, protocol: &[u8]) -> Arc<ClientConfig> {
        // Named, so that another crate's choice for the whole process does not matter.
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has what the default versions need")
            .with_root_certificates(self.roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    }
}

impl Default for Trust {
    fn default() -> Trust {
        Trust::web()
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            TrustError::Empty => "there is no certificate",
            TrustError::Pem => "the certificates are not in PEM",
            TrustError::Certificate => "what should be an authority's certificate is none",
        })
    }
}

impl Error for TrustError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pem: &str, expected: TrustError) {
        assert_eq!(
            Trust::nobody().with_pem(pem.as_bytes()).err(),
            Some(expected)
        );
    }

    #[test]
    fn what_is_no_certificate_is_said() {
        check("", TrustError::Empty);
        check("hello", TrustError::Empty);
        check("-----BEGIN CERTIFICATE-----\nhello\n", TrustError::Pem);
        let other = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        check(other, TrustError::Certificate);
    }

    #[test]
    fn the_web_is_trusted_unless_told_otherwise() {
        assert!(Trust::default().roots.len() > 50);
        assert!(Trust::nobody().roots.is_empty());
    }
}
