//! `MailQueue`: mail that was promised and is not sent yet.
//!
//! Other stores put mail in together with what it is about, in one transaction.

use super::{Pending, UnixTime};

/// Mail that is not sent yet. Each is sent at least once: whoever dies between sending it and saying
/// so sends it again.
pub trait MailQueue: Send + Sync {
    /// Puts one in.
    fn add(&self, mail: NewMail) -> Pending<()>;

    /// Takes at most `limit` of those that are due at `now`, the longest due first, so that nobody
    /// else takes them before `until`.
    fn claim(&self, now: UnixTime, until: UnixTime, limit: u32) -> Pending<Vec<QueuedMail>>;

    /// Takes one out, since it was sent or is hopeless.
    fn remove(&self, id: i64) -> Pending<()>;

    /// Puts one back to be tried again at `next`; `error` is what happened this time.
    fn postpone(&self, id: i64, next: UnixTime, error: String) -> Pending<()>;

    /// How many there are.
    fn count(&self) -> Pending<u64>;
}

/// A mail with its text, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// The address it goes to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text for those who read no HTML.
    pub text: String,
    /// Its text as HTML.
    pub html: String,
}

/// A mail of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// By which it is removed or postponed.
    pub id: i64,
    /// The mail.
    pub mail: NewMail,
    /// How often it was tried before.
    pub attempts: u32,
}
