//! Where text goes: reports to standard output, complaints to standard error.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Prints a report.
///
/// # Errors
/// Those of standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Says in one line why nothing was done, and gives the exit code for that.
pub(crate) fn complain(message: &str, code: u8) -> ExitCode {
    // Where even that fails, the exit code has to do.
    let _ = writeln!(io::stderr(), "client: {message}");
    ExitCode::from(code)
}
