//! Databases that are there and of no use: that is nobody's fault and may be over soon, so it is
//! `Unavailable`.

use std::fs;
use std::path::Path;

use handlers::store::{Database, StoreError, Stores};
use tests::on_worker;
use tests::postgres::Postgres;
use tests::program::Folder;

use crate::named;

#[track_caller]
fn check_unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>, reason: &str) {
    match result {
        Err(StoreError::Unavailable(said)) => assert!(said.contains(reason), "{said}"),
        other => panic!("{other:?}"),
    }
}

/// Writes after something was done to the database's file.
#[track_caller]
fn check_file(name: &str, harm: impl FnOnce(&Path), reason: &str) {
    let folder = Folder::new(name);
    let path = folder.path().join("a.db");
    let stores = Stores::open(&Database::File(path.clone())).expect("it opens");
    harm(&path);
    let added = stores
        .key_values
        .add(vec![("a".to_owned(), "b".to_owned())]);
    check_unavailable(on_worker(added), reason);
}

#[test]
fn a_file_that_was_removed() {
    let remove = |path: &Path| fs::remove_file(path).expect("it is removed");
    check_file("useless-removed", remove, "was removed");
}

#[test]
fn a_file_that_was_replaced() {
    let replace = |path: &Path| {
        let other = path.with_extension("other");
        fs::copy(path, &other).expect("it is copied");
        fs::rename(other, path).expect("it is replaced");
    };
    check_file("useless-replaced", replace, "was removed or replaced");
}

#[test]
fn a_server_that_only_reads() {
    let Some(server) = Postgres::start("useless-read-only") else {
        return;
    };
    let stores = Stores::open(&named(&server.create("shop"))).expect("it opens");
    // As after a failover, for connections that are made from now on.
    server.sql(
        "shop",
        "ALTER DATABASE shop SET default_transaction_read_only = on",
    );
    let added = stores
        .key_values
        .add(vec![("a".to_owned(), "b".to_owned())]);
    check_unavailable(on_worker(added), "read-only");
    assert!(on_worker(stores.key_values.count()).is_ok());
}
