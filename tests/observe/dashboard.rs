//! The dashboard: what its page may do, and that a browser draws it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use container::testing::Server;
use container::{Router, admin, inline};
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
