//! A mail office: a server in memory whose requests put mail into a queue, and the sender beside it.

use std::sync::Arc;
use std::time::Duration;

use container::Router;
use container::extract::{Path, State};
use container::testing::Server;
use handlers::mail::{Bell, Letter, Letters, Secrets, Sender, Transport};
use handlers::store::{Database, MailQueue, Stores, UnixTime};
use tests::get;

/// Longer than the longest pause between two attempts.
pub(crate) const LONG: Duration = Duration::from_secs(20 * 60);

/// For how long `/claim` takes a mail.
pub(crate) const LEASE: Duration = Duration::from_secs(90);

/// How long one mail may take, in real time: longer than any machine needs.
const PATIENT: Duration = Duration::from_secs(100);

/// The same for a server that never answers.
const IMPATIENT: Duration = Duration::from_secs(4);

/// A server with a queue of mail and a sender.
pub(crate) struct Office {
    pub(crate) server: Server,
}

/// Where mail goes, with a password or without.
pub(crate) fn transport(destination: &str, secrets: Secrets) -> Transport {
    let destination = destination.parse().expect("it makes sense");
    Transport::new(&destination, secrets, PATIENT).expect("the secrets are right")
}

/// A mail server on this machine, without TLS.
pub(crate) fn plain(port: u16) -> Transport {
    transport(
        &format!("smtp+plain://127.0.0.1:{port}"),
        Secrets::default(),
    )
}

/// The same for one that stalls.
pub(crate) fn impatient(port: u16) -> Transport {
    let destination = format!("smtp+plain://127.0.0.1:{port}");
    let destination = destination.parse().expect("it makes sense");
    Transport::new(&destination, Secrets::default(), IMPATIENT).expect("there are no secrets")
}

/// An empty queue, of a database of its own.
pub(crate) fn queue() -> Arc<dyn MailQueue> {
    Stores::open(&Database::Memory)
        .expect("it opens")
        .mail_queue
}

/// A sender, and routes that put mail in and count it:
/// `/to/{address}` with the bell, `/quietly/to/{address}` without, and `/count`. `/claim` takes a
/// mail as another sender does that dies with it.
pub(crate) fn router(queue: &Arc<dyn MailQueue>, transport: Transport) -> Router {
    let origin = "Example <noreply@example.org>".parse().expect("an address");
    let bell = Bell::new();
    Sender::new(transport, origin)
        .router(queue.clone(), bell.clone())
        .get("/to/{address}", put_in)
        .get("/quietly/to/{address}", async |State(queue), Path(to)| {
            put_in(State(queue), State(Bell::new()), Path(to)).await
        })
        .get("/count", async |State(queue): State<Arc<dyn MailQueue>>| {
            queue
                .count()
                .await
                .expect("the database is there")
                .to_string()
        })
        .get("/claim", async |State(queue): State<Arc<dyn MailQueue>>| {
            let now = UnixTime::now();
            let claimed = queue.claim(now, now.after(LEASE), 1).await;
            format!("claimed {}", claimed.expect("the database is there").len())
        })
        .state(queue.clone())
        .state(bell)
}

async fn put_in(
    State(queue): State<Arc<dyn MailQueue>>,
    State(bell): State<Bell>,
    Path(to): Path<String>,
) -> &'static str {
    let mail = Letters::new("Example").activation(&Letter {
        name: "Ada",
        email: &to,
        link: "https://example.org/confirm/secret",
        lifetime: Duration::from_secs(3600),
    });
    queue.add(mail).await.expect("the database is there");
    bell.ring();
    "queued"
}

impl Office {
    pub(crate) fn new(queue: &Arc<dyn MailQueue>, transport: Transport) -> Office {
        let office = Office {
            server: Server::new(router(queue, transport)),
        };
        office.server.run();
        office
    }

    /// Has a request put in a mail to this address; the sender has dealt with it afterwards.
    pub(crate) fn put_in(&self, to: &str) {
        assert!(self.ask(&format!("/to/{to}")).ends_with("queued"));
    }

    /// The same in another process: this sender is not told.
    pub(crate) fn put_in_quietly(&self, to: &str) {
        assert!(self.ask(&format!("/quietly/to/{to}")).ends_with("queued"));
    }

    /// Mails in the queue.
    pub(crate) fn count(&self) -> usize {
        let answer = self.ask("/count");
        let (_, count) = answer.rsplit_once("\r\n\r\n").expect("an answer");
        count.parse().expect("a number")
    }

    /// What a request for this path is answered.
    pub(crate) fn ask(&self, path: &str) -> String {
        self.server.exchange(&get(path))
    }
}
