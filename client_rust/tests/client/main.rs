//! The `client` binary as a user runs it, against small servers on the standard library.

mod experiments;
mod load;
mod server;

use std::process::{Command, Output};

/// What the binary did.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    /// The JSON object it printed.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run {
            code,
            stdout,
            stderr,
        } = self;
        write!(formatter, "exit code {code}\n{stdout}\n{stderr}")
    }
}

/// Runs the binary to its end.
fn run(arguments: &[&str]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_client"))
        .args(arguments)
        .output()
        .expect("the binary starts");
    Run {
        code: status.code().expect("no signal ends it"),
        stdout: String::from_utf8(stdout).expect("reports are text"),
        stderr: String::from_utf8(stderr).expect("complaints are text"),
    }
}

#[test]
fn wrong_flags_are_one_line_and_code_2() {
    for arguments in [
        &["load", "--threads=0"][..],
        &["load", "--threads=many"],
        &["load", "--url=https://localhost/"],
        &["load", "--pipeline=2000"],
        &["load", "--pipeline=2", "--keepalive=false"],
        &["load", "--rate=-1"],
        &["load", "--no-such-flag"],
        &["slow", "--requests=0"],
        &["compare", "--seed=x"],
        &["fly"],
        &[],
    ] {
        let run = run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert_eq!(run.stderr.lines().count(), 1, "{arguments:?}: {run}");
        assert!(run.stdout.is_empty(), "{arguments:?}: {run}");
    }
}

#[test]
fn help_is_no_failure() {
    let run = run(&["load", "--help"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stdout.contains("--requests") && run.stderr.is_empty(),
        "{run}"
    );
}
