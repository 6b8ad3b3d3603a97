//! `Output`: what a connection has to send, in order, small things side by side and large ones as
//! they are.
//!
//! Does not write anywhere: its owner asks for slices and says how much of them went out.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Pieces at least this large are sent from where they lie; below it, copying them next to the
/// head costs less than a vectored write does.
const COPY_MAX: usize = 16 << 10;

/// Slices in one write: more gain nothing once a socket buffer is full.
pub const SLICES_MAX: usize = 16;

/// Sent bytes at the buffer's beginning that are worth moving the rest for.
const COMPACT_MIN: usize = 64 << 10;

/// Buffers that grew beyond this are freed rather than used again.
const KEPT_BUFFER_MAX: usize = 256 << 10;

/// Bytes that wait to be sent.
#[derive(Debug, Default)]
pub struct Output {
    /// Heads and small pieces, one behind the other.
    buffer: Vec<u8>,
    /// How much of `buffer` has been sent.
    sent: usize,
    /// Large pieces, each with the place in `buffer` before which it is to be sent.
    large: VecDeque<(usize, Bytes)>,
    /// Bytes in `large`.
    large_bytes: usize,
}

impl Output {
    /// Nothing to send, no storage.
    pub fn new() -> Self {
        Output::default()
    }

    /// Borrows the spare buffer to write into, unless one is in use already.
    pub fn borrow_buffer(&mut self, spare: &Cell<Vec<u8>>) {
        if self.buffer.capacity() == 0 {
            self.buffer = spare.take();
        }
    }

    /// Gives the buffer back once all is sent, in place of another that may be there by now.
    pub fn return_buffer(&mut self, spare: &Cell<Vec<u8>>) {
        if !self.is_empty() {
            return;
        }
        self.sent = 0;
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.capacity() <= KEPT_BUFFER_MAX {
            buffer.clear();
            spare.set(buffer);
        }
    }

    /// Whether all is sent.
    pub fn is_empty(&self) -> bool {
        self.pending() == 0
    }

    /// Bytes that wait.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.sent + self.large_bytes
    }

    /// The tail of the copied part, for encoders.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Adds a piece of a body.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if bytes.len() < COPY_MAX {
            self.buffer.extend_from_slice(&bytes);
        } else {
            self.large_bytes += bytes.len();
            self.large.push_back((self.buffer.len(), bytes));
        }
    }

    /// All that waits, when it is one slice; the usual case.
    pub fn single(&self) -> Option<&[u8]> {
        self.large.is_empty().then(|| &self.buffer[self.sent..])
    }

    /// Fills `slices` with what is to be sent first, up to `most` bytes; says how many it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES_MAX], mut most: usize) -> usize {
        let mut count = 0;
        let mut put = |bytes: &'a [u8]| {
            let bytes = &bytes[..bytes.len().min(most)];
            if !bytes.is_empty() && count < SLICES_MAX {
                slices[count] = IoSlice::new(bytes);
                count += 1;
                most -= bytes.len();
            }
        };
        let mut at = self.sent;
        for (place, bytes) in self.large.iter().take(SLICES_MAX) {
            put(&self.buffer[at..*place]);
            put(bytes);
            at = *place;
        }
        if self.large.len() < SLICES_MAX {
            put(&self.buffer[at..]);
        }
        count
    }

    /// Takes note that `count` bytes went out.
    ///
    /// # Panics
    /// When that is more than waits.
    pub fn advance(&mut self, mut count: usize) {
        assert!(count <= self.pending(), "no more can be sent than waits");
        if count == self.pending() {
            self.large.clear();
            self.large_bytes = 0;
            self.buffer.clear();
            self.sent = 0;
            return;
        }
        while count > 0 {
            let place = self
                .large
                .front()
                .map_or(self.buffer.len(), |(place, _)| *place);
            let copied = count.min(place - self.sent);
            self.sent += copied;
            count -= copied;
            if count > 0 {
                count -= self.advance_large(count);
            }
        }
        if self.sent >= COMPACT_MIN && self.sent >= self.buffer.len() / 2 {
            self.compact();
        }
    }

    /// Forgets what was sent: a stream whose reader always leaves a little would otherwise be kept
    /// whole.
    fn compact(&mut self) {
        self.buffer.drain(..self.sent);
        for (place, _) in &mut self.large {
            *place -= self.sent;
        }
        self.sent = 0;
    }

    /// Takes up to `count` bytes off the first large piece.
    fn advance_large(&mut self, count: usize) -> usize {
        let Some((_, bytes)) = self.large.front_mut() else {
            return 0;
        };
        let taken = count.min(bytes.len());
        bytes.advance(taken);
        self.large_bytes -= taken;
        if bytes.is_empty() {
            self.large.pop_front();
        }
        taken
    }

    /// Drops all that waits.
    pub fn clear(&mut self) {
        *self = Output::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_writes_of_any_size() {
        for step in [1, 5, 1000, 16 << 10, 1 << 20] {
            let mut output = Output::new();
            let mut expected = vec![];
            for round in 0..40_u8 {
                let small = vec![round; 3];
                let large = vec![round; COPY_MAX + usize::from(round)];
                for part in [small, large] {
                    expected.extend_from_slice(&part);
                    output.push(part.into());
                }
            }
            assert_eq!(output.pending(), expected.len());
            let step = if step < 1000 {
                expected.len() / 100 + step
            } else {
                step
            };
            let mut seen = vec![];
            while !output.is_empty() {
                let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                let count = output.slices(&mut slices, usize::MAX);
                let flat: Vec<u8> = slices[..count]
                    .iter()
                    .flat_map(|slice| slice.to_vec())
                    .collect();
                let taken = step.min(flat.len());
                seen.extend_from_slice(&flat[..taken]);
                output.advance(taken);
            }
            assert!(seen == expected, "step {step}");
        }
    }

    #[test]
    fn what_was_sent_is_not_kept_although_something_always_waits() {
        let mut output = Output::new();
        let (mut next, mut expected) = (0_u8, 0_u8);
        let mut push = |output: &mut Output, length: usize| {
            output.push(vec![next; length].into());
            next = next.wrapping_add(1);
        };
        push(&mut output, 5000);
        for round in 0..1000 {
            let length = if round % 3 == 0 { COPY_MAX } else { 5000 };
            push(&mut output, length);
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            output.slices(&mut slices, usize::MAX);
            assert_eq!(slices[0][0], expected, "round {round}");
            expected = expected.wrapping_add(1);
            let first = if round > 0 && (round - 1) % 3 == 0 {
                COPY_MAX
            } else {
                5000
            };
            output.advance(first);
        }
        assert!(
            output.buffer.capacity() < 1 << 20,
            "{}",
            output.buffer.capacity()
        );
    }

    #[test]
    fn a_lent_buffer_comes_back_only_when_all_is_sent() {
        let spare = Cell::new(Vec::with_capacity(100));
        let mut output = Output::new();
        output.borrow_buffer(&spare);
        output.push(Bytes::from_static(b"abc"));
        output.return_buffer(&spare);
        assert_eq!((spare.take().capacity(), output.pending()), (0, 3));
        output.advance(3);
        output.return_buffer(&spare);
        let buffer = spare.take();
        assert_eq!((buffer.capacity(), buffer.len()), (100, 0));
    }
}
