//! Python's clients, `http.client` and `urllib`.

use tests::application;
use tests::loopback::{address, start, stop, until_idle};
use tests::program::{Program, run};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python_clients.py");

/// Has the script make one group of requests.
#[track_caller]
fn check(group: &str, connections: u64) {
    let Some(python) = Program::find("python3") else {
        return;
    };
    let container = start(application());
    let handle = container.handle();
    let port = address(&handle).port().to_string();
    let mut command = python.command();
    let finished = run(command.args(["-B", SCRIPT, &port, group]), b"");
    assert_eq!(finished.code, Some(0), "{}", finished.complained);
    until_idle(&handle);
    assert_eq!(stop(container).stats.accepted, connections);
}

#[test]
fn a_connection_is_kept() {
    check("kept", 1);
}

#[test]
fn bodies_of_all_kinds_go_both_ways() {
    check("bodies", 1);
}

#[test]
fn leave_is_given_or_refused() {
    check("expect", 2);
}

#[test]
fn urllib_closes_each_time() {
    check("urllib", 3);
}
