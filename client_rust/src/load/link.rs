//! One connection of the load: a batch of requests out, their answers in.
//!
//! The hot path: one write and one read for a batch, no allocation, and no field of an answer
//! looked at but those that say where it ends.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use container::http1::{ClientConnection, ClientEvent, Limits};
use container::message::BodyLength;
use container::net::{TcpStream, Transport};
use container::reactor::{self, Sleep};

use super::supply::Batch;
use super::worker::Worker;
use crate::failure::Failure;

/// Reads of one connection before the others have their turn.
const READS_PER_POLL: u32 = 16;

/// A connection that is used for one batch after another.
pub(super) struct Link {
    /// The socket.
    stream: TcpStream,
    /// What the bytes mean.
    machine: ClientConnection,
    /// Received and not consumed: the beginning of a head.
    leftover: Vec<u8>,
    /// The status of the answer whose body is being read.
    status: u16,
    /// Ends a batch that takes too long.
    timer: Sleep,
    /// When the last batch was answered.
    finished: Instant,
}

/// A batch under way.
struct Progress<'a> {
    /// What is still to be written.
    unsent: &'a [u8],
    batch: Batch,
    answered: &'a mut u32,
}

impl Link {
    /// Connects before `deadline`.
    pub(super) async fn connect(address: SocketAddr, deadline: Instant) -> Result<Link, Failure> {
        let stream = reactor::timeout_at(deadline, TcpStream::connect(address))
            .await
            .map_err(|_| Failure::Timeout)?
            .map_err(|error| Failure::of_connect(&error))?;
        Ok(Link {
            stream,
            machine: ClientConnection::new(Limits::default()),
            leftover: Vec::new(),
            status: 0,
            timer: reactor::sleep_until(deadline),
            finished: Instant::now(),
        })
    }

    /// Whether another batch can be sent. Something to read between batches is the server's end.
    pub(super) fn is_reusable(&self) -> bool {
        self.machine.is_reusable() && self.leftover.is_empty() && !self.stream.is_read_ready()
    }

    /// When the last batch was answered.
    pub(super) fn finished(&self) -> Instant {
        self.finished
    }

    /// Sends a batch and reads its answers before `deadline`, counting each as it comes.
    pub(super) async fn exchange(
        &mut self,
        worker: &Worker,
        batch: Batch,
        deadline: Instant,
        answered: &mut u32,
    ) -> Result<(), Failure> {
        for _ in 0..batch.count {
            let expected = self.machine.expect_answer(worker.plan.answers);
            expected.map_err(|_| Failure::ClosedEarly)?;
        }
        self.timer.reset(deadline);
        let mut progress = Progress {
            unsent: worker.plan.requests(batch.count),
            batch,
            answered,
        };
        let outcome = poll_fn(|cx| self.poll_exchange(cx, worker, &mut progress)).await;
        // Without keep-alive the request said so, which the machine was not told.
        if outcome.is_err() || !worker.plan.keepalive {
            self.machine.close();
        }
        outcome
    }

    fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        progress: &mut Progress<'_>,
    ) -> Poll<Result<(), Failure>> {
        if let Err(error) = self.write(cx, progress) {
            return Poll::Ready(Err(error.into()));
        }
        match self.read(cx, worker, progress) {
            Poll::Pending => Pin::new(&mut self.timer)
                .poll(cx)
                .map(|()| Err(Failure::Timeout)),
            ready => ready,
        }
    }

    /// Writes what can be written now.
    fn write(&mut self, cx: &mut Context<'_>, progress: &mut Progress<'_>) -> io::Result<()> {
        // Ends: each round writes something, or finds that the stream is not ready.
        while !progress.unsent.is_empty() {
            match self.stream.try_write(progress.unsent) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => progress.unsent = &progress.unsent[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.poll_write_ready(cx).is_pending() {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what can be read now; ready when the batch is answered.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        progress: &mut Progress<'_>,
    ) -> Poll<Result<(), Failure>> {
        let mut buffer = worker.buffer.borrow_mut();
        for _ in 0..READS_PER_POLL {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Poll::Ready(self.handle_eof(worker, progress)),
                Ok(count) => {
                    let received = &buffer[..count];
                    self.finished = Instant::now();
                    if let Err(failure) = self.receive(received, worker, progress) {
                        return Poll::Ready(Err(failure));
                    }
                    if *progress.answered == progress.batch.count {
                        return Poll::Ready(Ok(()));
                    }
                    // An answer said that it is the last, and the batch had more requests.
                    if self.machine.is_closed() || self.machine.is_tunnel() {
                        return Poll::Ready(Err(Failure::ClosedEarly));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.poll_read_ready(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes what was received, behind what was left over before.
    fn receive(
        &mut self,
        received: &[u8],
        worker: &Worker,
        progress: &mut Progress<'_>,
    ) -> Result<(), Failure> {
        if self.leftover.is_empty() {
            let consumed = self.feed(received, worker, progress)?;
            self.leftover.extend_from_slice(&received[consumed..]);
            return Ok(());
        }
        let mut input = std::mem::take(&mut self.leftover);
        input.extend_from_slice(received);
        let consumed = self.feed(&input, worker, progress)?;
        input.drain(..consumed);
        self.leftover = input;
        Ok(())
    }

    /// Gives `input` to the machine; says how much it consumed.
    fn feed(
        &mut self,
        input: &[u8],
        worker: &Worker,
        progress: &mut Progress<'_>,
    ) -> Result<usize, Failure> {
        let mut consumed = 0;
        // Ends: each round consumes input or brings an event, of which there is one without input.
        loop {
            let step = self.machine.handle_bytes(&input[consumed..])?;
            consumed += step.consumed;
            match step.event {
                Some(ClientEvent::Response(head, length)) => {
                    self.status = head.status().as_u16();
                    if length == BodyLength::Known(0) {
                        self.answered(worker, progress);
                    }
                }
                Some(ClientEvent::EndOfBody(_)) => self.answered(worker, progress),
                Some(ClientEvent::Interim(_) | ClientEvent::Body(_)) => {}
                None if step.consumed == 0 => return Ok(consumed),
                None => {}
            }
            if consumed == input.len() && !self.machine.has_more_to_tell() {
                return Ok(consumed);
            }
        }
    }

    fn handle_eof(&mut self, worker: &Worker, progress: &mut Progress<'_>) -> Result<(), Failure> {
        if let Some(ClientEvent::EndOfBody(_)) = self.machine.handle_eof()? {
            self.answered(worker, progress);
        }
        if *progress.answered == progress.batch.count {
            Ok(())
        } else {
            Err(Failure::ClosedEarly)
        }
    }

    fn answered(&self, worker: &Worker, progress: &mut Progress<'_>) {
        *progress.answered += 1;
        worker.answered(progress.batch, self.status, self.finished);
    }
}
