//! Paths and queries: what handlers get is what a plain reading of RFC 3986 and of the URL
//! Standard gives.

use container::extract::{Path, Query};
use container::handler::{Context, FromHead};
use container::message::{Method, PathParameters, Request};
use container::router::{Found, Refusal, Router, Routes};

thread_local! {
    static ROUTES: Routes = Router::new()
        .get("/one/{value}", async || ())
        .get("/two/{first}/{second}", async || ())
        .get("/rest/{*rest}", async || ())
        .build()
        .expect("the routing table is valid");
}

/// Checks one target, which the input is.
pub(super) fn run(input: &[u8]) {
    let Ok(target) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(mut request) = Request::new(Method::GET, target) else {
        return;
    };
    check_query(&request);
    if let Some(parameters) = ROUTES.with(|routes| check_path(routes, request.path())) {
        request.set_parameters(parameters);
        check_numbers(&request);
    }
}

fn check_query(request: &Request) {
    let query = Query::<Vec<(String, String)>>::from_head(request, &Context::new());
    let pieces = request.query().unwrap_or_default().split('&');
    let expected: Option<Vec<(String, String)>> = pieces
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            Some((decode_form(name)?, decode_form(value)?))
        })
        .collect();
    // Pairs of strings take anything that is text.
    assert_eq!(query.ok().map(|Query(pairs)| pairs), expected);
}

/// What the routing table makes of a path: what it captured is what stands there, decoded.
fn check_path(routes: &Routes, path: &str) -> Option<PathParameters> {
    let segments: Vec<&str> = path.split('/').collect();
    let captured: Option<Vec<String>> = match segments[..] {
        ["", "one", value] if !value.is_empty() => Some(vec![value.to_owned()]),
        ["", "two", a, b] if !a.is_empty() && !b.is_empty() => {
            Some(vec![a.to_owned(), b.to_owned()])
        }
        ["", "rest", ref rest @ ..] if !rest.concat().is_empty() || rest.len() > 1 => {
            Some(vec![rest.join("/")])
        }
        _ => None,
    };
    let decoded: Option<Vec<String>> = captured
        .iter()
        .flatten()
        .map(|value| decode_strictly(value))
        .collect();
    match routes.find(&Method::GET, path) {
        Found::Route(found) => {
            let values = found.parameters.iter().map(|(_, value)| value.to_owned());
            assert!(captured.is_some(), "{path}");
            assert_eq!(Some(values.collect::<Vec<_>>()), decoded, "{path}");
            Some(found.parameters)
        }
        Found::Refused { refusal, .. } => {
            match refusal {
                Refusal::NotFound => assert_eq!(captured, None, "{path}"),
                Refusal::Parameter { .. } => assert_eq!(decoded, None, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
            None
        }
    }
}

/// A parameter is a number exactly when the standard library says so.
fn check_numbers(request: &Request) {
    let values: Vec<&str> = request
        .parameters()
        .iter()
        .map(|(_, value)| value)
        .collect();
    if let [value] = values[..] {
        let extracted = Path::<i32>::from_head(request, &Context::new());
        assert_eq!(
            extracted.ok().map(|Path(number)| number),
            value.parse().ok()
        );
    }
    let pairs = Path::<Vec<String>>::from_head(request, &Context::new());
    assert_eq!(pairs.ok().map(|Path(all)| all.len()), Some(values.len()));
}

/// The bytes of a text in percent-encoding; `None` where a `%` is not followed by two digits.
fn unescape(text: &str, is_strict: bool) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| {
            let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            all && digits.len() == 2
        });
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None if is_strict => return None,
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    Some(bytes)
}

fn decode_strictly(text: &str) -> Option<String> {
    String::from_utf8(unescape(text, true)?).ok()
}

fn decode_form(text: &str) -> Option<String> {
    String::from_utf8(unescape(&text.replace('+', " "), false)?).ok()
}
