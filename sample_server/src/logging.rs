//! The log: one line for each record on standard error, such as
//! `2026-05-04T10:20:30.456Z INFO container::server::signal SIGTERM: draining`, or as JSON, among
//! those of the container's access log.
//!
//! Says what a line looks like and what it is worth; when it is written, or whether it is lost
//! because nobody reads, is the work of the container's `LineQueue`.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};

use container::observe::{AccessLog, Format, LineQueue, LineWriter, Worth};
use container::server;
use env_logger::fmt::Formatter;
use env_logger::{Builder, Target, WriteStyle};
use log::{Level, LevelFilter, Record};

/// The first byte of each formatted line is a mark: that of [`Worth::Ordinary`] lines.
const ORDINARY: u8 = b' ';

/// That of [`Worth::Important`] lines.
const IMPORTANT: u8 = b'!';

/// That of [`Worth::Last`] lines.
const LAST: u8 = b'.';

/// The target of what the server says of itself, such as where it listens: shown at every level.
const ITSELF: &str = env!("CARGO_PKG_NAME");

/// What the targets of its modules begin with, which are no exception.
const PARTS: &str = concat!(env!("CARGO_PKG_NAME"), "::");

/// Libraries that log what they are given, down from debug: parameters of queries, among them hashes,
/// addresses and the text of mail. No level of ours is meant to show that.
const TALKATIVE: &str = "tokio_postgres";

/// The log, as long as the process serves.
pub(crate) struct Logging {
    /// What is logged.
    level: LevelFilter,
    /// What lines look like.
    format: Format,
    /// Where lines go.
    queue: LineQueue,
    /// What writes them.
    writer: LineWriter,
}

impl Logging {
    /// Begins to log.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    pub(crate) fn start(level: LevelFilter, format: Format) -> io::Result<Logging> {
        let (queue, writer) = LineQueue::start(io::stderr(), format.notice())?;
        let style = if io::stderr().is_terminal() {
            WriteStyle::Always
        } else {
            WriteStyle::Never
        };
        let lines = Lines {
            queue: queue.clone(),
        };
        Builder::new()
            .filter_level(level)
            .filter_module(ITSELF, level.max(LevelFilter::Info))
            .filter_module(PARTS, level)
            .filter_module(TALKATIVE, level.min(LevelFilter::Info))
            .write_style(style)
            .format(match format {
                Format::JsonLines => write_json,
                Format::Short | Format::Combined => write_text,
            })
            .target(Target::Pipe(Box::new(lines)))
            .init();
        // What the system's own hook writes is neither one line nor JSON.
        std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
        Ok(Logging {
            level,
            format,
            queue,
            writer,
        })
    }

    /// Has requests logged, where they are to be.
    pub(crate) fn log_requests(&self, builder: server::Builder) -> server::Builder {
        if self.level < Level::Info {
            return builder;
        }
        builder.access_log(AccessLog::new(self.format, self.queue.clone()))
    }

    /// Writes what is still to be written.
    pub(crate) fn finish(self) {
        self.writer.finish();
    }
}

/// Has the log say it, at every level.
pub(crate) fn announce(message: &str) {
    log::info!(target: ITSELF, "{message}");
}

/// Where `env_logger` puts each line, in one piece.
struct Lines {
    queue: LineQueue,
}

impl Write for Lines {
    fn write(&mut self, marked: &[u8]) -> io::Result<usize> {
        if let [mark, line @ ..] = marked {
            self.queue.push(line, worth(*mark));
        }
        Ok(marked.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a line is worth, as its first byte. What the server says of itself is not one of many.
fn mark(record: &Record<'_>) -> u8 {
    if record.target() == ITSELF {
        LAST
    } else if record.level() <= Level::Warn {
        IMPORTANT
    } else {
        ORDINARY
    }
}

fn worth(mark: u8) -> Worth {
    match mark {
        LAST => Worth::Last,
        IMPORTANT => Worth::Important,
        _ => Worth::Ordinary,
    }
}

fn write_json(formatter: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let object = serde_json::json!({
        "time": formatter.timestamp_millis().to_string(),
        "level": record.level().as_str(),
        "target": record.target(),
        "message": record.args().to_string(),
    });
    formatter.write_all(&[mark(record)])?;
    writeln!(formatter, "{object}")
}

fn write_text(formatter: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (level, target) = (record.level(), record.target());
    formatter.write_all(&[mark(record)])?;
    let (time, style) = (
        formatter.timestamp_millis(),
        formatter.default_level_style(level),
    );
    let message = OneLine(record.args());
    writeln!(
        formatter,
        "{time} {style}{level}{style:#} {target} {message}"
    )
}

/// A message whose control characters are escaped: it stays in its line, whoever its text is from.
struct OneLine<'a>(&'a fmt::Arguments<'a>);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaping(formatter).write_fmt(*self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(char::is_control) {
            let mut characters = piece.chars();
            match characters.next_back() {
                Some(last) if last.is_control() => {
                    self.0.write_str(characters.as_str())?;
                    write!(self.0, "{}", last.escape_default())?;
                }
                _ => self.0.write_str(piece)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_in_its_line() {
        let shown = OneLine(&format_args!("a\n{}\r\u{1b}[1m ä", "b\tc")).to_string();
        assert_eq!(shown, "a\\nb\\tc\\r\\u{1b}[1m ä");
    }
}
