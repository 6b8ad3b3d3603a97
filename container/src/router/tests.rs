//! The routing table from outside: what is found, what is refused, what is reported.

use http::{HeaderValue, Method};

use super::{Found, Refusal, Router, Routes};
use crate::extract::State;
use crate::handler::{Context, Handler, IntoResponse, Problem};
use crate::message::{Request, Response};
use crate::middleware::Next;

async fn page() -> &'static str {
    "a page"
}

async fn counted(State(_): State<u32>, State(_): State<u32>) {}

async fn named(State(_): State<String>) {}

async fn around(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// What was found, as `label name=value ..`, or as the refusal with its `Allow`.
fn describe(routes: &Routes, method: &str, path: &str) -> String {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    match routes.find(&method, path) {
        Found::Route(found) => {
            let values = found.parameters.iter();
            let values: String = values
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            format!("{}{values}", found.route.label)
        }
        Found::Refused { refusal, .. } => match refusal {
            Refusal::NotFound => "404".to_owned(),
            Refusal::NotImplemented => "501".to_owned(),
            Refusal::MethodNotAllowed { allow } => format!("405 {}", allow.to_str().unwrap()),
            Refusal::Options { allow } => format!("204 {}", allow.to_str().unwrap()),
            Refusal::Parameter { name } => format!("400 {name}"),
        },
    }
}

#[track_caller]
fn check(router: Router, cases: &[(&str, &str, &str)]) {
    let routes = router.build().unwrap();
    for (method, path, expected) in cases {
        let found = describe(&routes, method, path);
        assert_eq!(found, *expected, "{method} {path}");
    }
}

#[track_caller]
fn check_faults(router: Router, expected: &[&str]) {
    let error = router.build().expect_err("the table is wrong").to_string();
    assert_eq!(error.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn finds_by_path_and_captures() {
    let router = Router::new()
        .get("/", page)
        .get("/users/{id}", page)
        .get("/users/me", page)
        .get("/users/{id}/posts/{post}", page)
        .get("/files/{*rest}", page)
        .get("/v{version}.json", page)
        .get("/{{x}}", page);
    check(
        router,
        &[
            ("GET", "/", "GET /"),
            ("GET", "", "404"),
            ("GET", "/users/7", "GET /users/{id} id=7"),
            ("GET", "/users/me", "GET /users/me"),
            (
                "GET",
                "/users/me/posts/1",
                "GET /users/{id}/posts/{post} id=me post=1",
            ),
            ("GET", "/users/", "404"),
            ("GET", "/users/7/", "404"),
            ("GET", "/users/a%2Fb%20c", "GET /users/{id} id=a/b c"),
            ("GET", "/users/%ff", "400 id"),
            ("GET", "/users/%4", "400 id"),
            ("GET", "/files/a/b%2e", "GET /files/{*rest} rest=a/b."),
            ("GET", "/files/", "404"),
            ("GET", "/v2.json", "GET /v{version}.json version=2"),
            ("GET", "/{x}", "GET /{{x}}"),
            ("GET", "/Users/7", "404"),
        ],
    );
}

#[test]
fn decides_the_method_after_the_path() {
    let router = Router::new()
        .get("/both", page)
        .post("/both", page)
        .post("/own", page)
        .options("/own", page)
        .get("/head", page)
        .head("/head", page)
        .route(Method::from_bytes(b"PURGE").unwrap(), "/cache", page)
        .get("/proxy", page)
        .any("/proxy", page);
    check(
        router,
        &[
            ("GET", "/both", "GET /both"),
            ("TRACE", "/both", "405 GET, POST, HEAD, OPTIONS"),
            ("PURGE", "/both", "405 GET, POST, HEAD, OPTIONS"),
            ("PURGE", "/nowhere", "404"),
            ("BREW", "/both", "501"),
            ("BREW", "/nowhere", "501"),
            ("POST", "/both", "POST /both"),
            ("HEAD", "/both", "GET /both"),
            ("PUT", "/both", "405 GET, POST, HEAD, OPTIONS"),
            ("get", "/both", "501"),
            ("OPTIONS", "/both", "204 GET, POST, HEAD, OPTIONS"),
            ("OPTIONS", "/own", "OPTIONS /own"),
            ("HEAD", "/own", "405 POST, OPTIONS"),
            ("HEAD", "/head", "HEAD /head"),
            ("PURGE", "/cache", "PURGE /cache"),
            ("GET", "/cache", "405 PURGE, OPTIONS"),
            ("HEAD", "/proxy", "GET /proxy"),
            ("PUT", "/proxy", "any method of /proxy"),
            ("OPTIONS", "/proxy", "any method of /proxy"),
            ("OPTIONS", "/nowhere", "404"),
            (
                "OPTIONS",
                "*",
                "204 GET, POST, HEAD, OPTIONS, PURGE, PUT, PATCH, DELETE",
            ),
            ("GET", "*", "404"),
        ],
    );
}

#[test]
fn nested_routers_have_their_prefix_and_fallback() {
    let users = Router::new().get("/", page).get("/{id}", page);
    let api = Router::new()
        .nest("/users", users)
        .get("/x/", page)
        .fallback(page);
    let router = Router::new()
        .nest("/api", api)
        .merge(Router::new().get("/merged", page))
        .nest(
            "/t/{tenant}",
            Router::new().get("/{id}", page).fallback(page),
        );
    check(
        router,
        &[
            ("GET", "/api/users", "GET /api/users"),
            ("GET", "/api/users/", "fallback of /api"),
            ("GET", "/api/users/1", "GET /api/users/{id} id=1"),
            ("PUT", "/api/users/1", "405 GET, HEAD, OPTIONS"),
            ("GET", "/api/x/", "GET /api/x/"),
            ("PUT", "/api/x", "fallback of /api"),
            ("GET", "/api", "fallback of /api"),
            ("GET", "/api/", "fallback of /api"),
            ("GET", "/apix", "404"),
            ("GET", "/merged", "GET /merged"),
            ("GET", "/t/a/b", "GET /t/{tenant}/{id} tenant=a id=b"),
            ("GET", "/t/a/b/c", "fallback of /t/{tenant}"),
        ],
    );
}

#[test]
fn a_fallback_answers_what_no_route_has() {
    let router = Router::new().get("/a", page).fallback(page);
    check(
        router,
        &[
            ("DELETE", "/b", "fallback"),
            ("GET", "%", "fallback"),
            ("DELETE", "/a", "405 GET, HEAD, OPTIONS"),
            ("OPTIONS", "*", "204 GET, HEAD, OPTIONS"),
        ],
    );
}

#[test]
fn reports_all_mistakes_at_once() {
    let router = Router::new()
        .get("/users/{id}", page)
        .post("/users/{name}", page)
        .get("/users/{id}", page.queue(1))
        .any("/x", page)
        .any("/x", page)
        .get("no-slash", page)
        .get("/a b", page)
        .get("/a?b", page)
        .get("/{", page)
        .get("/{*rest}/more", page)
        .get("/{a}-{b}", page)
        .get("/{a}/{a}", page)
        .get("/counted", counted)
        .fallback(named)
        .fallback(page);
    check_faults(
        router,
        &[
            "GET /counted: its handler takes the state `u32`; give it with `.state(..)`",
            "fallback: its handler takes the state `alloc::string::String`; give it with \
             `.state(..)`",
            "POST /users/{name}: `/users/{id}` matches the same paths; give the parameters the \
             same names",
            "GET /users/{id}: there are two routes for it",
            "any method of /x: there are two routes for it",
            "GET no-slash: the pattern does not begin with a slash",
            "GET /a b: the pattern has characters that a path cannot have: write them \
             percent-encoded",
            "GET /a?b: the pattern has characters that a path cannot have: write them \
             percent-encoded",
            "GET /{: a parameter needs a name between its braces: `{name}`, `{*rest}`; a brace \
             itself is `{{` or `}}`",
            "GET /{*rest}/more: a catch-all parameter must be the last thing",
            "GET /{a}-{b}: there are two parameters in one segment",
            "GET /{a}/{a}: two parameters have the same name",
            "fallback: there are two routes for it",
        ],
    );
}

#[test]
fn reports_mistakes_of_nested_routers() {
    let inner = || Router::new().fallback(page);
    let router = Router::new()
        .nest("/a", inner())
        .nest("/a", inner())
        .nest("/b/", Router::new())
        .nest("/c", Router::new().get("no-slash", page).get("", page))
        .nest("/{*rest}", Router::new())
        .state(1_u32)
        .merge(Router::new().state(2_u32));
    let prefix = "a prefix begins with a slash, does not end with one, and has no catch-all; to \
                  add routes without a prefix, use `.merge(..)`";
    check_faults(
        router,
        &[
            &format!("nest \"/b/\": {prefix}"),
            &format!("nest \"/{{*rest}}\": {prefix}"),
            "state `u32`: given twice; a container has one state of each type",
            "fallback of /a: there are two routes for it",
            "GET no-slash: the pattern does not begin with a slash",
            "GET : the pattern does not begin with a slash",
        ],
    );
}

#[test]
fn layers_are_around_the_routes_of_their_router() {
    let inner = Router::new().get("/in", page).layer(around).layer(around);
    let plain = Router::new().post("/n/in", page);
    let routes = Router::new()
        .layer(around)
        .nest("/n", inner)
        .merge(plain)
        .get("/out", page)
        .build()
        .unwrap();
    let layers = |method: &Method, path: &str| match routes.find(method, path) {
        Found::Route(found) => found.route.layers.len(),
        Found::Refused { layers, .. } => layers.len(),
    };
    assert_eq!(layers(&Method::GET, "/n/in"), 3);
    assert_eq!(layers(&Method::POST, "/n/in"), 1);
    assert_eq!(layers(&Method::PUT, "/n/in"), 1, "what all its routes have");
    assert_eq!(layers(&Method::OPTIONS, "/out"), 1);
    assert_eq!(layers(&Method::GET, "/nowhere"), 1);
    assert_eq!(routes.layers().len(), 1);
}

#[test]
fn refusals_are_problems_but_for_options() {
    let allow = HeaderValue::from_static("GET, OPTIONS");
    let check = |refusal: Refusal, expected: &str, allows: bool| {
        let response = refusal.into_response();
        assert_eq!(response.headers().contains_key("allow"), allows);
        let problem = response.extensions().get::<Problem>();
        let shown = problem.map_or(response.status().to_string(), Problem::to_string);
        assert_eq!(shown, expected);
    };
    check(
        Refusal::NotFound,
        "404 Not Found: no route matches this path",
        false,
    );
    check(
        Refusal::NotImplemented,
        "501 Not Implemented: no route has this method",
        false,
    );
    check(
        Refusal::MethodNotAllowed {
            allow: allow.clone(),
        },
        "405 Method Not Allowed: this path has no route for this method",
        true,
    );
    check(Refusal::Options { allow }, "204 No Content", true);
    check(
        Refusal::Parameter { name: "id".into() },
        "400 Bad Request: the path parameter `id` is not percent-encoded UTF-8",
        false,
    );
}

#[test]
fn what_is_registered_is_seen_before_the_table_is_built() {
    let inner = Router::new().get("/", page).any("/{id}", page);
    let router = Router::new()
        .post("/page", page.annotate("here"))
        .fallback(page)
        .nest("/users", inner);
    let seen: Vec<_> = router
        .registered()
        .map(|route| {
            let annotation = route.endpoint.annotation::<&str>();
            (route.method.cloned(), route.pattern, annotation.copied())
        })
        .collect();
    let expected = [
        (Some(Method::POST), "/page", Some("here")),
        (Some(Method::GET), "/users", None),
        (None, "/users/{id}", None),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn indexes_count_all_routes() {
    let router = Router::new()
        .get("/a", page)
        .post("/a", page)
        .fallback(page);
    let routes = router.build().unwrap();
    let labels: Vec<_> = routes
        .iter()
        .map(|route| (route.index, &*route.label))
        .collect();
    assert_eq!(labels, [(0, "GET /a"), (1, "POST /a"), (2, "fallback")]);
}

#[test]
fn states_and_hooks_of_nested_routers_are_the_containers() {
    let fails = async |_context: Context| Err::<(), _>(Problem::bad_request("no database"));
    let inner = Router::new().state(7_u32).get("/", counted).on_start(fails);
    let router = Router::new()
        .nest("/in", inner)
        .on_stop(async |_context: Context| ());
    let routes = router.build().unwrap();
    assert_eq!(routes.context().state::<u32>(), Some(&7));
    assert_eq!(
        (routes.start_hooks().len(), routes.stop_hooks().len()),
        (1, 1)
    );
    let mut started = routes.start_hooks()[0].run(routes.context().clone());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(error)) = started.as_mut().poll(&mut context) else {
        panic!("the hook fails at once");
    };
    assert_eq!(error.to_string(), "400 Bad Request: no database");
}

#[test]
fn workers_share_the_table() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Routes>();
}
