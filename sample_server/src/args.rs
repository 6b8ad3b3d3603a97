//! The command line. Must not act on it.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser};
use container::net::BindAddress;
use container::scheduler::BlockingConfig;
use container::server::Builder;
use container::{Config, Error};
use log::LevelFilter;

use crate::backend::BackendArgs;
use crate::database::DatabaseArgs;
use crate::fan_out::FanOutArgs;
use crate::limits::{LimitArgs, TimerArgs};
use crate::mail::MailArgs;
use crate::observing::ObserveArgs;
use crate::settings::{self, Files, Schema};
use crate::stage::StageArgs;
use crate::units::Time;
use crate::watchdog::WatchdogArgs;

/// Where the server listens unless it is told: this machine only.
const HOST: &str = "127.0.0.1";

/// The port it listens at unless it is told.
const PORT: u16 = 8888;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const EXAMPLES: &str = "\
TIME is written 500ms, 0.5s, 2m or 0.5 (seconds); SIZE 64KiB, 2MiB or 8192 (bytes).
Each flag is an environment variable too, BLOCKING_THREADS for --blocking-threads, and a key of
the --config file; --debug alone is --debug=true. A flag wins over its variable, that over the file,
that over the stage's file.

Examples:
  sample_server --port 8080 --delay 50ms
  sample_server --host 0.0.0.0 --workers 4 --body-limit 16MiB --deadline 10s
  WORKERS=1 sample_server --unix /tmp/docking.sock --log-level warn";

/// Serves the docking API, and routes for load tests, until SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "sample_server", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Args {
    /// File with settings: `port = 8080`, `idle-timeout = "2m"`, named as these flags
    #[arg(long, env, value_name = "PATH")]
    config: Option<PathBuf>,

    /// Print all settings, each with where it comes from, and end
    #[arg(long)]
    print_config: bool,

    /// Name or IP address to listen at [default: 127.0.0.1]
    #[arg(long, env)]
    host: Option<String>,

    /// TCP port to listen at; 0 lets the system choose [default: 8888]
    #[arg(long, env)]
    port: Option<u16>,

    /// Listen at this Unix socket; at TCP too only with --host or --port
    #[arg(long, env, value_name = "PATH")]
    unix: Option<PathBuf>,

    /// Threads with an event loop each
    #[arg(long, env, value_name = "N", default_value_t = Config::default().workers)]
    pub(crate) workers: usize,

    /// Most threads for handlers that block
    #[arg(long, env, value_name = "N", default_value_t = BlockingConfig::default().threads)]
    pub(crate) blocking_threads: usize,

    /// How long the docking API's database takes
    #[arg(long, env, value_name = "TIME", default_value_t = Time(handlers::Options::default().delay))]
    pub(crate) delay: Time,

    /// Log at level debug at least, and serve /panic and /stall with /inline, /async or /blocking
    #[arg(long, env)]
    pub(crate) debug: bool,

    /// How long a process that succeeds this one (SIGUSR2, SIGHUP) may take until it is ready
    #[arg(long, env, value_name = "TIME", default_value = "30s")]
    pub(crate) restart_timeout: Time,

    /// What to log: off, error, warn, info (each request), debug or trace
    #[arg(long, env, value_name = "LEVEL", default_value = "info", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(LEVELS).map(|name| level(&name)))]
    log_level: LevelFilter,

    #[command(flatten)]
    pub(crate) stage: StageArgs,

    #[command(flatten)]
    pub(crate) database: DatabaseArgs,

    #[command(flatten)]
    pub(crate) mail: MailArgs,

    #[command(flatten)]
    backend: BackendArgs,

    #[command(flatten)]
    fan_out: FanOutArgs,

    #[command(flatten)]
    pub(crate) observe: ObserveArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    timers: TimerArgs,

    #[command(flatten)]
    watchdog: WatchdogArgs,
}

/// What the command line came to, when it was no call to serve.
pub(crate) enum Refusal {
    /// It asked for this text.
    Help(String),
    /// It makes no sense: why, in one line.
    Usage(String),
}

impl Args {
    /// Parses the process's arguments and environment.
    pub(crate) fn parse_process() -> Result<Args, Refusal> {
        let schema = schema();
        let command = schema.command.clone();
        // Flags first: who asks for help gets it, whatever else is wrong.
        let flags = command.clone().mut_args(|arg| arg.env(None));
        let flags = flags.try_get_matches()?;
        schema.check_flags(&flags).map_err(Refusal::Usage)?;
        schema.check_environment().map_err(Refusal::Usage)?;
        let first = Args::from_arg_matches(&command.clone().try_get_matches()?)?;
        let of_stage = first.stage.file().map_err(Refusal::Usage)?;
        let paths = [first.config, of_stage];
        let paths = paths.iter().flatten().map(PathBuf::as_path);
        let files = Files::read(paths, &schema).map_err(Refusal::Usage)?;
        let command = files.defaults(command);
        let matches = command.clone().try_get_matches()?;
        if matches.get_flag("print_config") {
            let text = settings::print(&command, &matches, &files);
            return Err(Refusal::Help(text));
        }
        let args = Args::from_arg_matches(&matches)?;
        args.database.check().map_err(Refusal::Usage)?;
        args.mail.check().map_err(Refusal::Usage)?;
        Ok(args)
    }

    /// What is logged.
    pub(crate) fn log_level(&self) -> LevelFilter {
        if self.debug {
            self.log_level.max(LevelFilter::Debug)
        } else {
            self.log_level
        }
    }

    /// Where to listen.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let unix = self.unix.as_ref();
        let unix = unix.map(|path| format!("unix:{}", path.display()));
        self.tcp_address().into_iter().chain(unix).collect()
    }

    /// The one of them that is no Unix socket.
    fn tcp_address(&self) -> Option<String> {
        let wanted = self.unix.is_none() || self.host.is_some() || self.port.is_some();
        wanted.then(|| {
            let host = self.host.as_deref().unwrap_or(HOST);
            let port = self.port.unwrap_or(PORT);
            match host.parse::<Ipv6Addr>() {
                Ok(address) => format!("[{address}]:{port}"),
                Err(_) => format!("{host}:{port}"),
            }
        })
    }

    /// What is to be served, with the database opened and the sender of mail ready.
    pub(crate) fn options(&self) -> Result<handlers::Options, Error> {
        let stores = self.database.open()?;
        let address = self.tcp_address();
        let folder = self.database.folder()?;
        Ok(handlers::Options {
            delay: self.delay.0,
            debug: self.debug,
            fan_out: self.fan_out.options(self.blocking_threads)?,
            stores: Some(stores),
            mail: Some(self.mail.sender()?),
            backend: self
                .backend
                .options(address.as_deref(), folder.as_deref())?,
        })
    }

    /// Gives a container its addresses.
    pub(crate) fn bind(&self, builder: Builder) -> Builder {
        self.addresses().into_iter().fold(builder, Builder::bind)
    }

    /// The container without addresses.
    pub(crate) fn configured(&self) -> Builder {
        Builder::new().configure(|config| self.apply(config))
    }

    fn apply(&self, config: &mut Config) {
        config.workers = self.workers;
        config.blocking.threads = self.blocking_threads;
        self.observe.apply(config);
        self.limits.apply(config);
        self.timers.apply(config);
        self.watchdog.apply(config);
    }

    /// What the container would say is wrong with them.
    fn faults(&self) -> Vec<String> {
        let mut config = Config::default();
        self.apply(&mut config);
        let mut faults = config.faults();
        for address in self.addresses().iter().chain(&self.observe.admin) {
            if let Err(error) = address.parse::<BindAddress>() {
                faults.push(format!("`{address}` is no address: {error}"));
            }
        }
        faults
    }
}

/// All settings.
fn schema() -> Schema {
    // The variables are all named alike; the help says so once.
    let command = Args::command().mut_args(|arg| arg.hide_env(true));
    Schema::new(command, |matches| match Args::from_arg_matches(matches) {
        Ok(args) => args.faults(),
        Err(error) => vec![settings::one_line(&error)],
    })
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Refusal::Help(error.render().to_string())
            }
            _ => Refusal::Usage(settings::one_line(&error)),
        }
    }
}

fn level(name: &str) -> LevelFilter {
    name.parse().expect("the names are those of the levels")
}

#[cfg(test)]
mod tests {
    use container::observe::Metrics;

    use super::*;

    /// Parses flags, whatever the environment has.
    fn parse(flags: &[&str]) -> Args {
        let command = schema().command.mut_args(|arg| arg.env(None));
        let matches = command.get_matches_from(["sample_server"].iter().chain(flags));
        Args::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn each_flag_has_a_variable_of_its_name() {
        for flag in Args::command().get_arguments() {
            let Some(long) = flag
                .get_long()
                .filter(|long| !matches!(*long, "help" | "version" | "print-config"))
            else {
                continue;
            };
            let name = long.replace('-', "_").to_uppercase();
            assert_eq!(flag.get_env(), Some(name.as_ref()), "--{long}");
        }
    }

    #[test]
    fn listens_where_it_is_told() {
        let check = |flags: &[&str], addresses: &[&str]| {
            assert_eq!(parse(flags).addresses(), addresses, "{flags:?}");
        };
        check(&[], &["127.0.0.1:8888"]);
        check(&["--host=::1", "--port=80"], &["[::1]:80"]);
        check(&["--host=localhost"], &["localhost:8888"]);
        check(&["--unix=/run/a"], &["unix:/run/a"]);
        check(
            &["--unix=/run/a", "--port=80"],
            &["127.0.0.1:80", "unix:/run/a"],
        );
    }

    #[test]
    fn flags_reach_the_container() {
        let mut config = Config::default();
        let args = parse(&[
            "--deadline=10s",
            "--idle-timeout=2m",
            "--head-limit=64KiB",
            "--requests=100",
            "--blocking-requests=8",
            "--blocking-adaptive",
            "--queue-target=20ms",
            "--watchdog-limit=0",
            "--move-slow-inline=3",
        ]);
        args.limits.apply(&mut config);
        args.timers.apply(&mut config);
        args.watchdog.apply(&mut config);
        let mut expected = Config::default();
        expected.deadline = Some(std::time::Duration::from_secs(10));
        expected.http1.timeouts.idle = std::time::Duration::from_secs(120);
        expected.http1.limits.head = 64 << 10;
        expected.budgets.container.limit(100);
        expected.budgets.blocking.limit(8);
        expected.budgets.blocking.adapt();
        expected.budgets.blocking.queue = expected.blocking.queue;
        let target = std::time::Duration::from_millis(20);
        expected.budgets.patience.target = target;
        expected.blocking.patience.target = target;
        expected.watchdog.worker = None;
        expected.watchdog.move_slow_inline = Some(3);
        assert_eq!(config, expected);
    }

    #[test]
    fn routes_are_counted_where_somebody_reads_it() {
        let check = |flags: &[&str], expected: Metrics| {
            let mut config = Config::default();
            parse(flags).observe.apply(&mut config);
            assert_eq!(config.observe.metrics, expected, "{flags:?}");
        };
        check(&[], Metrics::Off);
        check(&["--admin=127.0.0.1:0"], Metrics::ByRoute);
    }

    #[test]
    fn debug_logs_debug_at_least() {
        let level = |flags: &[&str]| parse(flags).log_level();
        assert_eq!(level(&[]), LevelFilter::Info);
        assert_eq!(level(&["--debug", "--log-level=warn"]), LevelFilter::Debug);
        assert_eq!(level(&["--debug", "--log-level=trace"]), LevelFilter::Trace);
    }
}
