//! Go's `net/http`; what it does is in `client_go/nethttp`.

use tests::application;
use tests::loopback::{address, start, stop, until_idle};
use tests::program::{Program, run};

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../client_go");

#[test]
fn net_http() {
    let Some(go) = Program::find("go") else {
        return;
    };
    let container = start(application());
    let handle = container.handle();
    let mut command = go.command();
    command
        .current_dir(MODULE)
        .args(["test", "-count=1", "-v", "./nethttp"])
        .env("SERVER", address(&handle).to_string());
    let finished = run(&mut command, b"");
    let said = finished.said;
    assert_eq!(finished.code, Some(0), "{said}{}", finished.complained);
    assert!(
        said.contains("--- PASS") && !said.contains("SKIP"),
        "{said}"
    );
    until_idle(&handle);
    stop(container);
}
