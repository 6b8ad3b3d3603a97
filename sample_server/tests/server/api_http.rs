//! The server against `docs/api.http`, the requests for REST clients, with the tool `httpyac`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Server, temporary};
use crate::tools::{run, tool};

const REQUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.http");

/// The address in it, in place of which the server's own is put.
const ADDRESS: &str = "127.0.0.1:8888";

/// What the requests are called where the tool finds them.
const FILE: &str = "api.http";

/// How long mail may take to be in the outbox before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// The tags of requests, in the order in which they are made; those of the last two need what was
/// mailed because of the ones before.
const TAGS: [&[&str]; 3] = [
    &["docking", "shop", "fan-out", "data", "register"],
    &["confirm"],
    &["reset"],
];

/// Hexadecimal digits of a token that is mailed.
const TOKEN: usize = 64;

/// A folder of this test's own; deleted when it ends.
struct Workplace(PathBuf);

impl Workplace {
    fn new() -> Workplace {
        let path = temporary("api-http");
        fs::create_dir(&path).expect("a folder can be made");
        Workplace(path)
    }

    fn outbox(&self) -> PathBuf {
        self.0.join("outbox")
    }

    /// The token of the link with these words, as soon as a mail has it.
    fn mailed(&self, link: &str) -> String {
        let begin = Instant::now();
        loop {
            if let Some(token) = texts(&self.outbox()).find_map(|text| token_in(&text, link)) {
                return token;
            }
            assert!(begin.elapsed() < PATIENCE, "no mail has a link {link}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // What is left over is the system's to tidy up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is in the files of a folder, if it is there already.
fn texts(folder: &Path) -> impl Iterator<Item = String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| fs::read_to_string(file.path()).ok())
}

/// The token behind a link's words in a mail, whose lines are cut (quoted-printable).
fn token_in(mail: &str, link: &str) -> Option<String> {
    let whole = mail.replace("=\r\n", "").replace("=\n", "");
    let (_, rest) = whole.split_once(link)?;
    rest.get(..TOKEN).map(str::to_owned)
}

/// Has the tool make the requests with these tags. It reads files below its own folder only.
#[track_caller]
fn send(folder: &Path, tags: &[&str], variables: &[String]) {
    let tool = tool("HTTPYAC", "docs/api.http");
    let mut httpyac: Command = tool.expect("it was there before");
    httpyac.current_dir(folder).args(["send", FILE, "--tag"]);
    httpyac.args(tags);
    for variable in variables {
        httpyac.args(["--var", variable]);
    }
    httpyac.args(["--no-color", "--output", "none"]);
    run(httpyac.args(["--output-failed", "exchange"]));
}

#[test]
fn the_server_answers_as_the_requests_for_rest_clients_say() {
    if tool("HTTPYAC", "docs/api.http").is_none() {
        return;
    }
    let place = Workplace::new();
    let mail = format!("--mail-via=outbox:{}", place.outbox().display());
    let server = Server::start(&["--delay=0", "--user-delay=0", "--log-level=warn", &mail]);
    let text = fs::read_to_string(REQUESTS).expect("it is there");
    assert!(text.contains(ADDRESS), "it asks the sample server");
    let text = text.replace(ADDRESS, server.address());
    fs::write(place.0.join(FILE), text).expect("a file can be written");

    let [first, confirm, reset] = TAGS;
    send(&place.0, first, &[]);
    let confirmation = place.mailed("/api/register/confirm/");
    let confirmation = format!("confirmation={confirmation}");
    send(&place.0, confirm, &[confirmation]);
    let mailed = place.mailed("/api/reset/");
    send(&place.0, reset, &[format!("reset={mailed}")]);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn every_request_for_rest_clients_is_made() {
    let text = fs::read_to_string(REQUESTS).expect("it is there");
    let requests = text.split("\n###").skip(1);
    for request in requests {
        let tag = request
            .lines()
            .find_map(|line| line.strip_prefix("# @tag "));
        let is_made = tag.is_some_and(|tag| TAGS.concat().contains(&tag));
        assert!(is_made, "no tag that is asked for: {request}");
        assert!(request.contains("\n?? status == "), "no status: {request}");
    }
}
