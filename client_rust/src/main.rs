//! The load client: `load`, `compare` and `slow`, on the container's own reactor.
//!
//! Only parses the command line and turns outcomes into exit codes: 0 when all requests
//! succeeded, 1 when one failed, 2 for flags that make no sense.
#![forbid(unsafe_code)]

mod args;
mod compare;
mod duration;
mod failure;
mod load;
mod output;
mod random;
mod slow;

use std::process::ExitCode;

use args::{Cli, Command};

/// A request failed, or the server could not be reached.
const EXIT_FAILED: u8 = 1;

/// The flags make no sense.
const EXIT_USAGE: u8 = 2;

/// Why a command could not do its work at all.
#[derive(Debug)]
enum CommandError {
    /// The flags make no sense together.
    Usage(String),
    /// The machine or the server did not let it.
    Failed(String),
}

/// Whether every request of a command succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All of them.
    AllSucceeded,
    /// At least one did not.
    SomeFailed,
}

fn main() -> ExitCode {
    let cli = match Cli::parse_or_explain() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let outcome = match cli.command {
        Command::Load(arguments) => load::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Slow(arguments) => slow::run(&arguments),
    };
    match outcome {
        Ok(Outcome::AllSucceeded) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(EXIT_FAILED),
        Err(CommandError::Usage(message)) => output::complain(&message, EXIT_USAGE),
        Err(CommandError::Failed(message)) => output::complain(&message, EXIT_FAILED),
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        CommandError::Failed(error.to_string())
    }
}
