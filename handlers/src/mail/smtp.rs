//! `Smtp`: a mail server that mail is handed to (RFC 5321, RFC 6409), one after another over a
//! connection that is kept as long as there is more.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use super::destination::{Security, Server};
use super::message::Parcel;
use super::transport::{Failure, Secrets};

/// How long the server may take to say goodbye once it has the mail.
const GOODBYE: Duration = Duration::from_secs(1);

/// Mails that go over one connection: servers end it after some hundreds, and who does so first is not
/// surprised by it.
const MAILS_MAX: u32 = 100;

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
    /// The connection that the last mail went over, for the next one.
    kept: Mutex<Option<Box<Line>>>,
}

/// A connection that takes mail.
struct Line {
    connection: SmtpConnection,
    /// How many went over it.
    mails: u32,
}

/// A mail's text as it is sent (RFC 5321, section 4.5.2), with its end behind it and so in one piece.
/// An end that is sent by itself waits until the other system has acknowledged the rest, and that may
/// put it off for 40 ms.
struct Content<'t>(&'t str);

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
            // A kept connection may turn out to be dead before a new one is made.
            silence: timeout / 2,
            kept: Mutex::new(None),
        })
    }

    /// Hands a mail over. A server that lets nobody in is trouble; only what it says of this mail is
    /// about this mail.
    pub(super) fn deliver(&self, parcel: &Parcel) -> Result<(), Failure> {
        let line = self.line();
        let mut line = line.map_err(|error| Failure::Trouble(error.to_string()))?;
        let sent = send(&mut line.connection, parcel);
        line.mails += 1;
        if sent.is_ok() && line.mails < MAILS_MAX {
            *self.kept() = Some(line);
        } else {
            line.hang_up();
        }
        sent
    }

    /// Whether a connection is kept for the next mail.
    pub(super) fn is_connected(&self) -> bool {
        self.kept().is_some()
    }

    /// Ends the connection that is kept, if there is one.
    pub(super) fn hang_up(&self) {
        let kept = self.kept().take();
        if let Some(line) = kept {
            line.hang_up();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Box<Line>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was kept if the server still is at its end, or else a new one.
    fn line(&self) -> Result<Box<Line>, Error> {
        let kept = self.kept().take();
        if let Some(mut line) = kept
            && line.connection.test_connected()
        {
            return Ok(line);
        }
        let (connection, mails) = (self.connect()?, 0);
        Ok(Box::new(Line { connection, mails }))
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

impl Line {
    /// Says goodbye. What may go wrong from here on is no matter: the server has the mail, or it is
    /// known already that it has not.
    fn hang_up(mut self) {
        let _ = self.connection.set_timeout(Some(GOODBYE));
        let _ = self.connection.quit();
    }
}

impl fmt::Display for Content<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.split_inclusive('\n') {
            if line.starts_with('.') {
                formatter.write_str(".")?;
            }
            formatter.write_str(line)?;
        }
        if !self.0.ends_with("\r\n") {
            formatter.write_str("\r\n")?;
        }
        formatter.write_str(".\r\n")
    }
}

/// Hands a mail over.
fn send(connection: &mut SmtpConnection, parcel: &Parcel) -> Result<(), Failure> {
    let text = str::from_utf8(&parcel.bytes);
    let text = text.map_err(|error| Failure::Unsendable(error.to_string()))?;
    let (from, to) = (parcel.envelope.from(), parcel.envelope.to());
    let mail = Mail::new(from.cloned(), parameters(connection, parcel)?);
    let mut sent = connection.command(mail);
    for reader in to {
        sent = sent.and_then(|_| connection.command(Rcpt::new(reader.clone(), Vec::new())));
    }
    sent.and_then(|_| connection.command(Data))
        .and_then(|_| connection.command(Content(text)))
        .map(drop)
        .map_err(|error| failure(&error))
}

/// What the server has to be told of a mail that is not all ASCII (RFC 6152, RFC 6531).
fn parameters(connection: &SmtpConnection, parcel: &Parcel) -> Result<Vec<MailParameter>, Failure> {
    let envelope = &parcel.envelope;
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    let mut parameters = Vec::new();
    for (is_ascii, extension, parameter) in [
        (
            addresses.all(|address| address.user().is_ascii() && address.domain().is_ascii()),
            Extension::SmtpUtfEight,
            MailParameter::SmtpUtfEight,
        ),
        (
            parcel.bytes.is_ascii(),
            Extension::EightBitMime,
            MailParameter::Body(MailBodyParameter::EightBitMime),
        ),
    ] {
        if is_ascii {
            continue;
        }
        if !connection.server_info().supports_feature(extension) {
            let reason = format!("the mail is not all ASCII, and the server has no {extension}");
            return Err(Failure::Refused(reason));
        }
        parameters.push(parameter);
    }
    Ok(parameters)
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
    if error.is_permanent() {
        Failure::Refused(error.to_string())
    } else {
        Failure::Trouble(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sent_with_its_end_and_does_not_end_before() {
        let check = |text: &str, expected: &str| assert_eq!(Content(text).to_string(), expected);
        check("a\r\n", "a\r\n.\r\n");
        check("a", "a\r\n.\r\n");
        check("", "\r\n.\r\n");
        check(".\r\n", "..\r\n.\r\n");
        check("a\r\n.\r\nb.\r\n..\r\n", "a\r\n..\r\nb.\r\n...\r\n.\r\n");
        check("a\n.\nb", "a\n..\nb\r\n.\r\n");
    }
}
