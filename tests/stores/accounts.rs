//! Accounts and their tokens.

use handlers::store::{
    Account, AccountChange, NewAccount, NewEmail, NewMail, NewToken, StoreError, Stores, TokenHash,
    Unique, UnixTime,
};

use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases![
    one_is_added_and_found,
    names_and_addresses_are_unique,
    all_are_listed_in_pieces,
    one_is_changed,
    a_hash_is_replaced_unless_it_was_changed,
    accounts_are_removed_for_good,
    a_registration_is_whole_or_not_at_all,
    one_of_two_registrations_of_a_name_wins,
    activation_tokens_are_used_once,
    reset_tokens_are_used_once,
    the_last_reset_token_counts,
    a_token_is_for_one_purpose,
    tokens_are_forgotten,
    accounts_that_nobody_confirms_are_forgotten,
    a_token_is_used_once_by_many_at_once,
    all_that_is_taken_is_told,
    who_never_became_active_gives_way,
    changes_withdraw_what_was_mailed_before,
    an_address_is_confirmed_by_its_own_mail,
    a_reset_confirms_the_address,
    what_was_asked_for_is_kept_until_it_is_granted,
];

fn new(name: &str) -> NewAccount {
    NewAccount {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        password_hash: format!("hash of {name}"),
        active: true,
        created: UnixTime(1000),
    }
}

fn with_email(name: &str, email: &str) -> NewAccount {
    let email = email.to_owned();
    NewAccount { email, ..new(name) }
}

fn mail(subject: &str) -> NewMail {
    NewMail {
        to: "a@example.org".to_owned(),
        subject: subject.to_owned(),
        text: String::new(),
        html: String::new(),
    }
}

fn at_once(email: &str) -> NewEmail {
    NewEmail::AtOnce(email.to_owned())
}

/// An address that is to be confirmed.
fn confirmed(email: &str, token: NewToken) -> NewEmail {
    let to = email.to_owned();
    NewEmail::Confirmed(
        token,
        NewMail {
            to,
            ..mail("address")
        },
    )
}

/// Another address, and perhaps another password.
fn with(email: Option<NewEmail>, password_hash: Option<&str>) -> AccountChange {
    AccountChange {
        name: None,
        email,
        password_hash: password_hash.map(str::to_owned),
    }
}

/// A token, and what it is kept as.
fn token(number: u8, expires: i64) -> NewToken {
    NewToken {
        hash: TokenHash([number; 32]),
        expires: UnixTime(expires),
    }
}

async fn add(stores: &Stores, new: NewAccount) -> Account {
    stores.accounts.add(new).await.expect("it is added")
}

async fn register(stores: &Stores, name: &str, token: NewToken) -> Result<Account, StoreError> {
    let account = NewAccount {
        active: false,
        ..new(name)
    };
    stores.accounts.register(account, token, mail(name)).await
}

async fn activate(stores: &Stores, token: NewToken, now: i64) -> Option<Account> {
    let activated = stores.accounts.activate(token.hash, UnixTime(now)).await;
    activated.expect("it answers")
}

/// Asks for a reset of the account with this id, if there is one, and grants it.
async fn begin_reset(stores: &Stores, id: i64, token: NewToken) -> bool {
    if let Some(account) = stores.accounts.find(id).await.expect("it answers") {
        ask_reset(stores, &account.email, 1).await;
    }
    grant_reset(stores, id, token).await
}

async fn ask_reset(stores: &Stores, email: &str, now: i64) {
    let asked = stores.accounts.ask_reset(email.to_owned(), UnixTime(now));
    asked.await.expect("it is kept");
}

async fn grant_reset(stores: &Stores, id: i64, token: NewToken) -> bool {
    let begun = stores.accounts.begin_reset(id, token, mail("reset")).await;
    begun.expect("it answers")
}

async fn finish_reset(stores: &Stores, token: NewToken, now: i64) -> Option<Account> {
    let finished = stores
        .accounts
        .finish_reset(token.hash, "new hash".to_owned(), UnixTime(now));
    finished.await.expect("it answers")
}

async fn mails(stores: &Stores) -> u64 {
    stores.mail_queue.count().await.expect("it answers")
}

async fn one_is_added_and_found(stores: Stores) {
    let accounts = &stores.accounts;
    let added = add(&stores, with_email("Ann", "Ann@Example.org")).await;
    let expected = Account {
        id: added.id,
        name: "Ann".to_owned(),
        email: "Ann@Example.org".to_owned(),
        active: true,
        created: UnixTime(1000),
        generation: 1,
    };
    assert_eq!(added, expected);
    assert!(added.id >= 1);
    assert_eq!(accounts.find(added.id).await, Ok(Some(added.clone())));
    assert_eq!(accounts.find(added.id + 1).await, Ok(None));
    for email in ["Ann@Example.org", "ann@example.ORG"] {
        let found = accounts.find_by_email(email.to_owned()).await;
        assert_eq!(found, Ok(Some(added.clone())));
    }
    let found = accounts.find_by_email("ann".to_owned()).await;
    assert_eq!(found, Ok(None));
    let credentials = async |name: &str| {
        let credentials = accounts.credentials(name.to_owned()).await;
        credentials.expect("it answers")
    };
    let found = credentials("Ann").await.expect("it is there");
    assert_eq!(found.password_hash, "hash of Ann");
    assert_eq!(found.account, added);
    assert!(credentials("ann").await.is_none());
}

async fn names_and_addresses_are_unique(stores: Stores) {
    add(&stores, with_email("ann", "Änn@example.org")).await;
    for (account, taken) in [
        (new("ann"), Unique::AccountName),
        (with_email("other", "Änn@example.org"), Unique::AccountEmail),
        (with_email("other", "äNN@EXAMPLE.org"), Unique::AccountEmail),
    ] {
        let refused = stores.accounts.add(account.clone()).await;
        assert_eq!(refused, Err(StoreError::Taken(taken.clone())));
        let refused = stores.accounts.register(account, token(1, 10), mail("a"));
        assert_eq!(refused.await, Err(StoreError::Taken(taken)));
    }
    assert_eq!(mails(&stores).await, 0);
    add(&stores, new("other")).await;
    add(&stores, new("Ann")).await;
}

async fn all_are_listed_in_pieces(stores: Stores) {
    let mut ids = vec![];
    for number in 0..5 {
        ids.push(add(&stores, new(&format!("a{number}"))).await.id);
    }
    assert!(ids.is_sorted());
    let list = async |after, limit| {
        let accounts = stores
            .accounts
            .list(after, limit)
            .await
            .expect("it answers");
        accounts
            .iter()
            .map(|account| account.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(list(0, 100).await, ids);
    assert_eq!(list(0, 2).await, ids[..2]);
    assert_eq!(list(ids[1], 2).await, ids[2..4]);
    assert_eq!(list(ids[4], 2).await, [0; 0]);
    assert_eq!(list(0, 0).await, [0; 0]);
}

async fn one_is_changed(stores: Stores) {
    let ann = add(&stores, new("ann")).await;
    add(&stores, new("bob")).await;
    let change = async |id, change| stores.accounts.change(id, change).await;
    let nothing = AccountChange::default();
    assert_eq!(change(ann.id, nothing.clone()).await, Ok(Some(ann.clone())));
    assert_eq!(change(ann.id + 100, nothing).await, Ok(None));
    let renamed = AccountChange {
        name: Some("anna".to_owned()),
        ..AccountChange::default()
    };
    let expected = Account {
        name: "anna".to_owned(),
        ..ann.clone()
    };
    assert_eq!(change(ann.id, renamed).await, Ok(Some(expected)));
    let all = AccountChange {
        name: Some("ann".to_owned()),
        email: Some(at_once("Ann@Example.net")),
        password_hash: Some("another".to_owned()),
    };
    let expected = Account {
        email: "Ann@Example.net".to_owned(),
        generation: 2,
        ..ann.clone()
    };
    assert_eq!(
        change(ann.id, all.clone()).await,
        Ok(Some(expected.clone()))
    );
    // Name and address are its own, and the password is another one again.
    let expected = Account {
        generation: 3,
        ..expected
    };
    assert_eq!(change(ann.id, all).await, Ok(Some(expected.clone())));
    let found = stores.accounts.credentials("ann".to_owned()).await;
    assert!(found.is_ok_and(|found| found.is_some_and(|it| it.password_hash == "another")));
    for (name, email, taken) in [
        (Some("bob"), None, Unique::AccountName),
        (None, Some("BOB@example.org"), Unique::AccountEmail),
    ] {
        let taking = AccountChange {
            name: name.map(str::to_owned),
            email: email.map(at_once),
            password_hash: Some("third".to_owned()),
        };
        assert_eq!(change(ann.id, taking).await, Err(StoreError::Taken(taken)));
    }
    assert_eq!(stores.accounts.find(ann.id).await, Ok(Some(expected)));
    let found = stores.accounts.find_by_email("ann@example.net".to_owned());
    assert!(found.await.is_ok_and(|found| found.is_some()));
}

async fn a_hash_is_replaced_unless_it_was_changed(stores: Stores) {
    let added = add(&stores, new("ann")).await;
    let rehash = async |id, old: &str, new: &str| {
        let replaced = stores.accounts.rehash(id, old.to_owned(), new.to_owned());
        replaced.await.expect("it answers")
    };
    assert!(!rehash(added.id, "another", "new").await);
    assert!(!rehash(added.id + 1, "hash of ann", "new").await);
    assert!(rehash(added.id, "hash of ann", "new").await);
    assert!(!rehash(added.id, "hash of ann", "newer").await);
    let credentials = stores.accounts.credentials("ann".to_owned()).await;
    let credentials = credentials.expect("it answers").expect("it is there");
    assert_eq!(credentials.password_hash, "new");
    assert_eq!(credentials.account, added, "no login has ended");
}

async fn accounts_are_removed_for_good(stores: Stores) {
    let accounts = &stores.accounts;
    let ann = register(&stores, "ann", token(1, 10)).await.expect("it is");
    assert_eq!(accounts.remove(ann.id).await, Ok(true));
    assert_eq!(accounts.remove(ann.id).await, Ok(false));
    assert_eq!(accounts.find(ann.id).await, Ok(None));
    assert_eq!(activate(&stores, token(1, 10), 0).await, None);
    let again = add(&stores, new("ann")).await;
    assert!(again.id > ann.id, "who has the old id is not the new one");
    add(&stores, new("bob")).await;
    assert_eq!(accounts.remove_all().await, Ok(2));
    assert_eq!(accounts.remove_all().await, Ok(0));
    let last = add(&stores, new("ann")).await;
    assert!(last.id > again.id + 1);
}

async fn a_registration_is_whole_or_not_at_all(stores: Stores) {
    let ann = register(&stores, "ann", token(1, 10)).await.expect("it is");
    assert!(!ann.active);
    assert_eq!(mails(&stores).await, 1);
    // The token is there already, which nobody expects: the account must not stay without one.
    let broken = register(&stores, "bob", token(1, 10)).await;
    assert!(matches!(broken, Err(StoreError::Broken(_))), "{broken:?}");
    let found = stores.accounts.find_by_email("bob@example.org".to_owned());
    assert_eq!(found.await, Ok(None));
    assert_eq!(mails(&stores).await, 1);
}

async fn one_of_two_registrations_of_a_name_wins(stores: Stores) {
    let tasks: Vec<_> = (1..=10)
        .map(|number| {
            let stores = stores.clone();
            let token = token(number, 5000);
            container::spawn_local(async move { register(&stores, "ann", token).await })
        })
        .collect();
    let mut winners = vec![];
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(account) => winners.push(account.id),
            Err(refused) => assert!(matches!(refused, StoreError::Taken(_)), "{refused}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(mails(&stores).await, 1);
    let all = stores.accounts.list(0, 100).await.expect("it answers");
    assert_eq!(all.len(), 1);
}

async fn activation_tokens_are_used_once(stores: Stores) {
    let ann = register(&stores, "ann", token(1, 100))
        .await
        .expect("it is");
    assert_eq!(activate(&stores, token(2, 100), 50).await, None, "unknown");
    assert_eq!(activate(&stores, token(1, 100), 100).await, None, "expired");
    let activatable = async |number, now| {
        let hash = token(number, 100).hash;
        let found = stores.accounts.activatable(hash, UnixTime(now)).await;
        found.expect("it answers")
    };
    assert_eq!(activatable(2, 50).await, None, "unknown");
    assert_eq!(activatable(1, 100).await, None, "expired");
    let looked = activatable(1, 99).await;
    assert_eq!(stores.accounts.find(ann.id).await, Ok(Some(ann.clone())));
    let activated = activate(&stores, token(1, 100), 99).await;
    let expected = Account {
        active: true,
        ..ann
    };
    assert_eq!(activated, Some(expected));
    assert_eq!(looked, activated);
    assert_eq!(activate(&stores, token(1, 100), 99).await, None, "used");
    assert_eq!(activatable(1, 99).await, None, "used");
}

async fn reset_tokens_are_used_once(stores: Stores) {
    let ann = add(&stores, new("ann")).await;
    assert!(!begin_reset(&stores, ann.id + 1, token(9, 5000)).await);
    assert_eq!(mails(&stores).await, 0);
    assert!(begin_reset(&stores, ann.id, token(1, 5000)).await);
    assert_eq!(mails(&stores).await, 1);
    assert_eq!(
        finish_reset(&stores, token(1, 0), 5000).await,
        None,
        "expired"
    );
    let reset = finish_reset(&stores, token(1, 0), 4000).await;
    let expected = Account {
        generation: 2,
        ..ann.clone()
    };
    assert_eq!(reset, Some(expected));
    let found = stores.accounts.credentials("ann".to_owned()).await;
    assert!(found.is_ok_and(|found| found.is_some_and(|it| it.password_hash == "new hash")));
    assert_eq!(finish_reset(&stores, token(1, 0), 4000).await, None, "used");
    assert!(begin_reset(&stores, ann.id, token(2, 5000)).await);
    let again = finish_reset(&stores, token(2, 0), 4000).await;
    assert_eq!(again.map(|account| account.generation), Some(3));
}

async fn the_last_reset_token_counts(stores: Stores) {
    let ann = add(&stores, new("ann")).await;
    let bob = add(&stores, new("bob")).await;
    assert!(begin_reset(&stores, ann.id, token(1, 100)).await);
    assert!(begin_reset(&stores, bob.id, token(2, 100)).await);
    assert!(begin_reset(&stores, ann.id, token(3, 100)).await);
    assert_eq!(finish_reset(&stores, token(1, 0), 50).await, None);
    let reset = finish_reset(&stores, token(3, 0), 50).await;
    assert_eq!(reset.map(|account| account.id), Some(ann.id));
    let reset = finish_reset(&stores, token(2, 0), 50).await;
    assert_eq!(reset.map(|account| account.id), Some(bob.id));
}

async fn a_token_is_for_one_purpose(stores: Stores) {
    let ann = register(&stores, "ann", token(1, 100))
        .await
        .expect("it is");
    assert!(begin_reset(&stores, ann.id, token(2, 100)).await);
    assert_eq!(finish_reset(&stores, token(1, 0), 50).await, None);
    let looked = stores.accounts.activatable(token(2, 0).hash, UnixTime(50));
    assert_eq!(looked.await, Ok(None));
    assert_eq!(activate(&stores, token(2, 0), 50).await, None);
    assert!(activate(&stores, token(1, 0), 50).await.is_some());
    assert!(finish_reset(&stores, token(2, 0), 50).await.is_some());
}

async fn tokens_are_forgotten(stores: Stores) {
    for (name, number, expires) in [("ann", 1, 10), ("bob", 2, 20), ("cid", 3, 30)] {
        let registered = register(&stores, name, token(number, expires)).await;
        registered.expect("it is");
    }
    let forget = async |now, most| stores.accounts.forget_tokens(UnixTime(now), most).await;
    assert_eq!(forget(20, 9).await, Ok(1));
    assert_eq!(activate(&stores, token(1, 10), 0).await, None);
    assert!(activate(&stores, token(2, 20), 0).await.is_some());
    assert_eq!(forget(1000, 0).await, Ok(0));
    assert_eq!(forget(1000, 9).await, Ok(1));
}

async fn accounts_that_nobody_confirms_are_forgotten(stores: Stores) {
    let forget = async |created, most| {
        let forgotten = stores.accounts.forget_unconfirmed(UnixTime(created), most);
        forgotten.await.expect("it answers")
    };
    // All are added at 1000; one is confirmed, one needs no confirmation, and one has asked for
    // another password meanwhile.
    for (name, number) in [("ann", 1), ("bob", 2), ("cid", 3), ("dan", 4)] {
        let registered = register(&stores, name, token(number, 2000)).await;
        let id = registered.expect("it is").id;
        if name == "cid" {
            assert!(begin_reset(&stores, id, token(9, i64::MAX)).await);
        }
    }
    add(&stores, new("eve")).await;
    assert!(activate(&stores, token(1, 2000), 1500).await.is_some());
    assert_eq!(forget(i64::MAX, 9).await, 0, "their links still work");
    let tokens = stores.accounts.forget_tokens(UnixTime(3000), 9).await;
    assert_eq!(tokens, Ok(3));
    assert_eq!(forget(1000, 9).await, 0, "they are not old enough");
    assert_eq!([forget(1001, 2).await, forget(1001, 2).await], [2, 1]);
    assert_eq!(forget(i64::MAX, 9).await, 0);
    let left = stores.accounts.list(0, 9).await.expect("it answers");
    let left: Vec<_> = left.iter().map(|account| &*account.name).collect();
    assert_eq!(left, ["ann", "eve"]);
    assert!(finish_reset(&stores, token(9, i64::MAX), 0).await.is_none());
    register(&stores, "bob", token(2, 4000))
        .await
        .expect("the name is free");
}

async fn a_token_is_used_once_by_many_at_once(stores: Stores) {
    let ann = register(&stores, "ann", token(1, 10)).await.expect("it is");
    assert!(begin_reset(&stores, ann.id, token(2, 10)).await);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let stores = stores.clone();
            container::spawn_local(async move {
                let activated = activate(&stores, token(1, 10), 5).await;
                let reset = finish_reset(&stores, token(2, 10), 5).await;
                [activated, reset].map(|account| usize::from(account.is_some()))
            })
        })
        .collect();
    let mut used = [0, 0];
    for task in tasks {
        let one = task.await.expect("no panic");
        used = [used[0] + one[0], used[1] + one[1]];
    }
    assert_eq!(used, [1, 1]);
}

/// SQLite said only that the address is taken where the name was too, PostgreSQL only the name.
async fn all_that_is_taken_is_told(stores: Stores) {
    let accounts = &stores.accounts;
    let ann = add(&stores, new("ann")).await;
    add(&stores, new("bob")).await;
    let cid = add(&stores, new("cid")).await;
    let (name, email) = (Unique::AccountName, Unique::AccountEmail);
    let both = Unique::AccountNameAndEmail;
    for (account, taken) in [
        (with_email("ann", "ann@example.org"), &both),
        (with_email("ann", "BOB@example.org"), &both),
        (with_email("ann", "dan@example.org"), &name),
        (with_email("dan", "bob@example.org"), &email),
    ] {
        let expected = Err(StoreError::Taken(taken.clone()));
        assert_eq!(accounts.add(account.clone()).await, expected);
        let registered = accounts.register(account, token(1, 5000), mail("a"));
        assert_eq!(registered.await, expected);
    }
    let change = async |name: Option<&str>, email| {
        let name = name.map(str::to_owned);
        let change = AccountChange {
            name,
            ..with(email, None)
        };
        accounts.change(cid.id, change).await
    };
    let taken = |taken: &Unique| Err(StoreError::Taken(taken.clone()));
    let theirs = || Some(at_once("BOB@example.org"));
    assert_eq!(change(Some("ann"), theirs()).await, taken(&both));
    assert_eq!(change(Some("cid"), theirs()).await, taken(&email));
    let own = Some(at_once("cid@example.org"));
    assert_eq!(change(Some("ann"), own).await, taken(&name));
    let later = || Some(confirmed("Bob@example.org", token(1, 5000)));
    assert_eq!(change(None, later()).await, taken(&email));
    assert_eq!(change(Some("dan"), later()).await, taken(&email));
    assert_eq!(change(Some("ann"), later()).await, taken(&both));
    assert_eq!(accounts.find(cid.id).await, Ok(Some(cid.clone())));
    assert_eq!(accounts.find(ann.id).await, Ok(Some(ann)));
    assert_eq!(mails(&stores).await, 0);
}

/// Who had missed the link could neither follow it nor register again.
async fn who_never_became_active_gives_way(stores: Stores) {
    let register_at = async |account: NewAccount, number, now| {
        let account = NewAccount {
            active: false,
            created: UnixTime(now),
            ..account
        };
        let token = token(number, now + 100);
        stores.accounts.register(account, token, mail("a")).await
    };
    let names = async || {
        let all = stores.accounts.list(0, 100).await.expect("it answers");
        all.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    let ann = register_at(new("ann"), 1, 1000).await.expect("it is");
    register_at(new("bob"), 2, 1000).await.expect("it is");
    register_at(new("cid"), 3, 1050).await.expect("it is");
    add(&stores, new("dan")).await;
    let early = register_at(new("ann"), 4, 1099).await;
    assert_eq!(early, Err(StoreError::Taken(Unique::AccountNameAndEmail)));
    // Both are in its way, the one by its name and the other by its address.
    let other = register_at(with_email("ann", "BOB@example.org"), 4, 1100).await;
    assert!(other.is_ok_and(|other| other.id > ann.id));
    assert_eq!(names().await, ["cid", "dan", "ann"]);
    assert_eq!(activate(&stores, token(1, 0), 1050).await, None);
    assert!(activate(&stores, token(4, 0), 1150).await.is_some());
    for name in ["ann", "dan"] {
        let late = register_at(new(name), 5, 9000).await;
        assert!(late.is_err(), "{name} is active");
    }
    let added = NewAccount {
        created: UnixTime(1150),
        ..new("cid")
    };
    add(&stores, added).await;
    assert_eq!(names().await, ["dan", "ann", "cid"]);
}

/// A reset link that was mailed to an address which is no more the account's, or that somebody had
/// asked for who knew the old password, still gave the account away.
async fn changes_withdraw_what_was_mailed_before(stores: Stores) {
    let own = || Some(at_once("ANN@example.org"));
    let other = || Some(at_once("other@example.org"));
    let later = || Some(confirmed("later@example.org", token(3, 5000)));
    // Which of an activation, a reset and an address to be confirmed still work after it.
    let check = async |change: AccountChange, expected: [bool; 3]| {
        let ann = register(&stores, "ann", token(1, 5000))
            .await
            .expect("it is");
        assert!(begin_reset(&stores, ann.id, token(2, 5000)).await);
        let bob = add(&stores, new("bob")).await;
        let pending = stores.accounts.change(bob.id, with(later(), None)).await;
        assert!(pending.is_ok_and(|bob| bob.is_some()));
        for id in [ann.id, bob.id] {
            let change = match &change.email {
                // Two accounts cannot have the same address.
                Some(NewEmail::AtOnce(email)) if id == bob.id => AccountChange {
                    email: Some(at_once(
                        &email.replace("other", "another").replace("ANN", "bob"),
                    )),
                    ..change.clone()
                },
                _ => change.clone(),
            };
            let changed = stores.accounts.change(id, change).await;
            assert!(changed.is_ok_and(|account| account.is_some()));
        }
        let activated = activate(&stores, token(1, 0), 50).await.is_some();
        let confirmed = activate(&stores, token(3, 0), 50).await.is_some();
        let reset = finish_reset(&stores, token(2, 0), 50).await.is_some();
        assert_eq!([activated, reset, confirmed], expected);
        stores.accounts.remove_all().await.expect("it answers");
    };
    check(AccountChange::default(), [true, true, true]).await;
    check(with(own(), None), [true, true, true]).await;
    check(with(None, Some("new")), [true, false, false]).await;
    check(with(other(), None), [false, false, false]).await;
    check(with(other(), Some("new")), [false, false, false]).await;
}

async fn an_address_is_confirmed_by_its_own_mail(stores: Stores) {
    let accounts = &stores.accounts;
    let ann = add(&stores, new("ann")).await;
    let change = async |email: &str, number| {
        let change = with(Some(confirmed(email, token(number, 100))), None);
        accounts.change(ann.id, change).await
    };
    assert_eq!(change("Lee@Example.org", 1).await, Ok(Some(ann.clone())));
    assert_eq!(change("Ann@Example.net", 2).await, Ok(Some(ann.clone())));
    assert_eq!(mails(&stores).await, 2);
    assert!(begin_reset(&stores, ann.id, token(3, 100)).await);
    assert_eq!(activate(&stores, token(1, 0), 50).await, None, "replaced");
    let expected = Account {
        email: "Ann@Example.net".to_owned(),
        ..ann.clone()
    };
    let looked = accounts.activatable(token(2, 0).hash, UnixTime(50)).await;
    assert_eq!(looked, Ok(Some(expected.clone())));
    let found = accounts.find_by_email("ann@example.net".to_owned()).await;
    assert_eq!(found, Ok(None), "not yet");
    assert_eq!(activate(&stores, token(2, 0), 50).await, Some(expected));
    let found = accounts.find_by_email("ANN@example.net".to_owned()).await;
    assert!(found.is_ok_and(|found| found.is_some()));
    assert_eq!(
        finish_reset(&stores, token(3, 0), 50).await,
        None,
        "mailed to the old one"
    );
    // What became another's meanwhile is theirs.
    assert!(change("lee@example.org", 4).await.is_ok());
    add(&stores, new("lee")).await;
    let taken = accounts.activate(token(4, 0).hash, UnixTime(50)).await;
    assert_eq!(taken, Err(StoreError::Taken(Unique::AccountEmail)));
}

/// Who had reset the password of an account that was not active yet was told to log in, and could not.
async fn a_reset_confirms_the_address(stores: Stores) {
    let ann = register(&stores, "ann", token(1, 100))
        .await
        .expect("it is");
    assert!(begin_reset(&stores, ann.id, token(2, 100)).await);
    let reset = finish_reset(&stores, token(2, 0), 50).await;
    assert!(reset.is_some_and(|account| account.active));
    assert_eq!(
        activate(&stores, token(1, 0), 50).await,
        None,
        "no more needed"
    );
    // Nor does an address that somebody else has wished for outlive it.
    let change = with(Some(confirmed("eve@example.org", token(3, 100))), None);
    assert!(stores.accounts.change(ann.id, change).await.is_ok());
    assert!(begin_reset(&stores, ann.id, token(4, 100)).await);
    assert!(finish_reset(&stores, token(4, 0), 50).await.is_some());
    assert_eq!(activate(&stores, token(3, 0), 50).await, None);
}

async fn what_was_asked_for_is_kept_until_it_is_granted(stores: Stores) {
    let accounts = &stores.accounts;
    let ann = add(&stores, new("ann")).await;
    assert_eq!(accounts.asked_reset().await, Ok(None));
    assert!(
        !grant_reset(&stores, ann.id, token(1, 100)).await,
        "nobody has asked"
    );
    ask_reset(&stores, "Nobody@example.org", 20).await;
    ask_reset(&stores, "ANN@example.org", 10).await;
    ask_reset(&stores, "ann@example.org", 30).await;
    let asked = async || accounts.asked_reset().await.expect("it answers");
    assert_eq!(
        asked().await.as_deref(),
        Some("ann@example.org"),
        "the first"
    );
    assert!(grant_reset(&stores, ann.id, token(2, 100)).await);
    assert!(!grant_reset(&stores, ann.id, token(3, 100)).await, "once");
    assert_eq!(mails(&stores).await, 1);
    assert_eq!(asked().await.as_deref(), Some("nobody@example.org"));
    assert!(!grant_reset(&stores, ann.id + 1, token(4, 100)).await);
    let forgotten = accounts.forget_reset("NOBODY@example.org".to_owned());
    assert_eq!(forgotten.await, Ok(()));
    assert_eq!(asked().await, None);
    assert!(finish_reset(&stores, token(2, 0), 50).await.is_some());
}
