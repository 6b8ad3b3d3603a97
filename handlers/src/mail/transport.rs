//! `Transport`: where mail goes, with all that is needed to get it there. What is called here may wait, and belongs on a thread of the
//! blocking pool.

use std::fmt;
use std::time::Duration;

use super::destination::Destination;
use super::message::Parcel;
use super::outbox::Outbox;
use super::smtp::Smtp;

/// Where mail goes.
pub struct Transport {
    kind: Kind,
    /// How long one mail may take.
    timeout: Duration,
}

enum Kind {
    Outbox(Outbox),
    Smtp(Smtp),
}

/// What a mail server asks for, besides its name.
#[derive(Default)]
pub struct Secrets {
    /// The password of the user who logs in.
    pub password: Option<String>,
    /// Certificates (PEM) of those who may vouch for the server, in place of those of the web.
    pub authorities: Option<Vec<u8>>,
}

/// Mail cannot go there: why, and what to do about it.
#[derive(Debug)]
pub struct TransportError(String);

/// A mail was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may go another time: the server is not there, or busy, or does not let us in.
    Trouble(String),
    /// The server will not have this mail (RFC 5321, section 4.2.1: 5yz).
    Refused(String),
    /// It is no mail.
    Unsendable(String),
}

impl Transport {
    /// An outbox, which is made when there is mail, or a mail server, which may be absent now.
    /// `timeout` is how long one mail may take.
    ///
    /// # Errors
    /// When the secrets are not what is needed.
    pub fn new(
        destination: &Destination,
        secrets: Secrets,
        timeout: Duration,
    ) -> Result<Transport, TransportError> {
        let kind = match destination {
            Destination::Outbox(folder) => Kind::Outbox(Outbox::new(folder.clone())),
            Destination::Smtp(server) => {
                let smtp = Smtp::new(server, secrets, timeout);
                Kind::Smtp(smtp.map_err(TransportError)?)
            }
        };
        Ok(Transport { kind, timeout })
    }

    /// Makes an outbox now, so that one which cannot be made is told at once.
    ///
    /// # Errors
    /// When it cannot.
    pub fn prepare(&self) -> Result<(), TransportError> {
        match &self.kind {
            Kind::Outbox(outbox) => outbox.prepare().map_err(TransportError),
            Kind::Smtp(_) => Ok(()),
        }
    }

    /// How long one mail may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a mail, and waits until whoever takes it is answerable for it.
    ///
    /// # Errors
    /// When it was not sent; of a connection that is lost at the very end nobody knows.
    pub(super) fn deliver(&self, parcel: &Parcel) -> Result<(), Failure> {
        match &self.kind {
            Kind::Outbox(outbox) => outbox.deliver(parcel).map_err(Failure::Trouble),
            Kind::Smtp(smtp) => smtp.deliver(parcel),
        }
    }

    /// Whether there is anything to hang up.
    pub(super) fn is_connected(&self) -> bool {
        match &self.kind {
            Kind::Outbox(_) => false,
            Kind::Smtp(smtp) => smtp.is_connected(),
        }
    }

    /// Ends what was kept for the next mail; waits for a moment.
    pub(super) fn hang_up(&self) {
        match &self.kind {
            Kind::Outbox(_) => {}
            Kind::Smtp(smtp) => smtp.hang_up(),
        }
    }
}

/// Without the secrets.
impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Outbox(_) => "outbox",
            Kind::Smtp(_) => "smtp",
        };
        formatter
            .debug_struct("Transport")
            .field("kind", &kind)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for TransportError {}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Trouble(reason) | Failure::Unsendable(reason) => formatter.write_str(reason),
            Failure::Refused(reason) => write!(formatter, "refused: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said_at_the_start() {
        let check = |destination: &str, secrets: Secrets, expected: &str| {
            let destination = destination.parse().unwrap();
            let made = Transport::new(&destination, secrets, Duration::from_secs(1));
            let said = made
                .and_then(|transport| transport.prepare())
                .err()
                .map(|error| error.to_string());
            assert!(
                said.as_ref().is_some_and(|said| said.contains(expected)),
                "{said:?}"
            );
        };
        let password = |password: &str| Secrets {
            password: Some(password.to_owned()),
            ..Secrets::default()
        };
        let authorities = |pem: &str| Secrets {
            authorities: Some(pem.as_bytes().to_vec()),
            ..Secrets::default()
        };
        check("smtps://ada@host", Secrets::default(), "has no password");
        check("smtps://host", password("secret"), "has no user");
        check("smtps://host", authorities("no certificate"), "PEM");
        check("smtps://host", authorities(""), "PEM");
        check(
            "outbox:/dev/null/mail",
            Secrets::default(),
            "/dev/null/mail",
        );
    }
}
