//! A browser, Chromium without a screen, loads a page with ten assets.

use container::extract::Path;
use container::{Response, Router, inline};
use tests::application;
use tests::loopback::{address, start, stop, until_idle};
use tests::program::{Folder, Program, run};

use crate::one_event;

const PAGE: &str = include_str!("page.html");

/// What the page's title says in the end.
const LOADED: &str = "<title>10 of 10: event fetched first image-1 image-2 image-3 image-4 \
                      posted second style</title>";

/// The page and its ten assets.
const REQUESTS: u64 = 11;

/// It is to ask nobody but the server under test, and to end by itself.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    // Time stands still while requests are under way, and runs through at once when there are none.
    "--virtual-time-budget=60000",
    "--dump-dom",
];

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
    let Some(chromium) = Program::find("chromium") else {
        return;
    };
    let container = start(router());
    let handle = container.handle();
    let folder = Folder::new("chromium");
    let mut command = chromium.command();
    command
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("http://{}/page", address(&handle)));
    let finished = run(&mut command, b"");
    assert_eq!(finished.code, Some(0), "{}", finished.complained);
    assert!(finished.said.contains(LOADED), "{}", finished.said);
    until_idle(&handle);
    let stats = stop(container).stats;
    assert_eq!(stats.inline.finished + stats.r#async.finished, REQUESTS);
}
