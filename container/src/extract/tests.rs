//! The extractors from outside: what each makes of a request, and what it refuses.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;

use super::{Extension, Form, Json, Path, PeerAddress, Query, Rejection, State};
use crate::handler::{
    BodyMode, Cancellation, Context, FromHead, FromRequest, Handler, IntoResponse, Needs, blocking,
};
use crate::message::{Body, Bytes, HeaderMap, Method, PathParameters, Request, RequestHead};

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read through Debug")]
struct Place {
    user: u64,
    post: String,
    page: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read through Debug")]
struct Id(u64);

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read through Debug")]
struct Search {
    text: String,
    page: Option<u32>,
    #[serde(default)]
    tag: Vec<u8>,
}

/// A request with a body of the given content type; an empty content type is none.
fn request(method: Method, target: &str, content_type: &str, body: &'static str) -> Request {
    let fields = [("Content-Type", content_type)];
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let head = RequestHead::new(method, target, fields).unwrap();
    Request::from_head(head, body.into())
}

fn post(content_type: &str, body: &'static str) -> Request {
    request(Method::POST, "/", content_type, body)
}

fn with_parameters(pairs: &[(&str, &str)]) -> Request {
    let mut parameters = PathParameters::default();
    for &(name, value) in pairs {
        parameters.push(name.into(), value.to_owned());
    }
    let mut request = request(Method::GET, "/", "", "");
    request.set_parameters(parameters);
    request
}

/// What the extractor makes of the request, as `Debug` writes it; or status and reason.
#[track_caller]
fn check<T, Via>(request: Request, expected: &str)
where
    T: FromRequest<Via, Rejection = Rejection> + fmt::Debug,
{
    let found = match T::from_request(request, &Context::new()) {
        Ok(value) => format!("{value:?}"),
        Err(rejection) => format!("{} {rejection}", rejection.status().as_u16()),
    };
    assert_eq!(found, expected);
}

#[test]
fn paths_become_values() {
    let one = |value| with_parameters(&[("id", value)]);
    check::<Path<u64>, _>(one("7"), "Path(7)");
    check::<Path<i8>, _>(one("-7"), "Path(-7)");
    check::<Path<f32>, _>(one("0.5"), "Path(0.5)");
    check::<Path<bool>, _>(one("true"), "Path(true)");
    check::<Path<char>, _>(one("ä"), "Path('ä')");
    check::<Path<String>, _>(one("a b"), "Path(\"a b\")");
    check::<Path<Id>, _>(one("7"), "Path(Id(7))");
    check::<Path<Option<u8>>, _>(one("7"), "Path(Some(7))");
    check::<Path<Color>, _>(one("red"), "Path(Red)");
    check::<Path<(Color,)>, _>(one("red"), "Path((Red,))");
    check::<Path<Vec<u8>>, _>(one("7"), "Path([7])");
    check::<Path<HashMap<String, u8>>, _>(one("7"), "Path({\"id\": 7})");
    check::<Path<()>, _>(one("7"), "Path(())");
    let two = || with_parameters(&[("user", "7"), ("post", "x")]);
    check::<Path<(u64, String)>, _>(two(), "Path((7, \"x\"))");
    check::<Path<Place>, _>(two(), "Path(Place { user: 7, post: \"x\", page: None })");
}

#[test]
fn paths_say_which_parameter_is_wrong() {
    let one = || with_parameters(&[("id", "x")]);
    check::<Path<u64>, _>(one(), "400 the path parameter `id`: not a valid u64");
    check::<Path<(i32,)>, _>(one(), "400 the path parameter `id`: not a valid i32");
    check::<Path<Id>, _>(one(), "400 the path parameter `id`: not a valid u64");
    check::<Path<Color>, _>(
        one(),
        "400 the path parameter `id`: unknown variant `x`, expected `red`",
    );
    check::<Path<(u8, u8)>, _>(
        one(),
        "500 path parameters: the handler takes 2, its pattern captures 1",
    );
    check::<Path<u8>, _>(
        with_parameters(&[]),
        "500 path parameters: the handler takes 1, its pattern captures 0",
    );
    check::<Path<Place>, _>(
        with_parameters(&[("user", "7")]),
        "500 the handler takes the path parameter `post`, which its pattern does not capture",
    );
    check::<Path<((u8, u8),)>, _>(
        one(),
        "500 the path parameter `id` is one value, and the handler takes it as several",
    );
}

#[test]
fn queries_and_forms_become_values() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let get = |target| request(Method::GET, target, "", "");
    let search = "Search { text: \"a b\", page: Some(2), tag: [1, 3] }";
    let encoded = "text=a%20b&tag=1&page=2&tag=3";
    check::<Query<Search>, _>(
        get("/?text=a%20b&tag=1&page=2&tag=3"),
        &format!("Query({search})"),
    );
    check::<Query<Search>, _>(get("/"), "400 the query: missing field `text`");
    check::<Query<HashMap<String, u8>>, _>(get("/?"), "Query({})");
    check::<Form<Search>, _>(post(FORM, encoded), &format!("Form({search})"));
    check::<Form<Search>, _>(
        post("Application/X-WWW-Form-URLencoded; charset=utf-8", encoded),
        &format!("Form({search})"),
    );
    check::<Form<Search>, _>(
        get("/?text=a+b&tag=1&page=2&tag=3"),
        &format!("Form({search})"),
    );
    check::<Form<Search>, _>(
        post("", encoded),
        &format!("415 the content type must be {FORM}"),
    );
    check::<Form<Search>, _>(
        post(FORM, "text=a"),
        "Form(Search { text: \"a\", page: None, tag: [] })",
    );
    check::<Form<Search>, _>(post(FORM, "page=2"), "400 the form: missing field `text`");
    check::<Query<Search>, _>(get("/?text=%ff"), "400 the query: not UTF-8");
    for text in [
        "text=%ff",
        "text=a%C3b",
        "text=%ED%A0%80",
        "text=%C3&tag=%A4",
    ] {
        check::<Form<Search>, _>(post(FORM, text), "400 the form: not UTF-8");
    }
    check::<Query<Search>, _>(
        get("/?text=%C3%A4%EF%BF%BD%%2%zz"),
        "Query(Search { text: \"ä\u{fffd}%%2%zz\", page: None, tag: [] })",
    );
}

#[test]
fn json_becomes_values() {
    let json = |body| post("application/json", body);
    check::<Json<Vec<u8>>, _>(json("[1, 2] "), "Json([1, 2])");
    check::<Json<u8>, _>(post("Application/JSON; charset=utf-8", "1"), "Json(1)");
    check::<Json<u8>, _>(post("application/problem+json", "1"), "Json(1)");
    let refused = "415 the content type must be application/json";
    check::<Json<u8>, _>(post("", "1"), refused);
    check::<Json<u8>, _>(post("text/json", "1"), refused);
    check::<Json<u8>, _>(post("application/jsonp", "1"), refused);
    check::<Json<Vec<u8>>, _>(
        json("[1"),
        "400 the body is not JSON: EOF while parsing a list at line 1 column 2",
    );
    check::<Json<u8>, _>(
        json(""),
        "400 the body is not JSON: EOF while parsing a value at line 1 column 0",
    );
    check::<Json<u8>, _>(
        json("[]"),
        "422 the body: invalid type: sequence, expected u8 at line 1 column 0",
    );
}

#[test]
fn bodies_are_whole() {
    check::<Bytes, _>(post("", "abc"), "b\"abc\"");
    check::<Vec<u8>, _>(post("", "a"), "[97]");
    check::<String, _>(post("", "ä"), "\"ä\"");
    let mut binary = post("", "");
    binary.set_body(Body::from(&b"\xff"[..]));
    check::<String, _>(binary, "400 the body is not UTF-8");
    let (_sender, body) = Body::channel(1);
    let mut arriving = post("", "");
    arriving.set_body(body);
    let rejection = Bytes::from_request(arriving, &Context::new()).unwrap_err();
    assert_eq!(rejection, Rejection::BodyNotWhole);
    assert!(
        rejection
            .into_response()
            .into_body()
            .into_full()
            .is_ok_and(|body| { !String::from_utf8_lossy(&body).contains("describe") })
    );
}

#[test]
fn what_is_missing_is_named() {
    check::<State<u8>, _>(post("", ""), "500 there is no state `u8`");
    check::<Extension<u8>, _>(
        post("", ""),
        "500 no middleware left a value `u8` in the request's extensions",
    );
    let mut marked = post("", "");
    marked.extensions_mut().insert(7_u8);
    check::<Extension<u8>, _>(marked, "Extension(7)");
}

#[test]
fn parts_of_the_head_are_always_there() {
    let cancellation = Cancellation::new();
    let peer = "127.0.0.1:80".parse().ok();
    let mut request = request(Method::PUT, "/", "text/plain", "").with_peer(peer);
    request.extensions_mut().insert(cancellation.clone());
    let context = Context::new();
    assert_eq!(Method::from_head(&request, &context), Ok(Method::PUT));
    assert_eq!(
        PeerAddress::from_head(&request, &context),
        Ok(PeerAddress(peer))
    );
    let Ok(headers) = HeaderMap::from_head(&request, &context);
    assert_eq!(headers["content-type"], "text/plain");
    let Ok(taken) = Cancellation::from_head(&request, &context);
    cancellation.cancel();
    assert!(taken.is_cancelled());
}

#[test]
fn what_may_fail_does_not_refuse() {
    let context = Context::new();
    let failing = with_parameters(&[("id", "x")]);
    let Ok(optional) = Option::<Path<u8>>::from_head(&failing, &context);
    assert_eq!(optional, None);
    let Ok(result) = Result::<Path<u8>, Rejection>::from_head(&failing, &context);
    assert!(matches!(result, Err(Rejection::Path(_))));
    let Ok(body) = Result::<Json<u8>, Rejection>::from_request(failing, &context);
    assert!(matches!(body, Err(Rejection::MediaType { .. })));
}

#[test]
fn handlers_need_what_their_arguments_need() {
    async fn whole(_: State<u8>, _: Option<State<u16>>, _: Result<Json<u8>, Rejection>) {}
    async fn live(_: Method, _: Body) {}
    fn plain(_: Request) {}
    async fn head(_: Query<u8>, _: Path<u8>) {}
    let needs = |needs: &Needs| (needs.body, needs.states.len());
    assert_eq!(
        needs(whole.into_endpoint().needs()),
        (BodyMode::Buffered, 1)
    );
    assert_eq!(needs(live.into_endpoint().needs()), (BodyMode::Live, 0));
    assert_eq!(needs(blocking(plain).needs()), (BodyMode::Buffered, 0));
    assert_eq!(needs(head.into_endpoint().needs()), (BodyMode::Ignored, 0));
}
