//! `AccessLog`: one line for each request, when its answer is complete.
//!
//! Workers write their lines into buffers of their own; a [`LineQueue`] takes them from there, once
//! for all the lines of a connection's turn.

use std::io::{self, Write};
use std::str::FromStr;
use std::time::Instant;

use super::entry::{Asked, Asking, Entry};
use super::formats;
use super::line_queue::{LineQueue, LineWriter, Notice, Worth};
use super::timestamp::Timestamps;

/// Bytes of lines that a worker gathers at most before it hands them over: a hundred requests'.
const GATHERED_MAX: usize = 16 << 10;

/// What a line looks like. Microseconds in all of them: a handler that never began ran for 0. A
/// request whose client went before there was an answer has the status 499; one that the server cut
/// off, by the end of a drain or with a worker that died, 444. Where traces are carried each line has
/// the ids of its request's place in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people: time, level, target, method, path, status, bytes, total, waited + ran + written,
    /// lane, route and request id; then the `traceparent`, where traces are carried.
    ///
    /// `2026-05-04T10:20:30.456Z INFO container::access GET /users/7 200 46 50174 0+50170+4 async
    /// /users/{id} 8f1c2d3e4f5a6b7c`
    #[default]
    Short,
    /// Apache's `combined`; behind it, as `name=value`, what the short one has more.
    Combined,
    /// An object for each line (RFC 8259).
    JsonLines,
}

/// Where lines go and what they look like; clones are the same log.
///
/// ```no_run
/// use container::observe::{AccessLog, Format};
/// use container::{Container, Router};
///
/// let (log, writer) = AccessLog::start(Format::JsonLines, std::io::stdout())?;
/// let router = Router::new().get("/", async || "hello");
/// let report = Container::builder().access_log(log).serve(router);
/// writer.finish();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AccessLog {
    format: Format,
    queue: LineQueue,
}

/// A worker's end of the log.
pub(super) struct AccessWriter {
    log: AccessLog,
    timestamps: Timestamps,
    /// Lines that are not handed over yet.
    lines: Vec<u8>,
    /// How many they are.
    count: u64,
}

impl AccessLog {
    /// A log whose lines join others in `queue`.
    pub fn new(format: Format, queue: LineQueue) -> Self {
        AccessLog { format, queue }
    }

    /// A log with a queue and a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        format: Format,
        sink: impl Write + Send + 'static,
    ) -> io::Result<(AccessLog, LineWriter)> {
        let (queue, writer) = LineQueue::start(sink, format.notice())?;
        Ok((AccessLog::new(format, queue), writer))
    }

    /// Lines that were dropped because they were not taken in time, or refused.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }
}

impl Format {
    /// How a queue of such lines says that some were dropped.
    pub fn notice(self) -> Notice {
        match self {
            Format::Short => |_, dropped| {
                let now = now();
                format!("{now} WARN container::log {dropped} lines dropped: not taken in time\n")
                    .into()
            },
            // Those who read this format pass over what has no quotes.
            Format::Combined => {
                |_, dropped| format!("# {dropped} lines dropped: not taken in time\n").into()
            }
            Format::JsonLines => |_, dropped| {
                let now = now();
                format!(
                    "{{\"time\":\"{now}\",\"level\":\"WARN\",\"target\":\"container::log\",\
                     \"message\":\"lines dropped: not taken in time\",\"dropped\":{dropped}}}\n"
                )
                .into()
            },
        }
    }
}

impl FromStr for Format {
    type Err = ();

    /// `short`, `combined` or `json`.
    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "short" => Ok(Format::Short),
            "combined" => Ok(Format::Combined),
            "json" => Ok(Format::JsonLines),
            _ => Err(()),
        }
    }
}

impl AccessWriter {
    pub(super) fn new(log: AccessLog) -> Self {
        AccessWriter {
            log,
            timestamps: Timestamps::new(),
            lines: Vec::new(),
            count: 0,
        }
    }

    /// Keeps of a request what its line will say.
    pub(super) fn ask(&self, asking: &Asking<'_>, asked: &mut Asked) {
        match self.log.format {
            Format::Short => formats::ask_short(asking, asked),
            Format::Combined => formats::ask_combined(asking, asked),
            Format::JsonLines => formats::ask_json(asking, asked),
        }
    }

    /// Writes a request's line.
    pub(super) fn write(&mut self, entry: &Entry<'_>) {
        let write = match self.log.format {
            Format::Short => formats::short,
            Format::Combined => formats::combined,
            Format::JsonLines => formats::json,
        };
        write(entry, &mut self.timestamps, &mut self.lines);
        self.count += 1;
        if self.lines.len() >= GATHERED_MAX {
            self.hand_over();
        }
    }

    /// Gives away the lines that were gathered.
    pub(super) fn hand_over(&mut self) {
        if self.count > 0 {
            let queue = &self.log.queue;
            queue.push_all(&self.lines, self.count, Worth::Ordinary);
            self.lines.clear();
            self.count = 0;
        }
    }
}

/// The time, for lines that belong to no request.
fn now() -> String {
    let mut text = Vec::new();
    Timestamps::new().rfc3339(Instant::now(), &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
