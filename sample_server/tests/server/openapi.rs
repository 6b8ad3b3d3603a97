//! The server against what it says about itself, `/openapi.json`, with the tool `schemathesis`: it
//! sends each operation what its schemas allow, and what they do not.

use crate::process::Server;
use crate::tools::{run, tool};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.toml");

#[test]
fn the_server_does_what_it_says_about_itself() {
    let Some(mut schemathesis) = tool("SCHEMATHESIS", "/openapi.json") else {
        return;
    };
    let flags = ["--delay=0", "--log-level=warn"];
    let server = Server::start(&flags);
    let url = format!("http://{}/openapi.json", server.address());
    // It keeps notes in the folder where it runs.
    schemathesis.current_dir(env!("CARGO_TARGET_TMPDIR"));
    run(schemathesis.args(["--config-file", RULES, "run", &url, "--no-color"]));
    assert_eq!(server.stop().code, Some(0));
}
