//! `MemoryStream`: one end of a byte stream in memory, with the faults that sockets have.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::net::{Address, Transport};

/// Bytes that one direction holds unless [`Faults::capacity`] says otherwise: a socket buffer's
/// size.
const CAPACITY: usize = 256 << 10;

/// How a stream misbehaves. By default it does not.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Faults {
    /// Most bytes a read gives.
    pub read_max: usize,
    /// Most bytes a write takes.
    pub write_max: usize,
    /// Bytes that one direction holds before writing has to wait.
    pub capacity: usize,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            read_max: usize::MAX,
            write_max: usize::MAX,
            capacity: CAPACITY,
        }
    }
}

/// One end of a stream in memory.
pub struct MemoryStream {
    shared: Rc<RefCell<Shared>>,
    /// Which of the two directions this end reads.
    reads: usize,
}

/// Both directions: `ways[0]` goes from client to server, `ways[1]` back.
struct Shared {
    ways: [Way; 2],
    /// Somebody cut the connection.
    reset: bool,
    faults: Faults,
}

#[derive(Default)]
struct Way {
    bytes: VecDeque<u8>,
    /// The writer has finished.
    finished: bool,
    /// The reader has gone: what is written resets the connection.
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl MemoryStream {
    /// A client's and a server's end.
    pub fn pair(faults: Faults) -> (MemoryStream, MemoryStream) {
        let ways = [Way::default(), Way::default()];
        let shared = Rc::new(RefCell::new(Shared {
            ways,
            reset: false,
            faults,
        }));
        (
            MemoryStream {
                shared: shared.clone(),
                reads: 1,
            },
            MemoryStream { shared, reads: 0 },
        )
    }

    /// Whether the other end was reset.
    pub fn was_reset(&self) -> bool {
        self.shared.borrow().reset
    }

    /// Bytes that have come and were not read.
    pub(super) fn readable(&self) -> usize {
        self.shared.borrow().ways[self.reads].bytes.len()
    }

    /// Changes how the stream misbehaves from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.borrow_mut().faults = faults;
    }

    /// Cuts the connection, both ways, at once.
    pub fn cut(&self) {
        self.shared.borrow_mut().reset = true;
        self.wake_all();
    }

    fn wake_all(&self) {
        let mut wakers = vec![];
        for way in &mut self.shared.borrow_mut().ways {
            wakers.extend(way.reader.take());
            wakers.extend(way.writer.take());
        }
        // Woken without a borrow: a waker may come back here.
        for waker in wakers {
            waker.wake();
        }
    }

    fn check_reset(&self) -> io::Result<()> {
        if self.was_reset() {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }

    fn writes(&self) -> usize {
        1 - self.reads
    }

    fn write_room(&self) -> usize {
        let shared = self.shared.borrow();
        shared
            .faults
            .capacity
            .saturating_sub(shared.ways[self.writes()].bytes.len())
    }
}

impl Transport for MemoryStream {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check_reset()?;
        let mut shared = self.shared.borrow_mut();
        let most = shared.faults.read_max;
        let way = &mut shared.ways[self.reads];
        if way.bytes.is_empty() {
            return if way.finished {
                Ok(0)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            };
        }
        let count = buffer.len().min(way.bytes.len()).min(most);
        for (to, from) in buffer.iter_mut().zip(way.bytes.drain(..count)) {
            *to = from;
        }
        let writer = way.writer.take();
        drop(shared);
        if let Some(writer) = writer {
            writer.wake();
        }
        Ok(count)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check_reset()?;
        let room = self.write_room();
        let mut shared = self.shared.borrow_mut();
        let count = bytes.len().min(room).min(shared.faults.write_max);
        let way = &mut shared.ways[1 - self.reads];
        if way.finished {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if way.abandoned {
            shared.reset = true;
            drop(shared);
            self.wake_all();
            // The kernel takes the bytes; the reset comes back a moment later.
            return Ok(count);
        }
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        way.bytes.extend(&bytes[..count]);
        let reader = way.reader.take();
        drop(shared);
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(count)
    }

    fn try_write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut written = 0;
        for buffer in buffers {
            match self.try_write(buffer) {
                Ok(count) => {
                    written += count;
                    if count < buffer.len() {
                        break;
                    }
                }
                Err(_) if written > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_read_ready() {
            return Poll::Ready(());
        }
        self.watch_read(context);
        Poll::Pending
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.was_reset() || self.write_room() > 0 {
            return Poll::Ready(());
        }
        self.shared.borrow_mut().ways[self.writes()].writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn watch_read(&self, context: &mut Context<'_>) {
        self.shared.borrow_mut().ways[self.reads].reader = Some(context.waker().clone());
    }

    fn is_read_ready(&self) -> bool {
        let shared = self.shared.borrow();
        let way = &shared.ways[self.reads];
        shared.reset || way.finished || !way.bytes.is_empty()
    }

    fn assume_read_ready(&self) {
        // What is known is always so.
    }

    fn is_read_closed(&self) -> bool {
        let shared = self.shared.borrow();
        shared.reset || shared.ways[self.reads].finished
    }

    fn is_reset(&self) -> bool {
        self.was_reset()
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        {
            let mut shared = self.shared.borrow_mut();
            if how != Shutdown::Read {
                shared.ways[1 - self.reads].finished = true;
            }
            if how != Shutdown::Write {
                shared.ways[self.reads].abandoned = true;
            }
        }
        self.wake_all();
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.cut();
        Ok(())
    }

    fn peer(&self) -> Address {
        Address::Unix(None)
    }
}

/// As a socket's close: an end for the other side, and a reset if something was left unread.
impl Drop for MemoryStream {
    fn drop(&mut self) {
        {
            let mut shared = self.shared.borrow_mut();
            shared.ways[1 - self.reads].finished = true;
            let way = &mut shared.ways[self.reads];
            way.abandoned = true;
            if !way.bytes.is_empty() {
                shared.reset = true;
            }
        }
        self.wake_all();
    }
}
