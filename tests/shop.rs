//! The shop: what its routes answer, from a database in memory.

use std::sync::Arc;
use std::time::Duration;

use container::Router;
use container::testing::Server;
use handlers::store::{
    Brand, Catalogue, Database, NewProduct, Pending, Product, StoreError, Stores,
};
use handlers::{Options, router, shop};
use tests::{Answer, read_answers};

fn server() -> Server {
    let stores = Stores::open(&Database::Memory).expect("it opens");
    let options = Options {
        stores: Some(stores),
        ..Options::default()
    };
    Server::new(router(&options))
}

fn get(server: &Server, path: &str) -> Answer {
    ask(server, &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
}

fn post(server: &Server, body: &str) -> Answer {
    let length = body.len();
    ask(
        server,
        &format!(
            "POST /product HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ),
    )
}

fn ask(server: &Server, request: &str) -> Answer {
    let wire = server.exchange(request);
    let mut answers = read_answers(&wire, &[]);
    assert_eq!(answers.len(), 1, "{wire:?}");
    answers.remove(0)
}

#[track_caller]
fn check(answer: &Answer, status: u16, content_type: &str, body: &str) {
    assert_eq!((answer.status, &*answer.body), (status, body));
    assert_eq!(answer.field("content-type"), Some(content_type));
}

/// A refusal says what was wrong.
#[track_caller]
fn check_refused(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.body.contains(detail), "{}", answer.body);
}

#[test]
fn all_brands_are_listed() {
    let answer = get(&server(), "/brands");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let first = r#"[{"brand_id":1,"brand_name":"Coppervale"},{"brand_id":2,"#;
    assert!(answer.body.starts_with(first), "{}", answer.body);
    let brands: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(brands.as_array().map(Vec::len), Some(100));
}

#[test]
fn a_product_is_found_or_not() {
    let server = server();
    let kettle = r#"{"product_id":1,"product_name":"Coppervale Kettle","brand_id":1}"#;
    check(
        &get(&server, "/products/1"),
        200,
        "application/json",
        kettle,
    );
    for unknown in ["0", "-1", "301", "9223372036854775807"] {
        let answer = get(&server, &format!("/products/{unknown}"));
        check_refused(&answer, 404, &format!("there is no product {unknown}\""));
    }
    for wrong in ["one", "1.0", "%20", "9223372036854775808", "1,2", "0x1"] {
        assert_eq!(get(&server, &format!("/products/{wrong}")).status, 400);
    }
}

#[test]
fn a_product_is_added() {
    let server = server();
    let added = post(&server, r#"{"product_name": "Lamp \"ä\"", "brand_id": 7}"#);
    let lamp = r#"{"product_id":301,"product_name":"Lamp \"ä\"","brand_id":7}"#;
    check(&added, 201, "application/json", lamp);
    let path = added.field("location").expect("it says where");
    check(&get(&server, path), 200, "application/json", lamp);
    // To JSON, a number without a fraction is an integer however it is written.
    for seven in ["7.0", "70e-1", "0.07e2"] {
        let body = format!(r#"{{"product_name": "Lamp", "brand_id": {seven}}}"#);
        assert_eq!(post(&server, &body).status, 201, "{seven}");
    }
}

#[test]
fn what_cannot_be_a_product_is_refused() {
    let server = server();
    for (body, detail) in [
        (r#"{"brand_id": 1}"#, "missing field `product_name`"),
        (r#"{"product_name": "Lamp"}"#, "missing field `brand_id`"),
        ("{}", "missing field"),
        ("[]", "the body"),
        (r#"["Lamp", 1]"#, "expected an object"),
        (
            r#"{"product_name": "Lamp", "brand_id": 1, "brand_id": 2}"#,
            "`brand_id` is there twice",
        ),
        ("", "not JSON"),
        ("Lamp", "not JSON"),
        (
            r#"{"product_name": "Lamp", "brand_id": "one"}"#,
            "invalid type",
        ),
        (r#"{"product_name": 1, "brand_id": 1}"#, "invalid type"),
        (
            r#"{"product_name": "Lamp", "brand_id": 101}"#,
            "no such brand",
        ),
        (r#"{"product_name": "", "brand_id": 1}"#, "1 to 128"),
        (r#"{"product_name": "a\u0000b", "brand_id": 1}"#, "control"),
    ] {
        check_refused(&post(&server, body), 400, detail);
    }
    let named = |length| {
        let name = "ä".repeat(length);
        post(
            &server,
            &format!(r#"{{"product_name": "{name}", "brand_id": 1}}"#),
        )
        .status
    };
    assert_eq!([named(128), named(129)], [201, 400]);
    let form = "POST /product HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(ask(&server, form).status, 415);
}

#[test]
fn the_time_is_told_in_utc() {
    let server = server();
    let time = || -> serde_json::Value {
        let answer = get(&server, "/time");
        assert_eq!(answer.field("content-type"), Some("application/json"));
        serde_json::from_str(&answer.body).expect("JSON")
    };
    let before = time();
    let (month, day) = (&before["month"], &before["day"]);
    assert!(
        month
            .as_u64()
            .is_some_and(|month| (1..=12).contains(&month))
    );
    assert!(day.as_u64().is_some_and(|day| (1..=31).contains(&day)));
    let text = before["time"].as_str().expect("text");
    let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let shape: String = text.chars().map(digits).collect();
    assert_eq!(shape, "00:00:00.000000");
    // A day has passed, to the microsecond.
    server.advance(Duration::from_secs(24 * 60 * 60));
    let after = time();
    assert_eq!(after["time"], before["time"]);
    assert_ne!(after["day"], before["day"]);
}

#[test]
fn one_greeting_in_two_calling_conventions() {
    let server = server();
    let html = "text/html; charset=utf-8";
    check(&get(&server, "/hello/sync"), 200, html, "WSGI hello!");
    assert_eq!(server.stats().blocking.finished, 1);
    check(&get(&server, "/hello/async"), 200, html, "ASGI hello!");
    assert_eq!(server.stats().r#async.finished, 1);
}

/// A database that is away.
struct Away;

impl Away {
    fn fail<T: 'static>() -> Pending<T> {
        Box::pin(async { Err(StoreError::Unavailable("it is away".to_owned())) })
    }
}

impl Catalogue for Away {
    fn brands(&self) -> Pending<Vec<Brand>> {
        Away::fail()
    }

    fn product(&self, _id: i64) -> Pending<Option<Product>> {
        Away::fail()
    }

    fn add_product(&self, _product: NewProduct) -> Pending<Product> {
        Away::fail()
    }
}

#[test]
fn without_its_database_it_asks_to_come_again() {
    let away: Arc<dyn Catalogue> = Arc::new(Away);
    let server = Server::new(Router::new().merge(shop::catalogue()).state(away));
    for answer in [
        get(&server, "/brands"),
        get(&server, "/products/1"),
        post(&server, r#"{"product_name": "Lamp", "brand_id": 1}"#),
    ] {
        check_refused(&answer, 503, "the database is not available");
        assert_eq!(answer.field("retry-after"), Some("1"));
        assert!(!answer.body.contains("away"), "the reason is for the log");
    }
}
