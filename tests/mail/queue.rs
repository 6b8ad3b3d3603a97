//! The sender and its queue: databases that fail, several processes, drains.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use container::Container;
use container::scheduler::Phase;
use handlers::mail::Secrets;
use handlers::store::{
    Database, MailQueue, NewMail, Pending, QueuedMail, StoreError, Stores, UnixTime,
};
use serde_json::Value;
use tests::last;
use tests::loopback::{builder, connect, receive, send, until, wait};
use tests::program::Folder;
use tests::smtp::{Rules, SmtpServer};

use crate::office::{LEASE, LONG, Office, impatient, plain, queue, router, transport};

/// A queue whose database fails so many times when something is asked of it.
struct Failing {
    queue: Arc<dyn MailQueue>,
    claims: AtomicUsize,
    removals: AtomicUsize,
}

impl Failing {
    fn queue(claims: usize, removals: usize) -> Arc<dyn MailQueue> {
        Arc::new(Failing {
            queue: queue(),
            claims: claims.into(),
            removals: removals.into(),
        })
    }
}

/// Takes one off; says whether there was one.
fn take(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

fn gone<T: 'static>() -> Pending<T> {
    Box::pin(async { Err(StoreError::Unavailable("it is gone".to_owned())) })
}

impl MailQueue for Failing {
    fn add(&self, mail: NewMail) -> Pending<()> {
        self.queue.add(mail)
    }

    fn claim(&self, now: UnixTime, until: UnixTime, limit: u32) -> Pending<Vec<QueuedMail>> {
        if take(&self.claims) {
            return gone();
        }
        self.queue.claim(now, until, limit)
    }

    fn remove(&self, id: i64) -> Pending<()> {
        if take(&self.removals) {
            return gone();
        }
        self.queue.remove(id)
    }

    fn postpone(&self, id: i64, next: UnixTime, error: String) -> Pending<()> {
        self.queue.postpone(id, next, error)
    }

    fn count(&self) -> Pending<u64> {
        self.queue.count()
    }
}

#[test]
fn a_database_that_is_gone_for_a_while_makes_no_mail_go_twice() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let office = Office::new(&Failing::queue(3, 5), plain(server.port));
    office.put_in("ada@example.org");
    office.server.advance(LONG);
    server.next("mail");
    assert_eq!((office.count(), server.rest().len()), (0, 0));
}

#[test]
fn mail_of_a_process_that_died_is_sent_when_its_claim_is_over() {
    let folder = Folder::new("outbox");
    let destination = format!("outbox:{}", folder.path().display());
    let office = Office::new(&queue(), transport(&destination, Secrets::default()));
    office.put_in_quietly("ada@example.org");
    assert!(office.ask("/claim").ends_with("claimed 1"));
    office.server.advance(LEASE - Duration::from_secs(10));
    assert_eq!(
        (office.count(), office.ask("/claim").ends_with("claimed 0")),
        (1, true)
    );
    office.server.advance(Duration::from_secs(20));
    assert_eq!(office.count(), 0);
    let sent = fs::read_dir(folder.path()).expect("it is there");
    assert_eq!(sent.count(), 1);
}

/// Asks a container over a connection of its own.
fn ask(container: &Container, path: &str) -> String {
    let stream = connect(&container.handle());
    send(&stream, &last(path));
    receive(&stream)
}

/// Has a container stop, and waits until it drains.
fn begin_drain(container: &Container) {
    let handle = container.handle();
    handle.stop();
    until("it drains", || handle.phase() >= Phase::Draining);
}

#[test]
fn several_processes_send_each_mail_once() {
    const MAILS: usize = 24;
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let folder = Folder::new("mail");
    let database = Database::File(folder.path().join("mail.db"));
    let containers = [(); 3].map(|()| {
        let stores = Stores::open(&database).expect("it opens");
        let router = router(&stores.mail_queue, plain(server.port));
        builder(2).start(router).expect("it starts")
    });
    for mail in 0..MAILS {
        let path = format!("/to/reader{mail}@example.org");
        let answer = ask(&containers[mail % containers.len()], &path);
        assert!(answer.ends_with("queued"), "{answer}");
    }
    let to: BTreeSet<String> = (0..MAILS)
        .map(|_| server.next("mail")["to"][0].to_string())
        .collect();
    assert_eq!(to.len(), MAILS);
    until("all are taken out", || {
        ask(&containers[0], "/count").ends_with("\r\n0")
    });
    for container in containers {
        container.handle().stop();
        assert_eq!(wait(container).stats.cut, 0);
    }
    assert_eq!(server.rest(), Vec::<Value>::new());
}

#[test]
fn a_drain_finishes_the_mail_in_hand_and_leaves_the_others() {
    let Some(mut server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let queue = queue();
    let container = builder(1).start(router(&queue, plain(server.port)));
    let container = container.expect("it starts");
    ask(&container, "/to/slow@example.org");
    server.next("slow");
    ask(&container, "/to/ada@example.org");
    begin_drain(&container);
    server.go_on();
    assert_eq!(wait(container).stats.cut, 0);
    assert_eq!(server.next("mail")["to"][0], "slow@example.org");
    assert_eq!(server.rest(), Vec::<Value>::new());
    let successor = Office::new(&queue, plain(server.port));
    assert_eq!(server.next("mail")["to"][0], "ada@example.org");
    assert_eq!(successor.count(), 0);
}

#[test]
fn a_server_that_stalls_holds_up_no_drain_and_loses_no_mail() {
    let Some(server) = SmtpServer::start(&Rules::default()) else {
        return;
    };
    let queue = queue();
    let container = builder(1).start(router(&queue, impatient(server.port)));
    let container = container.expect("it starts");
    ask(&container, "/to/stalled@example.org");
    server.next("stalled");
    begin_drain(&container);
    assert_eq!(wait(container).stats.cut, 0);
    assert_eq!(Office::new(&queue, impatient(server.port)).count(), 1);
}
