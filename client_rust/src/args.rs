//! The command line. Must not act on it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, Parser, Subcommand};
use container::client::Url;
use container::message::Method;

use crate::{EXIT_USAGE, duration, output};

/// Loads an HTTP server and says how fast, and how well, it answered.
#[derive(Debug, Parser)]
#[command(name = "client", version, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sends many requests and measures throughput and latency.
    Load(LoadArgs),
    /// Makes the same requests one after another and all at the same time, and compares.
    Compare(CompareArgs),
    /// Sends many slow requests at the same time and shows when each was done.
    Slow(SlowArgs),
}

/// The flags of `load`.
#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// Number of threads in the sense of the load: each sends its requests one after another
    #[arg(short, long, default_value_t = 10, value_name = "N")]
    pub(crate) threads: u32,

    /// Requests for each thread; 1 unless --duration is given
    #[arg(short, long, value_name = "N")]
    pub(crate) requests: Option<u64>,

    /// Address to load
    #[arg(long, default_value = "http://localhost:8888/")]
    pub(crate) url: Url,

    /// Request method
    #[arg(long, default_value = "GET")]
    pub(crate) method: Method,

    /// Request body, sent as text
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) body: String,

    /// Keep connections open between requests
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1,
          require_equals = true, action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) keepalive: bool,

    /// Longest time for one request: 500ms, 10s, 1m30s
    #[arg(long, default_value = "30s", value_parser = duration::parse, value_name = "TIME")]
    pub(crate) timeout: Duration,

    /// Connections in all; as many as threads unless given
    #[arg(short, long, value_name = "N")]
    pub(crate) connections: Option<u32>,

    /// Threads of the operating system, with a reactor each
    #[arg(short, long, default_value_t = 1, value_name = "N")]
    pub(crate) workers: u32,

    /// Stop after this time
    #[arg(short, long, value_parser = duration::parse, value_name = "TIME")]
    pub(crate) duration: Option<Duration>,

    /// Time before --duration whose requests are sent and not counted, unless they fail
    #[arg(long, value_parser = duration::parse, value_name = "TIME", requires = "duration")]
    pub(crate) warm_up: Option<Duration>,

    /// Requests per second in all, sent when they are due whether or not answers come; latency
    /// counts from the time a request was due
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<f64>,

    /// Requests sent ahead on each connection
    #[arg(short, long, default_value_t = 1, value_name = "N")]
    pub(crate) pipeline: u32,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// The flags of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Where /users and /customers are
    #[arg(long, default_value = "http://localhost:8888/")]
    pub(crate) url: Url,

    /// Longest time for one request
    #[arg(long, default_value = "30s", value_parser = duration::parse, value_name = "TIME")]
    pub(crate) timeout: Duration,

    /// Makes the choice of names repeatable
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// The flags of `slow`.
#[derive(Debug, Args)]
pub(crate) struct SlowArgs {
    /// Address to ask; something that takes its time
    #[arg(long, default_value = "http://localhost:8888/sleep?ms=5000")]
    pub(crate) url: Url,

    /// Requests, all at the same time, each on a connection of its own
    #[arg(short, long, default_value_t = 1000, value_name = "N")]
    pub(crate) requests: u32,

    /// Longest time for one request
    #[arg(long, default_value = "2m", value_parser = duration::parse, value_name = "TIME")]
    pub(crate) timeout: Duration,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,

    /// Draw completion times against request numbers into this file, as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

impl Cli {
    /// Parses the process's arguments; prints help, or what is wrong in one line, and gives the
    /// exit code for that.
    pub(crate) fn parse_or_explain() -> Result<Cli, ExitCode> {
        Cli::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // Nothing is left to do when standard output is closed.
                let _ = error.print();
                ExitCode::SUCCESS
            }
            _ => output::complain(&one_line(&error), EXIT_USAGE),
        })
    }
}

/// The paragraph that matters of clap's page.
fn one_line(error: &clap::Error) -> String {
    let page = error.to_string();
    let lines = page.lines().map(str::trim);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arguments: &[&str]) -> Result<LoadArgs, String> {
        let arguments = ["client", "load"].iter().chain(arguments);
        match Cli::try_parse_from(arguments) {
            Ok(Cli {
                command: Command::Load(arguments),
            }) => Ok(arguments),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(one_line(&error)),
        }
    }

    #[test]
    fn defaults_are_those_of_the_other_client() {
        let arguments = load(&[]).unwrap();
        assert_eq!((arguments.threads, arguments.requests), (10, None));
        assert_eq!(arguments.url.to_string(), "http://localhost:8888/");
        assert!(arguments.keepalive && arguments.method == Method::GET);
    }

    #[test]
    fn flags() {
        let arguments = load(&["-t", "3", "--requests=1000", "--keepalive=false"]).unwrap();
        assert_eq!((arguments.threads, arguments.requests), (3, Some(1000)));
        assert!(!arguments.keepalive);
        assert!(load(&["--keepalive"]).unwrap().keepalive);
        let timed = load(&["--duration=1m30s", "--rate=2.5"]).unwrap();
        assert_eq!(timed.duration, Some(Duration::from_secs(90)));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for wrong in [
            "--threads=x",
            "--url=a",
            "--timeout=5",
            "--what",
            "--method=a b",
        ] {
            let message = load(&[wrong]).unwrap_err();
            assert!(
                !message.contains('\n') && message.contains(&wrong[..5]),
                "{message}"
            );
        }
    }
}
