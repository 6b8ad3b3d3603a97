//! The key-value resource.

use serde_json::json;

use crate::{App, Ask, ask, check, tell};

const PATH: &str = "/api/simple_data";

/// A request to it: method, query and body.
fn request(method: &str, query: &str, body: &str) -> Ask {
    let request = ask(&format!("{method} {PATH}{query}"));
    if body.is_empty() {
        request
    } else {
        request.with_body(body)
    }
}

/// Sends requests one after another, each with the status and a part of what is answered.
fn check_all(cases: &[(&str, &str, &str, u16, &str)]) -> App {
    let app = App::new();
    for (method, query, body, status, said) in cases {
        let answer = app.send(&request(method, query, body));
        assert_eq!(
            answer.status, *status,
            "{method} {query} {body}: {}",
            answer.body
        );
        check(&answer, *status, said);
    }
    app
}

#[test]
fn there_is_something_from_the_start() {
    check_all(&[
        ("GET", "?key=language", "", 200, "Python"),
        ("GET", "?key=framework", "", 200, "Flask"),
        ("GET", "?key=website", "", 200, "Facebook"),
        ("GET", "?key=editor", "", 200, "vscode"),
    ]);
}

#[test]
fn values_are_plain_text() {
    let app = App::new();
    let answer = app.ask("GET /api/simple_data?key=editor");
    assert_eq!(
        answer.field("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(answer.body, "vscode");
}

#[test]
fn keys_are_added_changed_and_removed() {
    check_all(&[
        ("PUT", "?key=shell", "", 201, r#"{"shell":""}"#),
        ("GET", "?key=shell", "", 200, ""),
        (
            "PATCH",
            "?key=shell",
            r#"{"value": "fish"}"#,
            200,
            r#"{"shell":"fish"}"#,
        ),
        ("GET", "?key=shell", "", 200, "fish"),
        (
            "PUT",
            "?key=a&key=b%20c&key=%C3%A4",
            "",
            201,
            r#"{"a":"","b c":"","ä":""}"#,
        ),
        ("GET", "?key=b+c", "", 200, ""),
        (
            "POST",
            "",
            r#"{"d": "1", "e": "two\nlines"}"#,
            201,
            r#"{"d":"1","e":"two\nlines"}"#,
        ),
        ("GET", "?key=e", "", 200, "two\nlines"),
        ("DELETE", "?key=d", "", 200, "removed"),
        ("GET", "?key=d", "", 400, "there is no key `d`"),
        ("GET", "?key=e", "", 200, "two"),
        ("PATCH", "?key=e", r#"{"value": ""}"#, 200, r#"{"e":""}"#),
    ]);
}

#[test]
fn what_is_missing_unknown_taken_or_no_json_is_a_bad_request() {
    check_all(&[
        ("GET", "", "", 400, "key is missing"),
        ("GET", "?other=a", "", 400, "key is missing"),
        ("GET", "?key=", "", 400, "key must not be empty"),
        ("GET", "?key=nothing", "", 400, "there is no key `nothing`"),
        ("GET", "?key=editor&key=website", "", 400, "only one key"),
        ("PUT", "", "", 400, "key is missing"),
        (
            "PUT",
            "?key=editor",
            "",
            400,
            "the key `editor` exists already",
        ),
        ("PUT", "?key=a&key=a", "", 400, "the key `a` exists already"),
        ("POST", "", "", 400, "application/json"),
        ("POST", "", "editor", 400, "not JSON"),
        ("POST", "", "[1]", 400, "invalid type"),
        ("POST", "", "{}", 400, "the object must have a member"),
        (
            "POST",
            "",
            r#"{"a": "1", "a": "2"}"#,
            400,
            "`a` is there twice",
        ),
        ("PUT", "?key=%ff", "", 400, "not UTF-8"),
        ("PUT", "?key=a&key=%C3", "", 400, "not UTF-8"),
        ("PUT", "?key=%C3&key=%A4", "", 400, "not UTF-8"),
        (
            "POST",
            "",
            r#"{"a": "1", "editor": "vi"}"#,
            400,
            "the key `editor` exists already",
        ),
        (
            "POST",
            "",
            r#"{"a": 1, "": "2"}"#,
            400,
            "`` must not be empty; `a` must be a text",
        ),
        ("PATCH", "", r#"{"value": "vi"}"#, 400, "key is missing"),
        (
            "PATCH",
            "?key=nothing",
            r#"{"value": "vi"}"#,
            400,
            "there is no key `nothing`",
        ),
        ("PATCH", "?key=editor", "{", 400, "not JSON"),
        ("PATCH", "?key=editor", "{}", 400, "value is missing"),
        (
            "PATCH",
            "?key=editor",
            r#"{"value": null}"#,
            400,
            "value must be a text",
        ),
        (
            "PATCH",
            "?key=editor",
            r#"{"value": "\u0000"}"#,
            400,
            "value must not have",
        ),
        ("DELETE", "", "", 400, "key is missing"),
        (
            "DELETE",
            "?key=nothing",
            "",
            400,
            "there is no key `nothing`",
        ),
        // Nothing of all that was done.
        ("GET", "?key=editor", "", 200, "vscode"),
        ("GET", "?key=a", "", 400, "there is no key `a`"),
    ]);
}

#[test]
fn all_are_added_or_none() {
    check_all(&[
        (
            "PUT",
            "?key=a&key=editor&key=b",
            "",
            400,
            "`editor` exists already",
        ),
        ("GET", "?key=a", "", 400, "there is no key `a`"),
        ("GET", "?key=b", "", 400, "there is no key `b`"),
        (
            "POST",
            "",
            r#"{"a": "", "editor": "", "b": ""}"#,
            400,
            "`editor` exists already",
        ),
        ("GET", "?key=a", "", 400, "there is no key `a`"),
        ("GET", "?key=b", "", 400, "there is no key `b`"),
    ]);
}

#[test]
fn keys_values_and_their_number_are_bounded() {
    let (full, long) = ("k".repeat(128), "k".repeat(129));
    let app = App::new();
    let put = |key: &str| app.ask(&format!("PUT {PATH}?key={key}"));
    check(&put(&full), 201, &full);
    check(&put(&long), 400, "at most 128 characters");
    let value = |length: usize| json!({ "value": "v".repeat(length) });
    let patch = |length| app.tell(&format!("PATCH {PATH}?key={full}"), &value(length));
    check(&patch(4096), 200, "vvv");
    check(&patch(4097), 400, "at most 4096 characters");

    // Five are there.
    let members = |from: usize, to: usize| {
        let members = (from..to).map(|number| (number.to_string(), json!("")));
        serde_json::Value::Object(members.collect())
    };
    let post = |from, to| app.send(&tell(&format!("POST {PATH}"), &members(from, to)));
    check(&post(0, 996), 400, "no more than 1000 keys");
    check(&post(0, 995), 201, "994");
    check(&put("more"), 400, "no more than 1000 keys");
    check(&app.ask(&format!("DELETE {PATH}?key=0")), 200, "removed");
    check(&put("more"), 201, "more");
}
