//! The tools that check what the server says about itself. `make test` installs them and says where
//! they are.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// What a test that hangs is ended after: seconds, several times what the slowest needs.
const TIME_LIMIT: &str = "120";

/// A call of the tool whose path is in this variable, which ends in time; `None`, said aloud, where
/// it is not installed.
///
/// # Panics
/// Where CI runs, for there it must be.
pub(crate) fn tool(variable: &str, what: &str) -> Option<Command> {
    if let Some(path) = std::env::var_os(variable) {
        let mut command = Command::new("timeout");
        command.arg(TIME_LIMIT).arg(PathBuf::from(path));
        return Some(command);
    }
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!is_ci, "{variable} is not set: {what} stays unchecked");
    // Past the test harness, which would keep it from those who should see it.
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(
        stderr,
        "SKIPPED: {what} stays unchecked: {variable} is not set"
    );
    None
}

/// Runs a tool to its end, which has to be a good one.
#[track_caller]
pub(crate) fn run(command: &mut Command) {
    let output = command.output().expect("the variable has a program's path");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
}
