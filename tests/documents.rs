//! What the server says about itself: the routes' descriptions, and the pages made of them.

use std::time::Duration;

use container::testing::Server;
use handlers::backend::PasswordCost;
use handlers::store::{Database, Stores};
use handlers::{Options, openapi, router};
use serde_json::Value;
use tests::{Answer, read_answers};

/// Longer than any example takes.
const LONG: Duration = Duration::from_secs(60);

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
    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
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
        "<code>Authorization: Bearer</code> and a JWT.",
        "there is no valid login",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
}

/// Asks each operation below `/api` as somebody who has not logged in: those that want a login, and
/// no others, refuse that, as the document says.
#[track_caller]
fn check_logins(protect_users: bool, expected: &[&str]) {
    let mut options = options();
    options.backend.protect_users = protect_users;
    options.backend.user_delay = Duration::ZERO;
    options.backend.passwords.cost = PasswordCost::CHEAPEST;
    let server = Server::new(router(&options));
    let document = document(&server);
    let mut refused = vec![];
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let wants = &operation["security"];
        if let Some(requirements) = wants[0].as_object() {
            assert_eq!(requirements.len(), 1, "{name}");
            for scheme in requirements.keys() {
                let scheme = &document["components"]["securitySchemes"][scheme];
                let kind = (&scheme["type"], &scheme["scheme"], &scheme["bearerFormat"]);
                assert_eq!(kind, (&"http".into(), &"bearer".into(), &"JWT".into()));
            }
        }
        if path.starts_with("/api/") {
            let wire = server.exchange(&example(&document, &name, None));
            let answer = &read_answers(&wire, heads(&method))[0];
            assert_eq!(answer.status == 401, !wants.is_null(), "{name}");
            let documented = !operation["responses"]["401"].is_null();
            assert_eq!(answer.status == 401, documented, "{name}");
            if answer.status == 401 {
                assert_eq!(answer.field("www-authenticate"), Some("Bearer"), "{name}");
                refused.push(name);
            }
        } else {
            assert!(wants.is_null(), "{name}");
        }
    }
    assert_eq!(refused, expected);
}

/// The operations, each with its path and its method.
fn operations(document: &Value) -> impl Iterator<Item = (&str, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(|(method, operation)| (path.as_str(), method.to_uppercase(), operation))
    })
}

/// Which answers have no body, to one request of this method.
fn heads(method: &str) -> &'static [usize] {
    match method {
        "HEAD" => &[0],
        _ => &[],
    }
}

/// The document that a server makes of its routes.
fn document(server: &Server) -> Value {
    let wire = server.exchange("GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n");
    serde_json::from_str(&read_answers(&wire, &[])[0].body).expect("JSON")
}

/// The example of an operation, named by its method and its path, as a request; with another value for
/// one of its parameters, where one is given.
fn example(document: &Value, name: &str, given: Option<(&str, &str)>) -> String {
    let (method, path) = name.split_once(' ').expect("a method and a path");
    let operation = &document["paths"][path][method.to_lowercase()];
    let (mut target, mut fields) = (path.to_owned(), String::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        let value = match &given {
            Some((given, value)) if *given == name => (*value).to_owned(),
            _ if parameter["required"] == true => text(&parameter["example"]),
            _ => continue,
        };
        match parameter["in"].as_str() {
            Some("path") => target = target.replace(&format!("{{{name}}}"), &value),
            Some("header") => fields = format!("{fields}{name}: {value}\r\n"),
            _ => {
                let mark = if target.contains('?') { '&' } else { '?' };
                target = format!("{target}{mark}{name}={value}");
            }
        }
    }
    let content = &operation["requestBody"]["content"]["application/json"];
    let schema = content["schema"]["$ref"].as_str().unwrap_or_default();
    let schema = document.pointer(schema.trim_start_matches('#'));
    let known = schema.map(|schema| &schema["examples"][0]);
    let body = match (&content["example"], known) {
        (Value::Null, None) => String::new(),
        (Value::Null, Some(example)) | (example, _) => example.to_string(),
    };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{fields}\
         Content-Length: {}\r\n\r\n{body}",
        body.len(),
    )
}

/// A value as it stands in a target.
fn text(value: &Value) -> String {
    value.as_str().map_or(value.to_string(), str::to_owned)
}

/// Where the requests for REST clients are.
const REQUESTS: &str = include_str!("../docs/api.http");

/// Applications that those leave out: they say nothing that people would ask.
const UNASKED: [&str; 3] = ["Probe", "Documents", "Health"];

/// Whether a request for a REST client, such as `GET {{host}}/users/9`, is one of this operation.
fn is_of(line: &str, method: &str, path: &str) -> bool {
    let Some(target) = line.strip_prefix(&format!("{method} {{{{host}}}}")) else {
        return false;
    };
    let asked = target.split('?').next().unwrap_or_default().split('/');
    let (asked, path): (Vec<_>, Vec<_>) = (asked.collect(), path.split('/').collect());
    let mut words = asked.iter().zip(&path);
    asked.len() == path.len() && words.all(|(asked, word)| asked == word || word.starts_with('{'))
}

#[test]
fn requests_for_rest_clients_ask_all_that_people_would() {
    let server = Server::new(router(&options()));
    let document = document(&server);
    let mut asked = 0;
    for (path, method, operation) in operations(&document) {
        let application = operation["tags"][0].as_str().expect("a name");
        // What is served on both lanes is asked on one.
        let path = path.strip_prefix("/blocking").unwrap_or(path);
        let is_asked = REQUESTS.lines().any(|line| is_of(line, &method, path));
        assert!(
            is_asked || UNASKED.contains(&application),
            "{method} {path}"
        );
        asked += usize::from(is_asked);
    }
    assert!(asked > 20, "{asked}");
}

/// Asks each operation for its example, in virtual time: the answer is one that the document has, and
/// in a form that it has.
#[test]
fn each_operation_answers_its_example_as_the_document_says() {
    let mut options = options();
    options.debug = false;
    options.backend.passwords.cost = PasswordCost::CHEAPEST;
    let server = Server::new(router(&options));
    let document = document(&server);
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let mut client = server.connect();
        client.send(example(&document, &name, None));
        server.advance(LONG);
        let answer = &read_answers(&client.received(), heads(&method))[0];
        let responses = &operation["responses"];
        let class = format!("{}XX", answer.status / 100);
        let said = match &responses[answer.status.to_string()] {
            Value::Null => &responses[class],
            said => said,
        };
        assert!(!said.is_null(), "{name}: {} {}", answer.status, answer.body);
        // What only would be the body of an answer needs no form.
        let form = answer.field("content-type");
        if let Some(form) = form.filter(|_| !answer.body.is_empty()) {
            let form = form.split(';').next().unwrap_or_default();
            let forms = said["content"].as_object().expect("it has a body");
            let is_said = forms.contains_key(form) || forms.contains_key("*/*");
            assert!(is_said, "{name}: {form}");
        }
    }
}

#[test]
fn routes_that_want_a_login_say_so() {
    check_logins(false, &["PUT /api/logout"]);
    check_logins(
        true,
        &[
            "PUT /api/logout",
            "DELETE /api/user",
            "GET /api/user",
            "POST /api/user",
            "DELETE /api/user/{id}",
            "GET /api/user/{id}",
            "PATCH /api/user/{id}",
        ],
    );
}

/// The numbers next to those that a parameter takes: below and above.
fn beyond(schema: &Value) -> Option<[String; 2]> {
    let bounds = match schema["format"].as_str() {
        Some("int64") => [i64::MIN.into(), i64::MAX.into()],
        Some("uint64") => [0, u64::MAX.into()],
        _ => [i128::MIN, i128::MAX],
    };
    let is_number = ["integer", "number"].contains(&schema["type"].as_str()?);
    let said =
        ["minimum", "maximum"].map(|bound| schema[bound].as_f64().map(|bound| bound as i128));
    let [least, most] = [said[0].unwrap_or(bounds[0]), said[1].unwrap_or(bounds[1])];
    is_number.then(|| [least.saturating_sub(1), most.saturating_add(1)].map(|it| it.to_string()))
}

#[test]
fn every_number_has_bounds_and_beyond_them_it_is_named_in_a_400() {
    let server = Server::new(router(&options()));
    let document = document(&server);
    let mut asked = vec![];
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        for parameter in operation["parameters"].as_array().expect("a list") {
            let Some(numbers) = beyond(&parameter["schema"]) else {
                continue;
            };
            let parameter = parameter["name"].as_str().expect("a name");
            for number in numbers {
                let request = example(&document, &name, Some((parameter, &number)));
                let answer = &read_answers(&server.exchange(&request), &[])[0];
                assert_eq!(answer.status, 400, "{request}{}", answer.body);
                assert!(answer.body.contains(parameter), "{request}{}", answer.body);
            }
            asked.push(parameter);
        }
    }
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(
        asked,
        [
            "Last-Event-ID",
            "after",
            "code",
            "count",
            "id",
            "interval_ms",
            "limit",
            "ms",
            "num_calls",
            "request_num",
            "sleep_time",
        ]
    );
}
