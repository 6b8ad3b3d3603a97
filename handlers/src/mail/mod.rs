//! Mail to the owners of accounts: what it says, how it leaves, and that none of it is lost.
//!
//! | file | is |
//! |---|---|
//! | `letters` | [`Letters`]: what is written, from templates, as [`NewMail`](crate::store::NewMail) |
//! | `templates/` | the templates, a text and an HTML one of each letter |
//! | `sender` | [`Sender`]: the background work that empties the queue, wherever it goes |
//! | `backoff` | when mail that could not be sent is tried again, and when no more |
//! | `bell` | [`Bell`]: how the sender is told that there is mail |
//! | `message` | [`Origin`], and a mail as the bytes that are sent |
//! | `destination` | [`Destination`]: where mail goes, as it is written in settings |
//! | `transport` | [`Transport`]: that place, with all that is needed to get there |
//! | `outbox`, `smtp` | the two kinds of it: a folder of files, a mail server |
//!
//! Mail waits in a [`MailQueue`](crate::store::MailQueue), so that what was promised survives dead
//! mail servers and this process. None of the files must know what an account is.

mod backoff;
mod bell;
mod destination;
mod letters;
mod message;
mod outbox;
mod sender;
mod smtp;
mod transport;

#[cfg(test)]
pub(crate) use backoff::longest_delay;
pub use bell::Bell;
pub use destination::{Destination, Security, Server};
pub use letters::{Letter, Letters};
pub use message::Origin;
pub(crate) use message::domain_of;
pub use sender::Sender;
pub use transport::{Secrets, Transport, TransportError};
