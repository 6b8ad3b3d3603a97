//! `LineSink`: whole lines on their way into a `Write`, which may be full, gone, or another process's
//! too. Knows no queue.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;
use std::{iter, thread};

/// Bytes in one write: what Linux puts into a pipe undivided (PIPE_BUF, pipe(7)). Where two processes
/// have the pipe, as in a handover, a longer write could have lines of the other one within it.
const PIECE_MAX: usize = 4096;

/// How long a sink is left alone that takes nothing at the moment (`WouldBlock`).
const RETRY: Duration = Duration::from_millis(10);

/// How often that is done before a piece is lost: five seconds, as long as the end of a process waits
/// for a sink that blocks.
const RETRIES_MAX: u32 = 500;

/// Where lines are written.
pub(super) struct LineSink<W> {
    sink: W,
    /// Whether what was written last ended within a line.
    is_torn: bool,
}

impl<W: Write> LineSink<W> {
    pub(super) fn new(sink: W) -> Self {
        LineSink {
            sink,
            is_torn: false,
        }
    }

    /// Writes whole lines, in pieces that end with one; says how many were lost. A line of more than
    /// [`PIECE_MAX`] is a piece by itself.
    pub(super) fn write(&mut self, lines: &[u8]) -> u64 {
        let lost = pieces(lines).map(|piece| self.write_piece(piece)).sum();
        // What a sink that gathers has lost, only that could say.
        let _ = self.sink.flush();
        lost
    }

    /// Lines that were lost of these.
    fn write_piece(&mut self, piece: &[u8]) -> u64 {
        if self.is_torn {
            self.is_torn = self.write_all(b"\n") > 0;
        }
        let unwritten = match self.is_torn {
            true => piece.len(),
            false => self.write_all(piece),
        };
        let (written, lost) = piece.split_at(piece.len() - unwritten);
        self.is_torn |= !lost.is_empty() && written.last().is_some_and(|last| *last != b'\n');
        lost.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    /// How many bytes at the end were not taken.
    fn write_all(&mut self, mut bytes: &[u8]) -> usize {
        let mut retries = 0;
        while !bytes.is_empty() {
            match self.sink.write(bytes) {
                Ok(0) => break,
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_passing(&error) && retries < RETRIES_MAX => {
                    retries += 1;
                    if error.kind() == ErrorKind::WouldBlock {
                        thread::sleep(RETRY);
                    }
                }
                // There is nobody to tell but those who read the counter.
                Err(_) => break,
            }
        }
        bytes.len()
    }
}

/// Whether the same write may go well in a moment.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The lines in pieces.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    iter::from_fn(move || {
        let piece;
        (piece, lines) = lines.split_at(piece_length(lines));
        (!piece.is_empty()).then_some(piece)
    })
}

/// The length of the first one.
fn piece_length(lines: &[u8]) -> usize {
    if lines.len() <= PIECE_MAX {
        return lines.len();
    }
    let is_end = |byte: &u8| *byte == b'\n';
    let last = lines[..PIECE_MAX].iter().rposition(is_end);
    let end = last.or_else(|| lines.iter().position(is_end));
    end.map_or(lines.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sink that does as it is told, one answer for each write, and then takes everything.
    #[derive(Default)]
    struct Told {
        answers: Vec<io::Result<usize>>,
        written: Vec<Vec<u8>>,
    }

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = match self.answers.is_empty() {
                true => bytes.len(),
                false => self.answers.remove(0)?,
            };
            self.written.push(bytes[..count].to_vec());
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[track_caller]
    fn check(answers: Vec<io::Result<usize>>, lines: &[&str], lost: &[u64], written: &str) {
        let mut sink = LineSink::new(Told {
            answers,
            ..Told::default()
        });
        let seen: Vec<u64> = lines
            .iter()
            .map(|lines| sink.write(lines.as_bytes()))
            .collect();
        assert_eq!(seen, lost, "{lines:?}");
        let all = sink.sink.written.concat();
        assert_eq!(String::from_utf8_lossy(&all), written);
    }

    #[test]
    fn what_is_not_taken_is_counted() {
        let full = || Err(ErrorKind::StorageFull.into());
        check(vec![], &["a\nb\n", "c\n"], &[0, 0], "a\nb\nc\n");
        check(vec![full()], &["a\nb\n", "c\n"], &[2, 0], "c\n");
        check(vec![Ok(0)], &["a\nb\n", "c\n"], &[2, 0], "c\n");
        // The half that was taken is ended before the next line begins.
        check(
            vec![Ok(3), full()],
            &["a\nbb\n", "c\n"],
            &[1, 0],
            "a\nb\nc\n",
        );
        check(vec![Ok(2), full()], &["a\nbb\n", "c\n"], &[1, 0], "a\nc\n");
        let torn = vec![Ok(1), full(), full()];
        check(torn, &["aa\n", "b\n", "c\n"], &[1, 1, 0], "a\nc\n");
    }

    #[test]
    fn what_passes_is_waited_for() {
        let again = |kind: ErrorKind| Err(kind.into());
        let answers = vec![
            again(ErrorKind::Interrupted),
            Ok(1),
            again(ErrorKind::WouldBlock),
            again(ErrorKind::WouldBlock),
        ];
        check(answers, &["a\nb\n"], &[0], "a\nb\n");
    }

    #[test]
    fn pieces_are_undivided_in_a_pipe_and_end_with_lines() {
        let line = |length: usize| "x".repeat(length - 1) + "\n";
        let check = |lines: &[usize], expected: &[usize]| {
            let text: String = lines.iter().map(|length| line(*length)).collect();
            let found: Vec<usize> = pieces(text.as_bytes()).map(<[u8]>::len).collect();
            assert_eq!(found, expected, "{lines:?}");
        };
        check(&[], &[]);
        check(&[1000; 4], &[4000]);
        check(&[1000; 9], &[4000, 4000, 1000]);
        check(&[4096, 4096, 1], &[4096, 4096, 1]);
        check(&[4095, 1, 1], &[4096, 1]);
        check(&[10, 5000, 10, 10], &[10, 5000, 20]);
        check(&[4097], &[4097]);
    }
}
