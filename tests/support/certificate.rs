//! Certificates for servers of tests, and the authorities that vouch for them.

use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
pub struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// One that nobody knows yet.
    ///
    /// # Panics
    /// As all here does when no key can be made, or a name is none.
    pub fn new() -> Authority {
        let key = key();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("it signs itself").pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem }
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a name or an address.
    pub fn certificate(&self, name: &str) -> Certificate {
        self.sign(&params(name))
    }

    /// One whose time is over.
    pub fn expired(&self, name: &str) -> Certificate {
        let mut params = params(name);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(&params)
    }

    /// One whose time has not come.
    pub fn early(&self, name: &str) -> Certificate {
        let mut params = params(name);
        params.not_before = date_time_ymd(4000, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Certificate {
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.expect("it is signed");
        Certificate { certificate, key }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Authority::new()
    }
}

impl Certificate {
    /// One that nobody signed but its owner.
    ///
    /// # Panics
    /// When no key can be made, or the name is none.
    pub fn self_signed(name: &str) -> Certificate {
        Certificate::sign_itself(&params(name))
    }

    /// One that nobody signed but its owner, who may sign others with it.
    ///
    /// # Panics
    /// As [`Certificate::self_signed`].
    pub fn of_authority(name: &str) -> Certificate {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Certificate::sign_itself(&params)
    }

    fn sign_itself(params: &CertificateParams) -> Certificate {
        let key = key();
        let certificate = params.self_signed(&key);
        let certificate = certificate.expect("it signs itself");
        Certificate { certificate, key }
    }

    /// For rustls.
    ///
    /// # Panics
    /// Never: keys that are made here are keys.
    pub fn into_der(self) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::try_from(self.key.serialize_der());
        (self.certificate.der().clone(), key.expect("a key"))
    }

    /// The certificate and its key, each for a file.
    pub fn pem(&self) -> (String, String) {
        (self.certificate.pem(), self.key.serialize_pem())
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key can be made")
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("a name")
}
