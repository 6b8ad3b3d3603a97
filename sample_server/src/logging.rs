//! The log: lines on standard error, one for each request at level info.

use std::io::{self, IsTerminal, Write};

use env_logger::fmt::Formatter;
use env_logger::{Builder, WriteStyle};
use log::{Level, LevelFilter, Record};

/// The log, as long as the process serves.
pub(crate) struct Logging {
    level: LevelFilter,
}

impl Logging {
    /// Begins to log.
    pub(crate) fn start(level: LevelFilter) -> io::Result<Logging> {
        let style = if io::stderr().is_terminal() {
            WriteStyle::Always
        } else {
            WriteStyle::Never
        };
        Builder::new()
            .filter_level(level)
            .write_style(style)
            .format(line)
            .init();
        Ok(Logging { level })
    }

    /// Says it at every level.
    pub(crate) fn announce(&self, message: &str) {
        if self.level >= Level::Info {
            log::info!("{message}");
        } else {
            let _ = writeln!(io::stderr(), "{message}");
        }
    }

    /// Writes what is still to be written.
    pub(crate) fn finish(self) {}
}

fn line(formatter: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (time, level) = (formatter.timestamp_millis(), record.level());
    let style = formatter.default_level_style(level);
    let (target, message) = (record.target(), record.args());
    writeln!(
        formatter,
        "{time} {style}{level}{style:#} {target} {message}"
    )
}
