//! What the server says about itself: the routes' descriptions, and the pages made of them.

use container::testing::Server;
use handlers::store::{Database, Stores};
use handlers::{Options, openapi, router};
use tests::{Answer, read_answers};

/// All routes there can be.
fn options() -> Options {
    Options {
        debug: true,
        stores: Some(Stores::open(&Database::Memory).expect("it opens")),
        ..Options::default()
    }
}

fn get(target: &str, accept: &str) -> Answer {
    let server = Server::new(router(&options()));
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
    let mut answer = read_answers(&server.exchange(&request), &[]).remove(0);
    // What is filled into pages is escaped more than it need be.
    answer.body = answer.body.replace("&#x2f;", "/");
    answer
}

/// Everything the page refers to on itself is there.
#[track_caller]
fn check_links(page: &str) {
    for part in page.split(" href=\"#").skip(1) {
        let name = part.split('"').next().expect("it ends");
        assert!(page.contains(&format!(" id=\"{name}\"")), "#{name}");
    }
}

/// The page is one file, and what it does is in that file.
#[track_caller]
fn check_alone(answer: &Answer) {
    let content_type = answer.field("content-type");
    assert_eq!(content_type, Some("text/html; charset=utf-8"));
    let policy = answer.field("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    // Addresses that are only shown are none that anything is loaded from.
    for asset in [
        "href=\"http",
        "href=\"//",
        "//cdn",
        "@import",
        "url(",
        " src=",
    ] {
        assert!(!answer.body.contains(asset), "{asset}");
    }
    for markup in ["innerHTML", "document.write", "eval(", " onclick"] {
        assert!(!answer.body.contains(markup), "{markup}");
    }
}

#[test]
fn every_route_says_what_it_does() {
    assert_eq!(openapi::check(&router(&options())), [""; 0]);
}

#[test]
fn the_document_has_every_route() {
    let answer = get("/openapi.json", "*/*");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let document: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let described = |method: &str, path: &str| !document["paths"][path][method].is_null();
    let router = router(&options());
    for route in router.registered() {
        let method = route.method.expect("each has one").as_str().to_lowercase();
        let path = openapi::path(route.pattern);
        assert!(described(&method, &path), "{method} {path}");
    }
    let text = document.to_string();
    for part in text.split(r##""$ref":"#"##).skip(1) {
        let pointer = part.split('"').next().expect("it ends");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn browsers_get_a_list_and_others_the_name() {
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = get("/", browser);
    check_alone(&page);
    for answer in [&page, &get("/", "*/*")] {
        assert_eq!((answer.status, answer.field("vary")), (200, Some("Accept")));
    }
    assert_eq!(get("/", "text/html;q=0.5, */*").body, "Docking API");
    for route in router(&options()).registered() {
        let method = route.method.expect("each has one").as_str();
        let rows = page.body.split("<li class=\"row\">").filter(|row| {
            row.contains(&format!(">{method}</span>"))
                && (row.contains(&format!(">{}</code>", route.pattern))
                    || row.contains(&format!(">{}</a></code>", route.pattern)))
        });
        assert_eq!(rows.count(), 1, "{method} {}", route.pattern);
    }
    let docs = get("/docs", browser);
    for part in page.body.split("href=\"/docs#").skip(1) {
        let name = part.split('"').next().expect("it ends");
        assert!(docs.body.contains(&format!(" id=\"{name}\"")), "{name}");
    }
}

#[test]
fn the_manual_can_be_read_without_a_script() {
    let page = get("/docs", "text/html");
    check_alone(&page);
    check_links(&page.body);
    for part in [
        "<code>salesId</code>",
        "identifier of the customer",
        "<code class=\"path\">/users/{id}</code>",
        "&quot;name&quot;: &quot;Chuck Norris&quot;",
        "there is no such user",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
}
