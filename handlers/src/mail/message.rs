//! A mail as the bytes that are sent (RFC 5322, MIME), and in whose name.
//!
//! What comes from strangers, the reader's address above all, is checked here: no line of a head can
//! be begun by it.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use sha2::{Digest, Sha256};

use crate::store::QueuedMail;

/// Hexadecimal digits in the name of a mail: enough to tell all mails of a queue apart.
const NAME_DIGITS: usize = 16;

/// In whose name mail is sent: `noreply@example.org`, or `Example <noreply@example.org>`.
///
/// ```
/// use handlers::mail::Origin;
///
/// let origin: Origin = "Example <noreply@example.org>".parse()?;
/// assert_eq!(origin.to_string(), "Example <noreply@example.org>");
/// assert!("nobody".parse::<Origin>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    mailbox: Mailbox,
}

/// A mail that is ready to go.
pub(super) struct Parcel {
    /// The same for the same mail of the same queue, however often it is sent; a file name.
    pub(super) name: String,
    /// From whom and to whom.
    pub(super) envelope: Envelope,
    /// Head and body, in lines that end in CR LF.
    pub(super) bytes: Vec<u8>,
}

impl Parcel {
    /// Makes a mail ready.
    ///
    /// # Errors
    /// Says what is wrong with it, when it can never be sent.
    pub(super) fn new(origin: &Origin, queued: &QueuedMail) -> Result<Parcel, String> {
        let mail = &queued.mail;
        let reader = reader(&mail.to)?;
        let name = name(queued);
        // Out-of-office programs leave alone what says this (RFC 3834, section 5).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let automatic = HeaderValue::new(automatic, "auto-generated".to_owned());
        let message = Message::builder()
            .from(origin.mailbox.clone())
            .to(reader)
            .subject(&*mail.subject)
            // Who gets it twice, which a crash can do, can tell.
            .message_id(Some(format!("<{name}@{}>", origin.mailbox.email.domain())))
            .raw_header(automatic)
            .multipart(MultiPart::alternative_plain_html(
                mail.text.clone(),
                mail.html.clone(),
            ))
            .map_err(|error| error.to_string())?;
        Ok(Parcel {
            name,
            envelope: message.envelope().clone(),
            bytes: message.formatted(),
        })
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Origin, String> {
        check(text)?;
        let mailbox: Mailbox = text.parse().map_err(|_| {
            "not an address such as noreply@example.org or Name <noreply@example.org>".to_owned()
        })?;
        Ok(Origin { mailbox })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mailbox.fmt(formatter)
    }
}

/// The domain of an address that mail can be written to.
///
/// # Errors
/// Says why it cannot.
pub(crate) fn domain_of(address: &str) -> Result<&str, String> {
    reader(address)?;
    let parts = address.rsplit_once('@');
    parts.map(|(_, domain)| domain).ok_or_else(unwritable)
}

/// The mailbox of a reader, without a name.
fn reader(address: &str) -> Result<Mailbox, String> {
    check(address)?;
    let wrong = |error| format!("not an address: {error}");
    let mailbox = Mailbox::new(None, address.parse().map_err(wrong)?);
    // It has to be read from the head again: the envelope is made of what is there.
    match mailbox.to_string().parse() {
        Ok(read) if mailbox == read => Ok(mailbox),
        _ => Err(unwritable()),
    }
}

fn unwritable() -> String {
    "an address that cannot stand in the head of a mail".to_owned()
}

/// The grammar allows quoted blanks and control characters in an address; nobody has them.
fn check(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err("an address with control characters".to_owned());
    }
    Ok(())
}

fn name(queued: &QueuedMail) -> String {
    let mail = &queued.mail;
    let mut hash = Sha256::new();
    for part in [&mail.to, &mail.subject, &mail.text] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut name = format!("{:08}-", queued.id);
    for byte in &hash.finalize()[..NAME_DIGITS / 2] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use crate::store::NewMail;

    use super::*;

    fn queued(to: &str, subject: &str) -> QueuedMail {
        QueuedMail {
            id: 7,
            mail: NewMail {
                to: to.to_owned(),
                subject: subject.to_owned(),
                text: "Grüße\n.\nhttps://example.org/token\n".to_owned(),
                html: "<p>Gr&uuml;&szlig;e</p>\n".to_owned(),
            },
            attempts: 0,
        }
    }

    fn origin() -> Origin {
        "Example <noreply@example.org>".parse().unwrap()
    }

    /// The fields of the head, with those that go on in another line in one piece.
    fn head(parcel: &Parcel) -> Vec<String> {
        let text = String::from_utf8(parcel.bytes.clone()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn it_has_both_texts_and_says_who_wrote_it() {
        let parcel = Parcel::new(&origin(), &queued("ada@example.org", "Hello")).unwrap();
        let head = head(&parcel);
        let has = |line: &str| assert!(head.iter().any(|field| field == line), "{line}: {head:?}");
        has("From: Example <noreply@example.org>");
        has("To: ada@example.org");
        has("Subject: Hello");
        has("Auto-Submitted: auto-generated");
        has(&format!("Message-ID: <{}@example.org>", parcel.name));
        let text = String::from_utf8(parcel.bytes).unwrap();
        assert!(text.is_ascii() && !text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.contains("multipart/alternative") && text.contains("text/html"));
        assert!(text.contains("text/plain") && text.contains("https://example.org/token"));
    }

    #[test]
    fn the_same_mail_has_the_same_name_and_no_other_has() {
        let name = |queued: &QueuedMail| Parcel::new(&origin(), queued).unwrap().name;
        let mail = queued("ada@example.org", "Hello");
        let mut later = mail.clone();
        later.attempts = 3;
        assert_eq!(name(&mail), name(&later));
        later.id = 8;
        assert_ne!(name(&mail), name(&later));
        // Another database counts from 1 too.
        assert_ne!(name(&mail), name(&queued("bob@example.org", "Hello")));
    }

    #[test]
    fn no_value_begins_a_line_of_the_head() {
        for to in [
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org\nBcc: eve@example.org",
            "ada@example.org\0",
            "\"ada\r\nBcc: eve\"@example.org",
            "\"a\tb\"@example.org",
            "\"<x>\"@example.org",
            "\"a b\"@example.org",
            "ada@example.org, eve@example.org",
            "ada@example.org> RCPT TO:<eve@example.org",
            "Ada <ada@example.org>",
            "ada",
            "",
        ] {
            assert!(
                Parcel::new(&origin(), &queued(to, "Hello")).is_err(),
                "{to:?}"
            );
        }
        for subject in [
            "Hello\r\nBcc: eve@example.org",
            "Hello\nBcc: eve@example.org",
            "Hello\rBcc: eve@example.org",
            "Hello\r\n\r\nbody",
        ] {
            let parcel = Parcel::new(&origin(), &queued("ada@example.org", subject)).unwrap();
            let head = head(&parcel);
            assert!(
                !head
                    .iter()
                    .any(|field| field.starts_with("Bcc") || field == "body"),
                "{subject:?}: {head:?}"
            );
            let plain = Parcel::new(&origin(), &queued("ada@example.org", "Hello")).unwrap();
            assert_eq!(head.len(), self::head(&plain).len(), "{subject:?}");
        }
        for from in ["Eve\r\nBcc: x <eve@example.org>", "eve@example.org\r\n"] {
            assert!(from.parse::<Origin>().is_err(), "{from:?}");
        }
    }
}
