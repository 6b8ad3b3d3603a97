//! A browser loads a page with ten assets.

use container::extract::Path;
use container::{Response, Router, inline};
use tests::application;
use tests::browser::Browser;
use tests::loopback::{address, start, stop, until_idle};

use crate::one_event;

const PAGE: &str = include_str!("page.html");

/// What the page's title says in the end.
const LOADED: &str = "<title>10 of 10: event fetched first image-1 image-2 image-3 image-4 \
                      posted second style</title>";

/// The page and its ten assets.
const REQUESTS: u64 = 11;

fn router() -> Router {
    Router::new()
        .get("/page", inline(|| Response::ok("text/html", PAGE)))
        .get("/asset/{name}", inline(asset))
        .get("/events", async || one_event())
        .merge(application())
}

fn asset(Path(name): Path<String>) -> Response {
    let (kind, text) = match &*name {
        "style.css" => ("text/css", "body { color: green }"),
        "first.js" => ("text/javascript", "arrived('first')"),
        "second.js" => ("text/javascript", "arrived('second')"),
        _ => (
            "image/svg+xml",
            "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>",
        ),
    };
    Response::ok(kind, text)
}

#[test]
fn a_page_with_ten_assets() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let container = start(router());
    let handle = container.handle();
    let url = format!("http://{}/page", address(&handle));
    let finished = browser.load(&url, 60_000);
    assert!(finished.said.contains(LOADED), "{}", finished.said);
    until_idle(&handle);
    let stats = stop(container).stats;
    assert_eq!(stats.inline.finished + stats.r#async.finished, REQUESTS);
}
