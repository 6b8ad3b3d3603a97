//! The server against its description, `docs/docking.apib`, with the tool `dredd`.

use std::io::Write;
use std::process::Command;

use crate::process::Server;

/// The variable with the path of the tool.
const TOOL: &str = "DREDD";

const DESCRIPTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/docking.apib");

#[test]
fn the_server_does_what_its_description_says() {
    let Some(tool) = std::env::var_os(TOOL) else {
        // Past the test harness, which would keep it from those who should see it.
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(
            stderr,
            "SKIPPED: docs/docking.apib is unchecked: {TOOL} is not set"
        );
        return;
    };
    let server = Server::start(&["--delay=0"]);
    let url = format!("http://{}", server.address());
    let output = Command::new(tool)
        .args([DESCRIPTION, &url, "--loglevel=warning"])
        .output()
        .expect("DREDD is the path of a program");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    assert_eq!(server.stop().code, Some(0));
}
