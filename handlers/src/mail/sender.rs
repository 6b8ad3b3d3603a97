//! `Sender`: the background work that empties the queue of mail, one mail after another.
//!
//! A mail is claimed for a while, sent, and taken out; or put back for later. So several processes
//! share a queue, and one that dies leaves its mail to the others. Mail is sent at least once, and
//! twice only when the process, or its database, dies between the sending and the taking out, or when
//! the last answer of a mail server is lost.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use container::scheduler::Reached;
use container::{Router, draining, spawn_blocking, timeout};

use super::backoff::{self, Next};
use super::bell::Bell;
use super::message::{Origin, Parcel};
use super::transport::{Failure, Transport};
use crate::store::{MailQueue, Pending, QueuedMail, StoreError, UnixTime};

/// How long a look into an empty queue is good for: mail that is due again, or was put in by another
/// process, waits so long at most.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a mail stays claimed beyond the time in which it is sent: for the database to be told.
const LEASE_SPARE: Duration = Duration::from_secs(60);

/// Characters that are kept of what went wrong: servers may talk a lot.
const REASON_MAX: usize = 500;

/// Empties queues of mail. Clones do so in the same way.
#[derive(Debug, Clone)]
pub struct Sender {
    transport: Arc<Transport>,
    origin: Origin,
}

/// A sender at its queue.
struct Work {
    sender: Sender,
    queue: Arc<dyn MailQueue>,
    bell: Bell,
}

/// What a look into the queue came to.
enum Look {
    /// There was a mail, which has been dealt with.
    Mail,
    /// Nothing is due.
    Nothing,
}

impl Sender {
    /// A sender by `transport`, in the name of `origin`.
    pub fn new(transport: Transport, origin: Origin) -> Sender {
        Sender {
            transport: Arc::new(transport),
            origin,
        }
    }

    /// No routes, but background work that empties `queue`: when `bell` rings, and every few
    /// seconds. A drain waits for the mail in hand, for as long as one may take.
    pub fn router(&self, queue: Arc<dyn MailQueue>, bell: Bell) -> Router {
        let work = Arc::new(Work {
            sender: self.clone(),
            queue,
            bell,
        });
        Router::new().background(move |_context| {
            let work = work.clone();
            async move { work.run().await }
        })
    }

    async fn send(&self, queued: &QueuedMail) -> Result<(), Failure> {
        let parcel = Parcel::new(&self.origin, queued).map_err(Failure::Unsendable)?;
        let transport = self.transport.clone();
        let limit = transport.timeout();
        let job = spawn_blocking(move || transport.deliver(&parcel));
        match timeout(limit, job).await {
            Ok(Ok(Ok(result))) => result,
            Ok(Ok(Err(panicked))) => Err(Failure::Trouble(panicked.message)),
            Ok(Err(full)) => Err(Failure::Trouble(full.to_string())),
            // Its thread is left to itself: the waits of the transport have an end too.
            Err(elapsed) => Err(Failure::Trouble(elapsed.to_string())),
        }
    }

    /// Ends what the transport has kept for the next mail.
    async fn hang_up(&self) {
        if self.transport.is_connected() {
            let transport = self.transport.clone();
            // Without a thread for it, the mail server finds out by itself.
            let _ = spawn_blocking(move || transport.hang_up()).await;
        }
    }
}

impl Work {
    async fn run(&self) {
        let mut end = pin!(draining());
        loop {
            let pause = match self.look(end.as_mut()).await {
                Ok(Look::Mail) => Duration::ZERO,
                Ok(Look::Nothing) => LOOK_AGAIN,
                Err(error) => {
                    log::warn!("the queue of mail cannot be read: {error}");
                    LOOK_AGAIN
                }
            };
            if !pause.is_zero() {
                self.sender.hang_up().await;
            }
            if self.bell.rest(pause, end.as_mut()).await {
                return self.sender.hang_up().await;
            }
        }
    }

    /// Deals with the mail that is longest due.
    async fn look(&self, end: Pin<&mut Reached>) -> Result<Look, StoreError> {
        let now = UnixTime::now();
        let lease = now.after(self.sender.transport.timeout() + LEASE_SPARE);
        let Some(queued) = self.queue.claim(now, lease, 1).await?.pop() else {
            return Ok(Look::Nothing);
        };
        let id = queued.id;
        let sent = self.sender.send(&queued).await;
        if sent.is_ok() {
            log::info!("mail {id} was sent");
        }
        match sent.map_err(|failure| self.judge(&queued, &failure)) {
            Ok(()) | Err(None) => self.settle(|| self.queue.remove(id), end).await,
            Err(Some((next, error))) => {
                let postpone = || self.queue.postpone(id, next, error.clone());
                self.settle(postpone, end).await;
            }
        }
        Ok(Look::Mail)
    }

    /// When a mail that failed is tried again, and what is noted; `None` when it is given up.
    fn judge(&self, queued: &QueuedMail, failure: &Failure) -> Option<(UnixTime, String)> {
        let (id, attempt) = (queued.id, queued.attempts.saturating_add(1));
        let reason = reason(queued, failure);
        match backoff::next(failure, queued.attempts, chance()) {
            Next::Again(pause) => {
                let seconds = pause.as_secs();
                log::warn!(
                    "mail {id} was not sent, again in {seconds} s (attempt {attempt}): {reason}"
                );
                Some((UnixTime::now().after(pause), reason))
            }
            Next::GiveUp => {
                log::error!("mail {id} is given up (attempt {attempt}): {reason}");
                None
            }
        }
    }

    /// Tells the queue what became of a mail, until it listens: or else it would be sent again. In a
    /// drain it is told once.
    async fn settle(&self, tell: impl Fn() -> Pending<()>, mut end: Pin<&mut Reached>) {
        while let Err(error) = tell().await {
            log::warn!("the queue of mail cannot be written: {error}");
            if self.bell.rest(LOOK_AGAIN, end.as_mut()).await {
                return;
            }
        }
    }
}

/// From 0 to 1. Without chance from the system pauses are merely alike.
fn chance() -> f64 {
    let number = getrandom::u32().unwrap_or_default();
    f64::from(number) / f64::from(u32::MAX)
}

/// What went wrong, for the log and the queue: in one line, and without the reader, whom mail servers
/// like to name.
fn reason(queued: &QueuedMail, failure: &Failure) -> String {
    let text = failure.to_string().replace(&queued.mail.to, "the reader");
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(REASON_MAX).collect()
}

#[cfg(test)]
mod tests {
    use crate::store::NewMail;

    use super::*;

    #[test]
    fn what_a_server_says_is_one_line_that_names_nobody() {
        let queued = QueuedMail {
            id: 1,
            mail: NewMail {
                to: "ada@example.org".to_owned(),
                subject: "Hello".to_owned(),
                text: String::new(),
                html: String::new(),
            },
            attempts: 0,
        };
        let reason = |said: &str| reason(&queued, &Failure::Refused(said.to_owned()));
        assert_eq!(
            reason("550 <ada@example.org>:\nno\r such user\0"),
            "refused: 550 <the reader>: no  such user "
        );
        assert_eq!(reason(&"x".repeat(10_000)).len(), REASON_MAX);
    }
}
