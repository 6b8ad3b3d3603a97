//! `LineQueue`: between those who log and where lines go, so that nobody who serves requests waits
//! for a `write`.
//!
//! Lines are gathered in memory and written by a thread of their own, many at a time. The queue is
//! bounded, and nobody waits for room in it, since who logs may be a worker and who reads may be
//! gone: a line that has none is dropped and counted, and the next line that fits is preceded by one
//! that says how many were. Lines that can be spared less have more room. Only the end of the
//! process waits, for the last lines. Knows nothing of levels and formats: whoever pushes a line
//! says what it is worth. A line that the sink refuses is counted as well.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{mem, thread};

use super::line_sink::LineSink;

/// Bytes waiting beyond which [`Worth::Ordinary`] lines are dropped: some 15,000 requests' lines, a
/// moment's worth for a terminal and far more than a pipe's reader needs to catch up.
const ORDINARY_MAX: usize = 1 << 20;

/// The same for [`Worth::Important`] lines: whatever flood there is of others, some thousands have
/// room.
const IMPORTANT_MAX: usize = 2 << 20;

/// The same for [`Worth::Last`] lines: far more than the few that a process says of itself, whatever
/// flood there is of errors.
const LAST_MAX: usize = IMPORTANT_MAX + (64 << 10);

/// How long the writer gathers lines after the first: few enough to look like now, long enough
/// that a busy server pays for a hundred wake-ups a second, not one for each request.
const GATHER: Duration = Duration::from_millis(10);

/// How long the end of the process waits for the last lines: plenty where somebody reads them, and
/// where nobody does, a process that stays for ever is worse than a line that is lost.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// What a line is worth: the less it can be spared, the more room it has in the queue, and the
/// sooner it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It is one of many, such as a request's.
    Ordinary,
    /// It says that something is wrong.
    Important,
    /// It is one of the few that a process says of itself, such as how it ended.
    Last,
}

/// Makes the line, line end included, that says how many lines were dropped before the one it is
/// given.
pub type Notice = fn(next: &[u8], dropped: u64) -> Vec<u8>;

/// The lines on their way; clones share them.
///
/// ```
/// use container::observe::{LineQueue, Worth};
///
/// let notice = |_: &[u8], dropped| format!("{dropped} lines dropped\n").into_bytes();
/// let (queue, writer) = LineQueue::start(std::io::sink(), notice)?;
/// queue.push(b"GET / 200\n", Worth::Ordinary);
/// writer.finish();
/// assert_eq!(queue.dropped(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct LineQueue {
    shared: Arc<Shared>,
}

/// The thread that writes.
pub struct LineWriter {
    queue: LineQueue,
    /// Closed when the thread has ended; nothing is ever sent.
    ended: mpsc::Receiver<()>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Says how many lines were dropped.
    notice: Notice,
    /// Lines dropped since the start.
    dropped: AtomicU64,
    /// Told the writer: there is a first line, one that is not to be kept back, or the end.
    filled: Condvar,
}

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    /// Whole lines.
    lines: Vec<u8>,
    /// Lines dropped since the last one that said so.
    dropped: u64,
    /// Whether to write without gathering more.
    pressing: bool,
    /// Whether the writer is to end when all is written.
    closed: bool,
}

impl LineQueue {
    /// Starts the thread that writes to `sink`; `notice` makes the line that tells of dropped ones.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        sink: impl Write + Send + 'static,
        notice: Notice,
    ) -> io::Result<(LineQueue, LineWriter)> {
        let queue = LineQueue {
            shared: Arc::new(Shared {
                waiting: Mutex::default(),
                notice,
                dropped: AtomicU64::new(0),
                filled: Condvar::new(),
            }),
        };
        let writer = queue.clone();
        let (end, ended) = mpsc::channel();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                writer.write_to(sink);
                drop(end);
            })?;
        let writer = LineWriter {
            queue: queue.clone(),
            ended,
        };
        Ok((queue, writer))
    }

    /// Puts a line, line end included, behind the others; never waits. After
    /// [`LineWriter::finish`] it is lost: the process is at its end.
    pub fn push(&self, line: &[u8], worth: Worth) {
        self.push_all(line, 1, worth);
    }

    /// Puts `count` lines behind the others, all or none of them.
    pub fn push_all(&self, lines: &[u8], count: u64, worth: Worth) {
        let mut waiting = self.lock();
        if waiting.closed {
            return;
        }
        if waiting.lines.len() >= worth.room() {
            waiting.dropped += count;
            self.shared.dropped.fetch_add(count, Ordering::Relaxed);
            return;
        }
        // Telling the writer costs a system call, so it is told only what changes something for it.
        let (was_empty, was_pressing) = (waiting.lines.is_empty(), waiting.is_pressing());
        waiting.pressing |= worth != Worth::Ordinary;
        waiting.push(lines, self.shared.notice);
        let tell = was_empty || (waiting.is_pressing() && !was_pressing);
        drop(waiting);
        if tell {
            self.shared.filled.notify_one();
        }
    }

    /// How many lines were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// The writer's life: until the queue is closed, and all in it is written.
    fn write_to(&self, sink: impl Write) {
        let mut sink = LineSink::new(sink);
        let mut lines = Vec::new();
        // Lines that the sink has lost, of which it was not told since it takes lines again.
        let mut untold = 0;
        while self.take(&mut lines) {
            let lost = sink.write(&lines);
            self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
            untold += lost;
            if lost == 0 && untold > 0 {
                self.lock().dropped += mem::take(&mut untold);
            }
            lines.clear();
        }
    }

    /// Waits for lines and swaps them into `taken`, which is empty; false at the end.
    fn take(&self, taken: &mut Vec<u8>) -> bool {
        let shared = &self.shared;
        let idle = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
        let waiting = shared
            .filled
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let gathering = |waiting: &mut Waiting| !waiting.is_pressing();
        let (mut waiting, _) = shared
            .filled
            .wait_timeout_while(waiting, GATHER, gathering)
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut waiting.lines, taken);
        waiting.pressing = false;
        // None only when it was closed: everything is written.
        !taken.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked with the lock had at worst left half a line.
        let waiting = self.shared.waiting.lock();
        waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineWriter {
    /// Returns when all that was pushed is written, or nobody has taken it for [`FINISH_MAX`].
    pub fn finish(self) {
        let shared = &self.queue.shared;
        self.queue.lock().closed = true;
        shared.filled.notify_one();
        // Closed is what it waits for; out of time, there is nobody left to tell.
        let _ = self.ended.recv_timeout(FINISH_MAX);
    }
}

impl Worth {
    /// Bytes waiting beyond which such a line is dropped.
    fn room(self) -> usize {
        match self {
            Worth::Ordinary => ORDINARY_MAX,
            Worth::Important => IMPORTANT_MAX,
            Worth::Last => LAST_MAX,
        }
    }
}

impl Waiting {
    fn push(&mut self, lines: &[u8], notice: Notice) {
        if self.dropped > 0 {
            let notice = notice(lines, mem::take(&mut self.dropped));
            self.lines.extend_from_slice(&notice);
        }
        self.lines.extend_from_slice(lines);
    }

    /// Whether the writer should not wait for more.
    fn is_pressing(&self) -> bool {
        self.pressing || self.closed || self.lines.len() >= ORDINARY_MAX / 2
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// A sink that tells what it is about to write, and waits to be allowed to.
    struct Gate {
        told: Sender<String>,
        allowed: Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            // The test may have stopped listening, and then allows everything.
            let _ = self.told.send(text);
            let _ = self.allowed.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Test {
        queue: LineQueue,
        writer: LineWriter,
        written: Receiver<String>,
        allow: Sender<()>,
    }

    fn start() -> Test {
        let (told, written) = mpsc::channel();
        let (allow, allowed) = mpsc::channel();
        let (queue, writer) = LineQueue::start(Gate { told, allowed }, notice).unwrap();
        Test {
            queue,
            writer,
            written,
            allow,
        }
    }

    fn notice(next: &[u8], dropped: u64) -> Vec<u8> {
        let level = String::from_utf8_lossy(&next[..7]);
        format!("{dropped} before {level}\n").into_bytes()
    }

    /// A line of 1 KiB.
    fn line(text: &str) -> Vec<u8> {
        format!("{text:<1023}\n").into_bytes()
    }

    #[test]
    fn what_was_pushed_is_written_before_the_end_and_in_order() {
        let test = start();
        drop(test.allow);
        for number in 0..100 {
            let line = format!("{number}\n");
            test.queue.push(line.as_bytes(), Worth::Ordinary);
        }
        test.writer.finish();
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(test.written.iter().collect::<String>(), expected);
    }

    #[test]
    fn each_worth_has_room_that_the_others_leave_and_nobody_waits() {
        let test = start();
        test.queue.push(b"first\n", Worth::Last);
        assert_eq!(test.written.recv().unwrap(), "first\n");
        // From here on the sink is stuck.
        let floods = [
            (Worth::Ordinary, "t INFO request", ORDINARY_MAX),
            (
                Worth::Important,
                "t ERROR panic",
                IMPORTANT_MAX - ORDINARY_MAX,
            ),
            (Worth::Last, "t INFO served", LAST_MAX - IMPORTANT_MAX),
        ];
        for (dropped, (worth, text, room)) in (0..).step_by(7).zip(floods) {
            assert_eq!(test.queue.dropped(), dropped);
            for _ in 0..room / 1024 + 7 {
                test.queue.push(&line(text), worth);
            }
        }
        assert_eq!(test.queue.dropped(), 21);
        drop(test.allow);
        test.writer.finish();
        let text: String = test.written.iter().collect();
        for (worth, line, room) in floods {
            assert_eq!(text.matches(line).count(), room / 1024, "{worth:?}");
        }
        for notice in ["7 before t ERROR", "7 before t INFO"] {
            assert_eq!(text.matches(notice).count(), 1, "{notice}");
        }
    }

    /// A full disk lost lines, and nothing said so.
    #[test]
    fn what_the_sink_refuses_is_counted() {
        /// Refuses everything.
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (queue, writer) = LineQueue::start(Full, notice).unwrap();
        for _ in 0..50 {
            queue.push(b"a request\n", Worth::Ordinary);
        }
        writer.finish();
        assert_eq!(queue.dropped(), 50);
    }
}
