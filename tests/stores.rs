//! The stores: what each of their methods does and refuses, the same on every database.

#[path = "stores/accounts.rs"]
mod accounts;
#[path = "stores/cancelling.rs"]
mod cancelling;
#[path = "stores/catalogue.rs"]
mod catalogue;
#[path = "stores/encrypted.rs"]
mod encrypted;
#[path = "stores/key_values.rs"]
mod key_values;
#[path = "stores/lost.rs"]
mod lost;
#[path = "stores/mail_queue.rs"]
mod mail_queue;
#[path = "stores/nul.rs"]
mod nul;
#[path = "stores/opening.rs"]
mod opening;
#[path = "stores/outage.rs"]
mod outage;
#[path = "stores/sessions.rs"]
mod sessions;
#[path = "stores/useless.rs"]
mod useless;

use std::pin::Pin;
use std::thread;

use handlers::store::{Database, Stores};
use tests::on_worker;
use tests::postgres::Postgres;
use tests::program::Folder;

/// What one promise is called, and its check on a database that nobody has used.
type Case = (
    &'static str,
    fn(Stores) -> Pin<Box<dyn Future<Output = ()>>>,
);

/// Makes a list of cases from the names of async functions.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        &[$((concat!(module_path!(), "::", stringify!($name)), |stores| Box::pin($name(stores)))),*]
    };
}
use cases;

const ALL: &[&[Case]] = &[
    catalogue::CASES,
    key_values::CASES,
    accounts::CASES,
    sessions::CASES,
    mail_queue::CASES,
    nul::CASES,
];

/// Checks every promise, each on a database of its own.
fn check(database: impl Fn(usize) -> Database) {
    let cases = ALL.iter().copied().flatten();
    for (number, (name, case)) in cases.enumerate() {
        let stores = Stores::open(&database(number)).expect("it opens");
        // A thread of its own, whose name a panic tells.
        let thread = thread::Builder::new().name((*name).to_owned());
        let ran = thread.spawn(move || on_worker(case(stores)));
        let ended = ran.expect("a thread starts").join();
        assert!(ended.is_ok(), "{name}");
    }
}

#[test]
fn sqlite_in_memory() {
    check(|_| Database::Memory);
}

#[test]
fn sqlite_in_files() {
    let folder = Folder::new("stores");
    check(|number| Database::File(folder.path().join(format!("{number}.db"))));
}

#[test]
fn postgresql() {
    let Some(server) = Postgres::start("stores-postgres") else {
        return;
    };
    // Copied for each case, which is faster than to make the tables anew.
    Stores::open(&named(&server.create("fresh"))).expect("it opens");
    check(|number| match number % 2 {
        0 => named(&server.copy("fresh", &format!("case_{number}"))),
        _ => {
            let name = format!("case_{number}");
            server.copy("fresh", &name);
            named(&server.unix_url(&name))
        }
    });
}

/// The database of this name.
fn named(text: &str) -> Database {
    text.parse().expect("it names one")
}
