//! Opening a database: by several at once, of a newer version, and when there is none.

use std::net::TcpListener;
use std::thread;

use handlers::store::{Database, OpenError, Stores};
use tests::on_worker;
use tests::postgres::Postgres;
use tests::program::Folder;

use crate::named;

/// Several programs start at the same time: one makes the tables, and all get them.
#[track_caller]
fn check_at_once(database: &Database) {
    let opened: Vec<Stores> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| Stores::open(database).expect("it opens")))
            .collect();
        let opened = threads.into_iter().map(thread::ScopedJoinHandle::join);
        opened.map(|opened| opened.expect("no panic")).collect()
    });
    for stores in opened {
        let brands = on_worker(stores.catalogue.brands());
        assert_eq!(brands.map(|brands| brands.len()), Ok(100));
    }
}

#[track_caller]
fn check_unusable(database: &str, reason: &str) {
    match Stores::open(&named(database)).err() {
        Some(OpenError::Unusable(said)) => assert!(said.contains(reason), "{database}: {said}"),
        other => panic!("{database}: {other:?}"),
    }
}

#[test]
fn a_file_is_opened_by_several_at_once() {
    let folder = Folder::new("opening-at-once");
    check_at_once(&Database::File(folder.path().join("a.db")));
}

#[test]
fn a_server_is_opened_by_several_at_once() {
    let Some(server) = Postgres::start("opening-at-once-pg") else {
        return;
    };
    check_at_once(&named(&server.create("shop")));
}

#[test]
fn a_newer_database_is_refused() {
    let Some(server) = Postgres::start("opening-newer") else {
        return;
    };
    let database = named(&server.create("shop"));
    Stores::open(&database).expect("it opens");
    server.sql(
        "shop",
        "INSERT INTO migrations VALUES (999, 'from tomorrow')",
    );
    let error = Stores::open(&database).err();
    let Some(OpenError::Newer { found: 999, known }) = error else {
        panic!("{error:?}");
    };
    assert!(known < 999);
}

#[test]
fn what_cannot_be_opened_is_told() {
    check_unusable("/nonexistent/a.db", "No such file");
    check_unusable(env!("CARGO_MANIFEST_DIR"), "directory");
    check_unusable(
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        "not a database",
    );
    // Nobody listens at a port that was just given back.
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it has one").port()
    };
    check_unusable(&format!("postgres://a:b@127.0.0.1:{port}/c"), "refused");
    check_unusable("postgres://a:b@name.invalid/c", "");
    check_unusable("postgres:///c?host=/nonexistent", "No such file");
}

#[test]
fn a_server_that_refuses_is_quoted() {
    let Some(server) = Postgres::start("opening-refused") else {
        return;
    };
    check_unusable(
        &server.url("nowhere"),
        "database \"nowhere\" does not exist",
    );
    let url = server.url("postgres").replace("p%40ss", "wrong");
    check_unusable(&url, "password authentication failed");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it has one").port();
    // It accepts and never says a word.
    let silent = format!("postgres://a:b@127.0.0.1:{port}/c?connect_timeout=1");
    check_unusable(&silent, "did not answer within 1 s");
}
