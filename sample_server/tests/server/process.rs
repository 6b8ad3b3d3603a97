//! A running server: its log line by line, its address, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

/// What a process says that another one takes the place of.
const SUCCEEDED: &str = " serves from now on";

/// A started server; killed when a test ends before it does.
pub(crate) struct Server {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// The process that took its place, where one did.
    successor: Option<String>,
    /// What follows `listening on ` in the start line.
    pub(crate) start: String,
}

/// What a server did that ended.
pub(crate) struct End {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it logged after the lines that the test had seen.
    pub(crate) log: String,
}

/// The binary, with an environment of the test's own.
pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sample_server"));
    command.env_clear().args(flags).stdin(Stdio::null());
    // Nothing of a test stays in its user's data directory.
    command.env("DATABASE", ":memory:");
    command.env("XDG_DATA_HOME", temporary("data"));
    command
}

impl Server {
    /// Starts it at a free port, besides what the flags say.
    pub(crate) fn start(flags: &[&str]) -> Server {
        Server::spawn(command(flags).env("PORT", "0"))
    }

    /// Starts it and waits for its start line.
    pub(crate) fn spawn(command: &mut Command) -> Server {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let mut server = Server {
            child,
            stderr,
            successor: None,
            start: String::new(),
        };
        let line = server.wait_for("listening on ");
        let (_, start) = line.split_once("listening on ").expect("just seen");
        server.start = start.to_owned();
        server
    }

    /// The address in its start line.
    pub(crate) fn address(&self) -> &str {
        let address = self.start.strip_prefix("http://").expect("it is at TCP");
        address.split(' ').next().expect("there is a first word")
    }

    /// A connection that has sent this.
    pub(crate) fn send(&self, bytes: &str) -> TcpStream {
        send(self.address(), bytes)
    }

    /// The answer to a GET request on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> String {
        get(self.address(), target)
    }

    /// A request that certainly is in its handler's hands, and waits for the rest of its body:
    /// `hello`.
    pub(crate) fn begin_echo(&self) -> TcpStream {
        let mut stream = self.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        );
        let mut interim = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream
            .read_exact(&mut interim)
            .expect("it asks for the body");
        assert!(interim.starts_with(b"HTTP/1.1 100 "));
        stream
    }

    /// Reads the log up to a line with these words, and gives the line.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        let log = self.read_up_to(words);
        log.lines().last().unwrap_or_default().trim_end().to_owned()
    }

    /// The log up to a line with these words.
    fn read_up_to(&mut self, words: &str) -> String {
        let mut log = String::new();
        loop {
            let begin = log.len();
            let count = self.stderr.read_line(&mut log).expect("the log is text");
            assert!(count > 0, "`{words}` is not in the log:\n{log}");
            if log[begin..].contains(words) {
                return log;
            }
        }
    }

    /// Takes note of the process that has taken its place, once a line with each of these words was
    /// there as well: the two of them write to one log, in whatever order.
    pub(crate) fn adopt_after(&mut self, words: &[&str]) {
        let mut missing = words.to_vec();
        self.successor = None;
        while self.successor.is_none() || !missing.is_empty() {
            let line = self.wait_for("");
            missing.retain(|words| !line.contains(words));
            if line.contains(SUCCEEDED) {
                self.successor = Some(successor(&line));
            }
        }
    }

    /// Has another process take its place; it is the server from then on, with the same log.
    pub(crate) fn succeed(&mut self) {
        self.signal("USR2");
        self.adopt();
    }

    /// Takes note of the process that has taken its place; gives the log up to where it says so.
    pub(crate) fn adopt(&mut self) -> String {
        let log = self.read_up_to(SUCCEEDED);
        self.successor = log.lines().last().map(successor);
        log
    }

    /// Sends a signal: `INT`, `TERM` or `USR2`.
    pub(crate) fn signal(&self, name: &str) {
        let own = self.child.id().to_string();
        let pid = self.successor.clone().unwrap_or(own);
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("there is a `kill`").success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> End {
        let mut log = String::new();
        self.stderr
            .read_to_string(&mut log)
            .expect("the log is text");
        let status = self.child.wait().expect("it is our child");
        End {
            code: status.code(),
            log,
        }
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(self) -> End {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(pid) = &self.successor {
            let _ = Command::new("kill").args(["-s", "KILL", pid]).output();
        }
    }
}

/// A connection to this address that has sent this.
fn send(address: &str, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(bytes.as_bytes()).expect("it reads");
    stream
}

/// The answer that a GET request gets at this address, on a connection of its own.
pub(crate) fn get(address: &str, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    read_to_end(send(address, &request))
}

/// A path for a file of this process's tests alone.
pub(crate) fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sample-server-{}-{name}", std::process::id()))
}

/// What comes up to the end.
pub(crate) fn read_to_end(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it closes");
    text
}

/// The process that a line with [`SUCCEEDED`] tells of.
fn successor(line: &str) -> String {
    let (_, pid) = line.split_once("process ").expect("it says which");
    let (pid, _) = pid.split_once(' ').expect("it says which");
    pid.to_owned()
}
