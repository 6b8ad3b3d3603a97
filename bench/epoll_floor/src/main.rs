//! The floor: what the kernel alone costs. One thread, one epoll, and for each readable event one
//! read and one write of canned answers.
//!
//! It must not parse: it counts blank lines. It takes for granted that a read never splits a head,
//! which holds for a load client on loopback, and is no web server for anything else.

mod epoll;

use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

use epoll::Epoll;

/// As long, byte for byte, as a real server's answer.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 13\r\n\
    date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    \r\n\
    Hello, World!";

/// More than a load client pipelines; what is beyond it takes another write.
const ANSWERS_PER_WRITE: usize = 256;

/// More than a load client sends at once, so that one read empties the socket.
const READ_SIZE: usize = 64 * 1024;

/// As many as are worth handling between two waits.
const EVENTS_MAX: usize = 1024;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port()))?;
    listener.set_nonblocking(true)?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Floor::new(listener)?.run()
}

/// The one option, `--port N`; 0, also the default, takes a free one.
fn port() -> u16 {
    let mut args = env::args().skip_while(|arg| arg != "--port").skip(1);
    args.next().map_or(0, |port| {
        port.parse().expect("--port takes a number up to 65535")
    })
}

struct Floor {
    epoll: Epoll,
    listener: TcpListener,
    /// Open connections at the index of their descriptor: the kernel gives out small numbers.
    streams: Vec<Option<TcpStream>>,
    /// What is read, by all connections in turn.
    input: Vec<u8>,
    /// `ANSWER` again and again, so that any number of them is one write.
    answers: Vec<u8>,
}

impl Floor {
    fn new(listener: TcpListener) -> io::Result<Self> {
        let epoll = Epoll::new(EVENTS_MAX)?;
        epoll.watch(&listener)?;
        Ok(Self {
            epoll,
            listener,
            streams: Vec::new(),
            input: vec![0; READ_SIZE],
            answers: ANSWER.repeat(ANSWERS_PER_WRITE),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut ready: Vec<RawFd> = Vec::with_capacity(EVENTS_MAX);
        loop {
            ready.clear();
            ready.extend(self.epoll.wait()?);
            for &fd in &ready {
                if fd == self.listener.as_raw_fd() {
                    self.accept()?;
                } else if !self.answer(fd) {
                    self.streams[fd as usize] = None;
                }
            }
        }
    }

    /// Accepts all that wait: an edge is reported once.
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            self.epoll.watch(&stream)?;
            let slot = stream.as_raw_fd() as usize;
            if self.streams.len() <= slot {
                self.streams.resize_with(slot + 1, || None);
            }
            self.streams[slot] = Some(stream);
        }
    }

    /// Answers what one read brings, and says whether the connection stays open.
    fn answer(&mut self, fd: RawFd) -> bool {
        let Some(stream) = &mut self.streams[fd as usize] else {
            return false;
        };
        let read = match stream.read(&mut self.input) {
            Ok(0) | Err(_) => return false,
            Ok(read) => read,
        };
        let mut due = count_heads(&self.input[..read]);
        while due > 0 {
            let now = due.min(ANSWERS_PER_WRITE);
            if stream
                .write_all(&self.answers[..now * ANSWER.len()])
                .is_err()
            {
                return false;
            }
            due -= now;
        }
        true
    }
}

/// Counts blank lines, looking at about every fourth byte: a byte that is not part of a line's end
/// cannot be among the last four of a head.
fn count_heads(input: &[u8]) -> usize {
    let (mut heads, mut at) = (0, 3);
    while at < input.len() {
        at += match input[at] {
            b'\n' if input[at - 3..=at] == *b"\r\n\r\n" => {
                heads += 1;
                4
            }
            b'\n' => 2,
            b'\r' => 1,
            _ => 4,
        };
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::count_heads;

    #[test]
    fn heads_are_counted_at_every_offset() {
        for padding in 0..8 {
            let head = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(padding));
            assert_eq!(count_heads(head.repeat(5).as_bytes()), 5);
        }
        assert_eq!(count_heads(b""), 0);
        assert_eq!(count_heads(b"GET / HTTP/1.1\r\nhost: a\r\n"), 0);
    }
}
