//! The load tools: `ab`, a client of HTTP/1.0, and `wrk`, which pipelines.

use container::scheduler::Stats;
use tests::application;
use tests::loopback::{address, start, stop, until, until_idle};
use tests::program::{Program, Running, run};

const PIPELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/pipeline.lua");

/// Runs a tool with these arguments, and more of them after the URL of this path. Hands back its
/// report, and what the server counted; nothing when there is no such tool.
#[track_caller]
fn report(tool: &str, args: &[&str], path: &str, more: &[&str]) -> Option<(String, Stats)> {
    let program = Program::find(tool)?;
    let container = start(application());
    let handle = container.handle();
    let url = format!("http://{}{path}", address(&handle));
    let finished = run(program.command().args(args).arg(url).args(more), b"");
    assert_eq!(finished.code, Some(0), "{}", finished.complained);
    until_idle(&handle);
    // Spaces are there for the eye.
    let lines = finished.said.lines();
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let report: Vec<String> = lines.collect();
    Some((report.join("\n"), stop(container).stats))
}

/// Has `ab` send 2,000 requests on 20 connections at a time, of which this many are kept.
#[track_caller]
fn check_ab(args: &[&str], path: &str, kept: u64) {
    let args = [&["-q", "-n2000", "-c20"], args].concat();
    let Some((said, stats)) = report("ab", &args, path, &[]) else {
        return;
    };
    for line in ["Complete requests: 2000\n", "Failed requests: 0\n"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("Non-2xx"), "{said}");
    // Without -k the line is not there.
    let said_kept = said.contains(&format!("Keep-Alive requests: {kept}\n"));
    assert!(said_kept || !args.contains(&"-k"), "{said}");
    // It opens the next ones before it notices that it is done.
    let needed = 2000 - kept.min(1980);
    assert!(
        (needed..=needed + 20).contains(&stats.accepted),
        "{stats:?}"
    );
}

#[test]
fn ab() {
    check_ab(&[], "/bytes/1000", 0);
    check_ab(&["-k"], "/bytes/1000", 2000);
    check_ab(&["-k", "-i"], "/bytes/1000", 2000);
    check_ab(&["-k", "-p", PIPELINE], "/echo", 2000);
    // Where the length is not known, the connection's end says it to a client of HTTP/1.0.
    check_ab(&["-k"], "/stream/10", 0);
}

#[test]
fn wrk() {
    for pipelined in ["1", "16"] {
        let args = ["-t1", "-c16", "-d1s", "-s", PIPELINE];
        let Some((said, stats)) = report("wrk", &args, "/", &["--", pipelined]) else {
            return;
        };
        for error in ["Socket errors", "Non-2xx"] {
            assert!(!said.contains(error), "{said}");
        }
        let requests = said
            .lines()
            .find_map(|line| line.split_once(" requests in "));
        let (requests, _) = requests.expect("it says how many were answered");
        let requests: u64 = requests.parse().expect("a number");
        assert!(requests > 0 && stats.served >= requests, "{said} {stats:?}");
        // One more tells it whether there is a server at all.
        assert_eq!(stats.accepted, 17);
    }
}

/// A tool that is killed with many requests under way leaves nothing behind.
#[test]
fn killed() {
    let Some(wrk) = Program::find("wrk") else {
        return;
    };
    let container = start(application());
    let handle = container.handle();
    let mut command = wrk.server();
    command.args(["-t1", "-c200", "-d60s", "-s", PIPELINE]);
    command.arg(format!("http://{}/bytes/1000", address(&handle)));
    let running = Running::start(command.args(["--", "16"]));
    until("it is under load", || handle.stats().served > 10_000);
    drop(running);
    until_idle(&handle);
    stop(container);
}
