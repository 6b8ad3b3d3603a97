//! The dashboard: what its page may do, and that a browser draws it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use container::testing::Server;
use container::{Response, Router, SseEvent, admin, inline};
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::loopback::{address, builder, connect, receive, send, start, stop};
use tests::program::{Program, run};
use tests::{Answer, GET, get, last, read_answers};

fn page() -> Answer {
    let watched = Server::new(Router::new());
    let admin = Server::new(admin::routes(watched.handle()));
    let answers = admin.exchange(&get("/-/dashboard"));
    read_answers(&answers, &[]).remove(0)
}

/// What is between the tags.
fn within<'a>(page: &'a str, tag: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("<{tag}>")).expect("it begins");
    rest.split_once(&format!("</{tag}>")).expect("it ends").0
}

/// Base64 (RFC 4648, section 4) of bytes in hexadecimal digits.
fn base64(digits: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits"));
    let bytes: Vec<u8> = bytes.collect();
    let letters = bytes.chunks(3).map(|three| {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let all = at(0) << 16 | at(1) << 8 | at(2);
        (0..4)
            .map(|place| match place <= three.len() {
                true => char::from(ALPHABET[(all >> (18 - 6 * place)) as usize & 63]),
                false => '=',
            })
            .collect::<String>()
    });
    letters.collect()
}

#[test]
fn the_policy_names_the_pages_own_style_and_script() {
    let Some(sha256sum) = Program::find("sha256sum") else {
        return;
    };
    let page = page();
    let policy = page.field("content-security-policy").expect("a policy");
    for tag in ["style", "script"] {
        let finished = run(&mut sha256sum.command(), within(&page.body, tag).as_bytes());
        let digest = finished.said.split(' ').next().expect("a digest");
        let source = format!("{tag}-src 'sha256-{}'", base64(digest));
        assert!(policy.contains(&source), "the policy needs {source}");
    }
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn the_page_asks_nobody_else() {
    let page = page();
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.field("x-content-type-options"), Some("nosniff"));
    for asset in ["http://", "https://", "//cdn", "@import", "url(", "src="] {
        let found = page.body.matches(asset).count();
        // The name of a namespace is no address that anybody asks.
        let names = page.body.matches("http://www.w3.org/2000/svg").count();
        assert_eq!(found, if asset == "http://" { names } else { 0 }, "{asset}");
    }
    for markup in [
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        " onclick",
    ] {
        assert!(!page.body.contains(markup), "{markup}");
    }
}

#[test]
fn the_address_alone_leads_to_it() {
    let watched = Server::new(Router::new());
    let admin = Server::new(admin::routes(watched.handle()));
    let answer = admin.exchange(GET);
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    assert!(
        answer.contains("\r\nlocation: /-/dashboard\r\n"),
        "{answer}"
    );
}

#[test]
fn a_browser_draws_what_happens() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let hostile = inline(|| "hostile");
    let router = Router::new()
        .get("/counted", inline(|| "counted"))
        .get("/<img/src='x'/onerror=document.title='broken'>", hostile);
    let container = start(router);
    let admin = builder(1)
        .start(admin::routes(container.handle()))
        .expect("it starts");
    let done = AtomicBool::new(false);
    let finished = thread::scope(|scope| {
        // Something to be seen, as long as somebody looks.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let client = connect(&container.handle());
                send(&client, &last("/counted"));
                assert!(receive(&client).ends_with("counted"));
            }
        });
        // It ends when the page has stopped listening.
        let url = format!(
            "http://{}/-/dashboard?snapshots=2",
            address(&admin.handle())
        );
        let finished = browser.load(&url, 5000);
        done.store(true, Ordering::Relaxed);
        finished
    });
    let page = &finished.said;
    for part in [
        ">running</span>",
        ">paused</span>",
        "<code class=\"\">/counted</code>",
        "<code class=\"\">/&lt;img/src='x'/onerror=document.title='broken'&gt;</code>",
        ">Requests per second</h2>",
        "<p class=\"muted\">none</p>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(
        !finished.complained.contains("Content Security Policy"),
        "{}",
        finished.complained
    );
    assert!(!page.contains("<title>broken"), "{page}");
    stop(container);
    stop(admin);
}

/// What `/-/events` says of a container with so many workers.
fn snapshot(workers: usize) -> Value {
    let container = builder(workers).start(Router::new()).expect("it starts");
    let admin = Server::new(admin::routes(container.handle()));
    let answers = admin.exchange(&get("/-/stats"));
    stop(container);
    serde_json::from_str(&read_answers(&answers, &[])[0].body).expect("JSON")
}

/// The page and its events: one of each of these containers, since each ends after it.
fn succession(snapshots: Vec<Value>) -> Router {
    let page = page().body;
    let next = Mutex::new(snapshots.into_iter());
    let events = move || {
        let snapshot = next.lock().expect("nobody panics with it").next()?;
        let event = SseEvent::new(snapshot).retry(Duration::ZERO);
        Some(Response::ok("text/event-stream", event.to_string()))
    };
    let page = move || Response::ok("text/html; charset=utf-8", page.clone());
    Router::new()
        .get("/-/dashboard", inline(page))
        .get("/-/events", inline(events))
}

/// Rows of what was there before a restart stayed for ever.
#[test]
fn what_a_restart_has_taken_away_is_not_drawn_any_more() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let mut before = snapshot(3);
    before["slow"] = json!([{
        "route": "GET /slow", "held": "a worker", "holds": 1, "longest_us": 1, "moved": false,
    }]);
    let container = start(succession(vec![before, snapshot(1)]));
    let address = address(&container.handle());
    let url = format!("http://{address}/-/dashboard?snapshots=2");
    let page = browser.load(&url, 5000).said;
    assert!(page.contains(">paused</span>"), "{page}");
    let (_, workers) = page.split_once("id=\"workers\"").expect("a table");
    let (workers, _) = workers.split_once("</table>").expect("it ends");
    assert_eq!(
        workers.matches("<th scope=\"row\">").count(),
        1,
        "{workers}"
    );
    let slow = "<div id=\"slow\"><p class=\"muted\">none</p></div>";
    assert!(page.contains(slow), "{page}");
    stop(container);
}
