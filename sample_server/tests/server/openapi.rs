//! The server against what it says about itself, `/openapi.json`, with the tool `schemathesis`: it
//! sends each operation what its schemas allow, and what they do not.

use crate::process::Server;
use crate::tools::{run, tool};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.toml");

/// Runs the tool against a server with these flags besides, on all operations or those of `paths`.
fn check(flags: &[&str], paths: &[&str]) {
    let Some(mut schemathesis) = tool("SCHEMATHESIS", "/openapi.json") else {
        return;
    };
    let server = Server::start(&[&["--delay=0", "--log-level=warn"], flags].concat());
    let url = format!("http://{}/openapi.json", server.address());
    // It keeps notes in the folder where it runs.
    schemathesis.current_dir(env!("CARGO_TARGET_TMPDIR"));
    schemathesis.args(["--config-file", RULES, "run", &url, "--no-color"]);
    run(schemathesis.args(paths));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn the_server_does_what_it_says_about_itself() {
    check(&[], &[]);
}

/// What wants a login says so, and refuses those who have none or a wrong one.
#[test]
fn so_does_a_server_that_protects_its_users() {
    let paths = ["--include-path-regex", "^/api/(user|logout)"];
    check(&["--protect-users", "--user-delay=0"], &paths);
}
