//! The container over real sockets of this machine. Waits for events only, and every wait has an
//! end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use container::server::{Builder, Handle, Report};
use container::{Container, Router};

/// How long anything may take before it counts as never happening.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A container that is to listen at a free port.
pub fn builder(workers: usize) -> Builder {
    Container::builder().bind("127.0.0.1:0").workers(workers)
}

/// That container, started with one worker.
///
/// # Panics
/// When it does not start.
pub fn start(router: Router) -> Container {
    builder(1).start(router).expect("it starts")
}

/// The same, but what a client still sends behind a refusal is read as long as it comes: how fast
/// the machine is must not decide whether the refusal arrives.
///
/// # Panics
/// When it does not start.
pub fn start_lingering(router: Router) -> Container {
    let builder = builder(1).configure(|config| {
        config.http1.timeouts.linger = PATIENCE;
        // An upload that goes on may take several times as long as a silence.
        config.http1.timeouts.linger_max = 3 * PATIENCE;
    });
    builder.start(router).expect("it starts")
}

/// Where it listens first.
///
/// # Panics
/// When that is no TCP address.
pub fn address(handle: &Handle) -> SocketAddr {
    handle.local_addr().as_tcp().expect("a TCP address")
}

/// A connection to it, whose reads have an end.
///
/// # Panics
/// When it does not listen.
pub fn connect(handle: &Handle) -> TcpStream {
    let stream = TcpStream::connect(address(handle)).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout is possible");
    stream
}

/// The same over the Unix socket at `path`.
///
/// # Panics
/// When nobody listens there.
pub fn connect_unix(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("somebody listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout is possible");
    stream
}

/// Sends a text.
///
/// # Panics
/// When the stream does not take it.
pub fn send(mut stream: impl Write, text: &str) {
    stream.write_all(text.as_bytes()).expect("it is taken");
}

/// All up to the server's end.
///
/// # Panics
/// When the stream ends otherwise.
pub fn receive(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("all of it arrives");
    text
}

/// Up to `end`.
///
/// # Panics
/// When the stream ends before.
pub fn receive_until(mut stream: impl Read, end: &str) -> String {
    let mut text = vec![];
    let mut byte = [0];
    while !text.ends_with(end.as_bytes()) {
        assert_eq!(stream.read(&mut byte).expect("it arrives"), 1, "{text:?}");
        text.extend(byte);
    }
    String::from_utf8(text).expect("text")
}

/// Waits until `done`.
///
/// # Panics
/// When it does not happen.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        thread::yield_now();
    }
}

/// Waits until no connection is open and no handler at work.
///
/// # Panics
/// When that does not come.
#[track_caller]
pub fn until_idle(handle: &Handle) {
    until("all connections are closed", || {
        handle.stats().connections == 0
    });
    until("no handler runs", || {
        let stats = handle.stats();
        let lanes = [stats.inline, stats.r#async, stats.blocking];
        lanes
            .iter()
            .all(|lane| (lane.running, lane.queued) == (0, 0))
    });
}

/// Waits for the end on a thread of its own, since there might be none.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn wait(container: Container) -> Report {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        // Who has lost patience does not listen any more.
        let _ = ended.send(container.wait());
    });
    end.recv_timeout(PATIENCE).expect("the container ends")
}

/// Drains it.
///
/// # Panics
/// When it does not end.
#[track_caller]
pub fn stop(container: Container) -> Report {
    container.handle().stop();
    wait(container)
}

/// A path for a socket, of this process alone.
pub fn socket_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("container-{name}-{}.sock", std::process::id()))
}

/// A handler that says that it has begun and waits until it may go on; this is the test's end.
pub struct Hold {
    begun: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
}

/// Such a handler, with both its ends. It answers `held`.
pub fn hold() -> (
    Hold,
    impl Fn() -> &'static str + Send + Sync + Clone + 'static,
) {
    let (begin, begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let ends = Arc::new(Mutex::new((begin, may_go_on)));
    let handler = move || {
        let ends = ends.lock().expect("no handler panics");
        ends.0.send(()).expect("the test listens");
        ends.1.recv_timeout(PATIENCE).expect("the test goes on");
        "held"
    };
    (Hold { begun, go_on }, handler)
}

impl Hold {
    /// Waits for a handler to begin.
    ///
    /// # Panics
    /// When none does.
    pub fn wait_begun(&self) {
        self.begun.recv_timeout(PATIENCE).expect("it begins");
    }

    /// Lets one handler go on.
    ///
    /// # Panics
    /// When the container is gone.
    pub fn release(&self) {
        self.go_on.send(()).expect("the handler waits");
    }
}
