//! The server against its description, `docs/docking.apib`, with the tool `dredd`.

use crate::process::Server;
use crate::tools::{run, tool};

const DESCRIPTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/docking.apib");

#[test]
fn the_server_does_what_its_description_says() {
    let Some(mut dredd) = tool("DREDD", "docs/docking.apib") else {
        return;
    };
    let server = Server::start(&["--delay=0"]);
    let url = format!("http://{}", server.address());
    run(dredd.args([DESCRIPTION, &url, "--loglevel=warning"]));
    assert_eq!(server.stop().code, Some(0));
}
