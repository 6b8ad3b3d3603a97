//! Layers around a handler: their order, what they may change, and what they cost.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Layer, Next, set_header, start};
use crate::handler::{IntoResponse, Problem, Reply};
use crate::message::{HeaderValue, Method, Request, Response, StatusCode, header};

/// Leaves a mark on the way in, and another on the way out.
fn marking(mark: &'static str) -> Layer {
    Layer::new(move |mut request: Request, next: Next| async move {
        let marks = request
            .extensions_mut()
            .get_or_insert_default::<Vec<&str>>();
        marks.push(mark);
        let response = next.run(request).await;
        let body = response.into_body().into_full().unwrap_or_default();
        format!("{}<{mark}", String::from_utf8_lossy(&body))
    })
}

/// The handler: what marks there were on the way in.
fn handler(mut request: Request) -> Reply {
    let marks = request.extensions_mut().remove::<Vec<&str>>();
    Reply::Ready(marks.unwrap_or_default().join(">").into_response())
}

fn answer(layers: Vec<Layer>) -> Response {
    let request = Request::new(Method::GET, "/").unwrap();
    match start(&Arc::from(layers), request, handler) {
        Reply::Ready(response) => response,
        Reply::Later(mut future) => {
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Ready(response) = future.as_mut().poll(&mut context) else {
                panic!("nothing here waits");
            };
            response
        }
    }
}

#[track_caller]
fn check(layers: Vec<Layer>, expected: &str) {
    let body = answer(layers).into_body().into_full().unwrap();
    assert_eq!(body, expected);
}

#[test]
fn the_first_layer_is_the_outermost() {
    check(vec![], "");
    check(vec![marking("a")], "a<a");
    check(
        vec![marking("a"), marking("b"), marking("c")],
        "a>b>c<c<b<a",
    );
}

#[test]
fn without_layers_the_handler_is_called_at_once() {
    let request = Request::new(Method::GET, "/").unwrap();
    let reply = start(&Arc::from([]), request, handler);
    assert!(matches!(reply, Reply::Ready(_)));
}

#[test]
fn a_layer_may_answer_by_itself_or_ask_twice() {
    let refuse = Layer::new(async |_request: Request, _next: Next| {
        Err::<(), _>(Problem::new(StatusCode::FORBIDDEN))
    });
    assert_eq!(answer(vec![refuse, marking("a")]).status(), 403);
    let twice = Layer::new(async |request: Request, next: Next| {
        let again = Request::new(Method::GET, "/").unwrap();
        next.clone().run(again).await;
        next.run(request).await
    });
    check(vec![twice, marking("a")], "a<a");
}

#[test]
fn set_header_wins_over_the_handler() {
    let value = HeaderValue::from_static("text/x");
    let layer = Layer::new(set_header(header::CONTENT_TYPE, value));
    assert_eq!(answer(vec![layer]).headers()["content-type"], "text/x");
}
