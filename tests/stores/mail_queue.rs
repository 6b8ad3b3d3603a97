//! The mail queue.

use std::collections::HashSet;

use handlers::store::{NewMail, QueuedMail, Stores, UnixTime};

use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases![
    mail_is_claimed_in_order_and_removed,
    what_was_not_sent_comes_again,
    each_is_claimed_by_one,
];

fn mail(subject: &str) -> NewMail {
    NewMail {
        to: "somebody@example.org".to_owned(),
        subject: subject.to_owned(),
        text: "Plain.\n".to_owned(),
        html: "<p>Änd more.</p>".to_owned(),
    }
}

async fn put_in(stores: &Stores, subjects: &[&str]) {
    for subject in subjects {
        let added = stores.mail_queue.add(mail(subject)).await;
        assert_eq!(added, Ok(()));
    }
}

async fn claim(stores: &Stores, now: i64, until: i64, limit: u32) -> Vec<QueuedMail> {
    let claimed = stores
        .mail_queue
        .claim(UnixTime(now), UnixTime(until), limit);
    claimed.await.expect("it answers")
}

fn subjects(claimed: &[QueuedMail]) -> Vec<&str> {
    let subjects = claimed.iter().map(|queued| queued.mail.subject.as_str());
    subjects.collect()
}

async fn mail_is_claimed_in_order_and_removed(stores: Stores) {
    assert_eq!(claim(&stores, 100, 200, 10).await, []);
    put_in(&stores, &["a", "b", "c"]).await;
    assert_eq!(claim(&stores, 100, 200, 0).await, []);
    let two = claim(&stores, 100, 200, 2).await;
    assert_eq!(subjects(&two), ["a", "b"]);
    assert_eq!((&two[0].mail, two[0].attempts), (&mail("a"), 0));
    let rest = claim(&stores, 199, 300, 10).await;
    assert_eq!(subjects(&rest), ["c"], "the others are claimed");
    for queued in two.iter().chain(&rest) {
        assert_eq!(stores.mail_queue.remove(queued.id).await, Ok(()));
    }
    assert_eq!(stores.mail_queue.remove(two[0].id).await, Ok(()), "twice");
    assert_eq!(stores.mail_queue.count().await, Ok(0));
}

async fn what_was_not_sent_comes_again(stores: Stores) {
    put_in(&stores, &["a", "b", "c"]).await;
    let all = claim(&stores, 100, 200, 10).await;
    for (queued, next) in all.iter().zip([500, 400, 300]) {
        let error = "550 no such mailbox".to_owned();
        let postponed = stores.mail_queue.postpone(queued.id, UnixTime(next), error);
        assert_eq!(postponed.await, Ok(()));
    }
    assert_eq!(claim(&stores, 299, 1000, 10).await, []);
    let again = claim(&stores, 450, 1000, 10).await;
    assert_eq!(subjects(&again), ["c", "b"], "the longest due first");
    assert!(again.iter().all(|queued| queued.attempts == 1));
    // Whoever claimed it has died.
    let again = claim(&stores, 1000, 2000, 10).await;
    assert_eq!(subjects(&again), ["a", "b", "c"]);
    let attempts: Vec<u32> = again.iter().map(|queued| queued.attempts).collect();
    assert_eq!(attempts, [1, 2, 2]);
    assert_eq!(stores.mail_queue.count().await, Ok(3));
}

async fn each_is_claimed_by_one(stores: Stores) {
    const MAILS: usize = 40;
    for number in 0..MAILS {
        put_in(&stores, &[&number.to_string()]).await;
    }
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let stores = stores.clone();
            container::spawn_local(async move {
                let mut own = vec![];
                // Ends: each round takes at least one of those that are left.
                loop {
                    let claimed = claim(&stores, 100, 200, 3).await;
                    if claimed.is_empty() {
                        return own;
                    }
                    own.extend(claimed.iter().map(|queued| queued.id));
                }
            })
        })
        .collect();
    let mut ids = vec![];
    for task in tasks {
        ids.extend(task.await.expect("no panic"));
    }
    let different: HashSet<i64> = ids.iter().copied().collect();
    assert_eq!((ids.len(), different.len()), (MAILS, MAILS));
}
