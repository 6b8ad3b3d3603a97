//! Where text goes: reports to standard output, complaints to standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

/// Prints a report.
///
/// # Errors
/// Those of standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// One JSON object on one line.
pub(crate) fn json(report: &impl Serialize) -> String {
    let mut text = serde_json::to_string(report).expect("reports are numbers, strings and lists");
    text.push('\n');
    text
}

/// Rounds to three digits behind the point, for JSON that people read too.
pub(crate) fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Says in one line why nothing was done, and gives the exit code for that.
pub(crate) fn complain(message: &str, code: u8) -> ExitCode {
    // Where even that fails, the exit code has to do.
    let _ = writeln!(io::stderr(), "client: {message}");
    ExitCode::from(code)
}
