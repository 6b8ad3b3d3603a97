//! The flags for the container's watchdog. Their defaults are the container's own.

use std::time::Duration;

use clap::Args;
use container::Config;
use container::scheduler::WatchdogConfig;

use crate::units::Time;

/// What counts as held too long.
#[derive(Debug, Args)]
#[command(next_help_heading = "Watchdog")]
pub(crate) struct WatchdogArgs {
    /// How long a handler may hold its worker before the log names it; 0: for ever
    #[arg(long, env, value_name = "TIME", default_value_t = time(config().worker))]
    watchdog_limit: Time,

    /// How long a handler may hold a blocking thread; 0: for ever
    #[arg(long, env, value_name = "TIME", default_value_t = time(config().blocking))]
    watchdog_blocking_limit: Time,

    /// Move an inline route that was named so often within a minute to the blocking threads
    /// [default: never]
    #[arg(long, env, value_name = "N")]
    move_slow_inline: Option<u32>,
}

impl WatchdogArgs {
    /// Puts them in their places.
    pub(crate) fn apply(&self, config: &mut Config) {
        let limit = |time: Time| Some(time.0).filter(|limit| !limit.is_zero());
        config.watchdog.worker = limit(self.watchdog_limit);
        config.watchdog.blocking = limit(self.watchdog_blocking_limit);
        config.watchdog.move_slow_inline = self.move_slow_inline;
    }
}

fn config() -> WatchdogConfig {
    WatchdogConfig::default()
}

/// No limit is written 0.
fn time(limit: Option<Duration>) -> Time {
    Time(limit.unwrap_or_default())
}
