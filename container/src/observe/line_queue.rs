//! `LineQueue`: between those who log and where lines go, so that nobody who serves requests waits
//! for a `write`.
//!
//! Lines are gathered in memory and written by a thread of their own, many at a time. The queue is
//! bounded in both of its answers when it is full: lines that may be lost are dropped and counted,
//! and the next line that fits is preceded by one that says how many were; a line that must not be
//! lost waits for room. Knows nothing of levels and formats: whoever pushes a line says which kind
//! it is.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{mem, thread};

/// Bytes waiting beyond which lines that may be lost are: some 15,000 requests' lines, a moment's
/// worth for a terminal and far more than a pipe's reader needs to catch up.
const DROP_ABOVE: usize = 1 << 20;

/// Bytes waiting beyond which lines that must not be lost wait for room. What is above
/// [`DROP_ABOVE`] is kept free for them, so they wait only when nobody reads any more.
const WAIT_ABOVE: usize = 2 << 20;

/// How long the writer gathers lines after the first: few enough to look like now, long enough
/// that a busy server pays for a hundred wake-ups a second, not one for each request.
const GATHER: Duration = Duration::from_millis(10);

/// How long the end of the process waits for the last lines: plenty where somebody reads them, and
/// where nobody does, a process that stays for ever is worse than a line that is lost.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// What happens to a line for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is dropped, and counted.
    Drop,
    /// It waits.
    Wait,
}

/// Makes the line, line end included, that says how many lines were dropped before the one it is
/// given.
pub type Notice = fn(next: &[u8], dropped: u64) -> Vec<u8>;

/// The lines on their way; clones share them.
///
/// ```
/// use container::observe::{LineQueue, WhenFull};
///
/// let notice = |_: &[u8], dropped| format!("{dropped} lines dropped\n").into_bytes();
/// let (queue, writer) = LineQueue::start(std::io::sink(), notice)?;
/// queue.push(b"GET / 200\n", WhenFull::Drop);
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
    /// Told those who wait for room: there is some.
    emptied: Condvar,
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
                emptied: Condvar::new(),
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

    /// Puts a line, line end included, behind the others. After [`LineWriter::finish`] it is lost:
    /// the process is at its end.
    pub fn push(&self, line: &[u8], when_full: WhenFull) {
        self.push_all(line, 1, when_full);
    }

    /// Puts `count` lines behind the others, all or none of them.
    pub fn push_all(&self, lines: &[u8], count: u64, when_full: WhenFull) {
        let mut waiting = self.lock();
        // Telling the writer costs a system call, so it is told only what changes something for it.
        let (was_empty, was_pressing) = (waiting.lines.is_empty(), waiting.is_pressing());
        match when_full {
            WhenFull::Drop if waiting.lines.len() >= DROP_ABOVE => {
                waiting.dropped += count;
                self.shared.dropped.fetch_add(count, Ordering::Relaxed);
                return;
            }
            WhenFull::Drop => {}
            WhenFull::Wait => {
                waiting = self.wait_for_room(waiting);
                waiting.pressing = true;
            }
        }
        if waiting.closed {
            return;
        }
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

    fn wait_for_room<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        let full = |waiting: &mut Waiting| waiting.lines.len() >= WAIT_ABOVE && !waiting.closed;
        let emptied = &self.shared.emptied;
        let waited = emptied.wait_while(waiting, full);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer's life: until the queue is closed, and all in it is written.
    fn write_to(&self, mut sink: impl Write) {
        let mut lines = Vec::new();
        while self.take(&mut lines) {
            // There is nobody to tell that standard error takes nothing: the lines are lost.
            let _ = sink.write_all(&lines).and_then(|()| sink.flush());
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
        drop(waiting);
        shared.emptied.notify_all();
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
        shared.emptied.notify_all();
        // Closed is what it waits for; out of time, there is nobody left to tell.
        let _ = self.ended.recv_timeout(FINISH_MAX);
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
        self.pressing || self.closed || self.lines.len() >= DROP_ABOVE / 2
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
        format!("{dropped} before {next:?}\n").into_bytes()
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
            test.queue.push(line.as_bytes(), WhenFull::Drop);
        }
        test.writer.finish();
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(test.written.iter().collect::<String>(), expected);
    }

    #[test]
    fn a_full_queue_drops_and_counts_but_keeps_what_must_not_be_lost() {
        let test = start();
        test.queue.push(b"first\n", WhenFull::Wait);
        assert_eq!(test.written.recv().unwrap(), "first\n");
        // From here on the sink is stuck.
        let room = DROP_ABOVE / 1024;
        for _ in 0..room + 7 {
            test.queue.push(&line("t INFO request"), WhenFull::Drop);
        }
        test.queue.push(b"t ERROR kept\n", WhenFull::Wait);
        drop(test.allow);
        let text = test.written.recv().unwrap();
        assert_eq!(text.matches("INFO request").count(), room);
        let end = format!("7 before {:?}\nt ERROR kept\n", b"t ERROR kept\n");
        assert!(text.ends_with(&end));
        assert_eq!(test.queue.dropped(), 7);
        test.writer.finish();
    }

    #[test]
    fn what_must_not_be_lost_waits_when_even_its_own_room_is_full() {
        let test = start();
        test.queue.push(b"first\n", WhenFull::Wait);
        assert_eq!(test.written.recv().unwrap(), "first\n");
        for _ in 0..WAIT_ABOVE / 1024 {
            test.queue.push(&line("t ERROR"), WhenFull::Wait);
        }
        thread::scope(|scope| {
            let last = scope.spawn(|| test.queue.push(b"t ERROR last\n", WhenFull::Wait));
            drop(test.allow);
            assert_eq!(test.written.recv().unwrap().len(), WAIT_ABOVE);
            last.join().unwrap();
        });
        test.writer.finish();
        assert_eq!(test.written.iter().collect::<String>(), "t ERROR last\n");
    }
}
