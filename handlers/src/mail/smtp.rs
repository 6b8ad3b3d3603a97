//! `Smtp`: a mail server that mail is handed to (RFC 5321, RFC 6409), a connection for each mail.

use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;

use super::destination::{Security, Server};
use super::message::Parcel;
use super::transport::{Failure, Secrets};

/// How long the server may take to say goodbye once it has the mail.
const GOODBYE: Duration = Duration::from_secs(1);

/// How a certificate begins in PEM (RFC 7468).
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A mail server.
pub(super) struct Smtp {
    server: Server,
    /// What its certificate is checked with; `None`: there is no TLS.
    tls: Option<TlsParameters>,
    /// Who logs in. Does not show the password.
    login: Option<Credentials>,
    /// How long the server may keep silent.
    silence: Duration,
}

impl Smtp {
    /// `timeout` is how long one mail may take.
    ///
    /// # Errors
    /// When the secrets are not those that the server needs.
    pub(super) fn new(
        server: &Server,
        secrets: Secrets,
        timeout: Duration,
    ) -> Result<Smtp, String> {
        let login = match (&server.user, secrets.password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password)),
            (Some(_), None) => return Err("the mail server's user has no password".to_owned()),
            (None, Some(_)) => return Err("the mail server's password has no user".to_owned()),
            (None, None) => None,
        };
        let tls = match server.security {
            Security::StartTls | Security::Tls => {
                Some(tls(&server.host, secrets.authorities.as_deref())?)
            }
            Security::Plain => None,
        };
        Ok(Smtp {
            server: server.clone(),
            tls,
            login,
            // A server that falls silent is asked to close before it is left, which takes as long
            // once more.
            silence: timeout / 2,
        })
    }

    /// Hands a mail over. A server that lets nobody in is trouble; only what it says of this mail is
    /// about this mail.
    pub(super) fn deliver(&self, parcel: &Parcel) -> Result<(), Failure> {
        let connection = self.connect();
        let mut connection = connection.map_err(|error| Failure::Trouble(error.to_string()))?;
        connection
            .send(&parcel.envelope, &parcel.bytes)
            .map_err(|error| failure(&error))?;
        // It has the mail. What may go wrong from here on is no matter.
        let _ = connection.set_timeout(Some(GOODBYE));
        let _ = connection.quit();
        Ok(())
    }

    /// A connection that takes mail: encrypted and logged in, as the server is to be spoken to.
    fn connect(&self) -> Result<SmtpConnection, Error> {
        let (host, port) = (self.server.host.as_str(), self.server.port);
        let (me, silence) = (ClientId::default(), Some(self.silence));
        let at_once = self
            .tls
            .as_ref()
            .filter(|_| self.server.security == Security::Tls);
        let mut connection = SmtpConnection::connect((host, port), silence, &me, at_once, None)?;
        if let Some(tls) = self.tls.as_ref().filter(|_| at_once.is_none()) {
            connection.starttls(tls, &me)?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login)?;
        }
        Ok(connection)
    }
}

fn tls(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authorities {
        // A text without any would be no fault of its own.
        let has_one = pem.windows(PEM_BEGIN.len()).any(|part| part == PEM_BEGIN);
        let certificate = Certificate::from_pem(pem).ok().filter(|_| has_one);
        let certificate = certificate.ok_or("there are no certificates in PEM")?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    builder.build().map_err(|error| error.to_string())
}

fn failure(error: &Error) -> Failure {
    // The second: an address beyond ASCII, and a server that does not know such.
    if error.is_permanent() || error.is_client() {
        Failure::Refused(error.to_string())
    } else {
        Failure::Trouble(error.to_string())
    }
}
