//! The character NUL, which PostgreSQL cannot keep: no database takes it, whatever it is in.

use handlers::store::{
    AccountChange, NewAccount, NewEmail, NewMail, NewProduct, NewToken, Pending, StoreError,
    Stores, TokenHash, UnixTime,
};

use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases![
    queries_with_nul_are_refused,
    what_is_to_be_kept_has_no_nul,
    what_is_refused_leaves_nothing,
];

const NUL: &str = "a\0b";
const NOW: UnixTime = UnixTime(1000);

fn account(texts: [&str; 3]) -> NewAccount {
    let [name, email, password_hash] = texts.map(str::to_owned);
    NewAccount {
        name,
        email,
        password_hash,
        active: false,
        created: NOW,
    }
}

fn mail(texts: [&str; 4]) -> NewMail {
    let [to, subject, text, html] = texts.map(str::to_owned);
    NewMail {
        to,
        subject,
        text,
        html,
    }
}

fn token() -> NewToken {
    NewToken {
        hash: TokenHash([1; 32]),
        expires: UnixTime(2000),
    }
}

/// As many texts as are needed, each of them once with the character.
fn each<const N: usize>() -> impl Iterator<Item = [&'static str; N]> {
    (0..N).map(|place| std::array::from_fn(|other| if other == place { NUL } else { "a" }))
}

async fn check<T: std::fmt::Debug>(asked: Pending<T>, what: &str) {
    let refused = asked.await.expect_err(what);
    assert_eq!(refused, StoreError::Nul, "{what}");
}

async fn queries_with_nul_are_refused(stores: Stores) {
    let nul = || NUL.to_owned();
    check(stores.key_values.value(nul()), "value").await;
    check(stores.key_values.remove(nul()), "remove").await;
    check(stores.accounts.find_by_email(nul()), "address").await;
    check(stores.accounts.ask_reset(nul(), NOW), "wish").await;
    check(stores.accounts.forget_reset(nul()), "wish of nobody").await;
    check(stores.sessions.is_revoked(nul()), "login").await;
    let found = stores.accounts.credentials(nul()).await;
    assert_eq!(found.map(|_| ()), Err(StoreError::Nul));
}

async fn what_is_to_be_kept_has_no_nul(stores: Stores) {
    let (accounts, mails) = (&stores.accounts, &stores.mail_queue);
    let new = account(["ann", "ann@example.org", "hash"]);
    let id = accounts.add(new).await.expect("it is added").id;
    for texts in each() {
        check(accounts.add(account(texts)), "account").await;
        let letter = mail(["a"; 4]);
        let registered = accounts.register(account(texts), token(), letter);
        check(registered, "registration").await;
        let [name, email, password_hash] = texts.map(|text| Some(text.to_owned()));
        let change = AccountChange {
            name,
            email: email.map(NewEmail::AtOnce),
            password_hash,
        };
        check(accounts.change(id, change), "change of an account").await;
    }
    for [old, new] in each() {
        let renewed = accounts.rehash(id, old.to_owned(), new.to_owned());
        check(renewed, "hash").await;
    }
    for texts in each() {
        check(mails.add(mail(texts)), "mail").await;
        let asked = accounts.ask_reset("ann@example.org".to_owned(), NOW);
        assert_eq!(asked.await, Ok(()));
        check(accounts.begin_reset(id, token(), mail(texts)), "reset").await;
        let change = AccountChange {
            email: Some(NewEmail::Confirmed(token(), mail(texts))),
            ..AccountChange::default()
        };
        check(accounts.change(id, change), "address to be confirmed").await;
    }
    check(mails.postpone(1, NOW, NUL.to_owned()), "reason").await;
    check(stores.sessions.revoke(NUL.to_owned(), NOW), "login").await;
    let name = NUL.to_owned();
    let product = NewProduct { name, brand: 1 };
    check(stores.catalogue.add_product(product), "product").await;
    for [key, value] in each() {
        let entry = || (key.to_owned(), value.to_owned());
        let plain = ("other".to_owned(), String::new());
        check(stores.key_values.add(vec![plain, entry()]), "entry").await;
        let (key, value) = entry();
        check(stores.key_values.change(key, value), "change of an entry").await;
    }
}

async fn what_is_refused_leaves_nothing(stores: Stores) {
    let accounts = &stores.accounts;
    for texts in each() {
        let new = account(["ann", "ann@example.org", "hash"]);
        check(accounts.register(new, token(), mail(texts)), "registration").await;
    }
    assert_eq!(accounts.list(0, 9).await, Ok(vec![]));
    assert_eq!(accounts.activate(token().hash, NOW).await, Ok(None));
    let plain = ("other".to_owned(), String::new());
    let entries = vec![plain, (NUL.to_owned(), String::new())];
    check(stores.key_values.add(entries), "entries").await;
    assert_eq!(stores.key_values.value("other".to_owned()).await, Ok(None));
    assert_eq!(stores.mail_queue.count().await, Ok(0));
    // And the connection is as good as before.
    assert_eq!(stores.key_values.count().await, Ok(4));
}
