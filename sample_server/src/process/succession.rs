//! A process that takes the place of this one, and the other way round.
//!
//! The old one starts the new one with duplicates of its listening sockets. The two talk over the
//! new one's standard input:
//!
//! ```text
//! new -> old  `ready`    nothing can fail any more, and it has accepted nobody yet
//! old -> new  `go`       it may accept; the old one still does so too
//! new -> old  `serving`  it accepts; from now on it is the server, and the old one drains
//! ```
//!
//! Whatever goes wrong before `serving` ends the new one, and the old one serves on, if it was not
//! asked to stop meanwhile: there is no moment at which nobody accepts.

use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use command_fds::{CommandFdExt, FdMapping};
use container::scheduler::Phase;
use container::server::Handle;
use signal_hook::consts::{SIGHUP, SIGUSR2};
use signal_hook::iterator::Signals;

use super::{ADMIN, Manager, OWNS_FILES, SERVER, SUCCEEDS, program};

/// The first descriptor that is handed on, as `sd_listen_fds(3)` has it.
const FIRST_DESCRIPTOR: i32 = 3;

const READY: &str = "ready";
const GO: &str = "go";
const SERVING: &str = "serving";

/// How long a successor that may accept has until it does: all that it still has to do is to say so,
/// on a machine that may be busy.
const OPENING: Duration = Duration::from_secs(10);

/// Bytes of the longest line that one process listens to the other for.
const WORD_MAX: usize = 16;

/// What a successor is handed over.
#[derive(Clone)]
pub(crate) struct Estate {
    /// The server.
    pub(crate) server: Handle,
    /// The container of who watches it, where there is one.
    pub(crate) admin: Option<Handle>,
}

/// What starts successors at SIGUSR2 and SIGHUP.
pub(crate) struct Succession {
    signals: Signals,
    /// The program by its name at the start: by now another file may be there.
    program: PathBuf,
    arguments: Vec<OsString>,
    /// How long a successor may take until it serves.
    limit: Duration,
    /// Whose files are the server's, as [`OWNS_FILES`] has it.
    owners: String,
    attended: Attended,
}

/// Successions that are attended to.
#[derive(Clone, Default)]
pub(crate) struct Attended {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Held from before a successor is started until it knows that it serves, or has ended.
    settling: Mutex<()>,
    /// The way to the successor that is waited for.
    awaited: Mutex<Option<UnixStream>>,
}

/// The process that this one succeeds.
pub(crate) struct Predecessor {
    stream: UnixStream,
}

impl Succession {
    /// Takes note of what this process is. Signals are listened for from now on, so that none ends
    /// it; SIGHUP only when it does not mean that the terminal is gone.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn prepare(limit: Duration, owners: String) -> io::Result<Succession> {
        let signals = Signals::new([SIGUSR2])?;
        if !io::stderr().is_terminal() {
            signals.add_signal(SIGHUP)?;
        }
        Ok(Succession {
            signals,
            program: program::own()?,
            arguments: env::args_os().skip(1).collect(),
            limit,
            owners,
            attended: Attended::default(),
        })
    }

    /// Attends to the signals from when the server runs, on a thread of its own.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn attend(mut self, estate: Estate, manager: Manager) -> io::Result<Attended> {
        let attended = self.attended.clone();
        let thread = thread::Builder::new().name("succession".to_owned());
        let attend = move || {
            estate.server.wait_for(Phase::Running, Duration::MAX);
            // One signal at a time; those that come meanwhile count as one.
            while let Some(_signal) = self.signals.forever().next() {
                let _settling = lock(&self.attended.shared.settling);
                if !estate.server.is_ready() {
                    log::warn!("no successor is started: the server is not running, or ends");
                    continue;
                }
                log::info!("starting a successor: {}", self.program.display());
                if let Err(error) = self.succeed(&estate, &manager) {
                    let goes_on = if estate.server.is_ready() {
                        "serves on"
                    } else {
                        "ends"
                    };
                    log::error!("no successor: {error}; this process {goes_on}");
                }
            }
        };
        thread.spawn(attend)?;
        Ok(attended)
    }

    /// Starts a process, waits until it serves, and leaves it the listeners.
    fn succeed(&self, estate: &Estate, manager: &Manager) -> io::Result<()> {
        let (stream, theirs) = UnixStream::pair()?;
        let mut child = self.spawn(estate, theirs.into())?;
        if let Err(error) = self.negotiate(&stream, &estate.server) {
            return Err(bury(&mut child, &error));
        }
        // Who looks at this process looks at the other one from now on.
        estate.admin.as_ref().map(Handle::hand_over);
        let pid = child.id();
        log::warn!("process {pid} serves from now on; draining");
        // Last, since it may take a while; but this process does not end before.
        manager.tell(&format!("MAINPID={pid}"));
        Ok(())
    }

    /// What the two say to each other, up to the moment when the server has handed over.
    fn negotiate(&self, mut stream: &UnixStream, server: &Handle) -> io::Result<()> {
        self.await_word(READY, self.limit, stream, server)?;
        writeln!(stream, "{GO}")?;
        self.await_word(SERVING, OPENING, stream, server)?;
        if server.hand_over() {
            return Ok(());
        }
        Err(io::Error::other("it was too late"))
    }

    fn spawn(&self, estate: &Estate, stream: OwnedFd) -> io::Result<Child> {
        let (listeners, names) = estate.listeners()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("LISTEN_FDS", listeners.len().to_string())
            .env_remove("LISTEN_PID")
            .env("LISTEN_FDNAMES", names)
            .env_remove("WATCHDOG_PID")
            .env(SUCCEEDS, std::process::id().to_string())
            .env(OWNS_FILES, &self.owners)
            .stdin(stream);
        let numbered = (FIRST_DESCRIPTOR..).zip(listeners);
        let mappings = numbered.map(|(child_fd, parent_fd)| FdMapping {
            parent_fd,
            child_fd,
        });
        command
            .fd_mappings(mappings.collect())
            .map_err(io::Error::other)?;
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.program.display()))
        };
        command.spawn().map_err(named)
    }

    /// Waits for this word of its, but no longer than `limit`, nor than the server wants a successor.
    fn await_word(
        &self,
        expected: &str,
        limit: Duration,
        stream: &UnixStream,
        server: &Handle,
    ) -> io::Result<()> {
        *lock(&self.attended.shared.awaited) = Some(stream.try_clone()?);
        // Whoever asked it to stop before this line has found nothing to call off.
        let word = if server.is_ready() {
            hear(stream, Some(limit))
        } else {
            Ok(String::new())
        };
        lock(&self.attended.shared.awaited).take();
        match word {
            Ok(word) if word == expected => Ok(()),
            Ok(_) if !server.is_ready() => Err(io::Error::other("it is not wanted any more")),
            Ok(word) if word.is_empty() => Err(io::Error::other("it ended before it served")),
            Ok(word) => Err(io::Error::other(format!("it said {word:?}"))),
            Err(error) if error.kind() == ErrorKind::TimedOut => Err(io::Error::other(format!(
                "it did not serve within {limit:?}"
            ))),
            Err(error) => Err(error),
        }
    }
}

/// Ends a process that is not to serve, and says how it went.
fn bury(child: &mut Child, error: &io::Error) -> io::Error {
    // It may have ended by itself; then this fails.
    let _ = child.kill();
    match child.wait() {
        Ok(status) => io::Error::other(format!("{error} ({status})")),
        Err(gone) => io::Error::other(format!("{error} ({gone})")),
    }
}

impl Estate {
    /// Duplicates of the sockets, and their names as `LISTEN_FDNAMES` has them.
    fn listeners(&self) -> io::Result<(Vec<OwnedFd>, String)> {
        let mut listeners = self.server.listeners()?;
        let mut names = vec![SERVER; listeners.len()];
        if let Some(admin) = &self.admin {
            listeners.extend(admin.listeners()?);
            names.resize(listeners.len(), ADMIN);
        }
        Ok((listeners, names.join(":")))
    }
}

impl Attended {
    /// Waits until the server is asked to stop, and calls off a succession that is under way then.
    /// What has come so far that the server is handed over goes on.
    pub(crate) fn attend_to_the_end(&self, server: &Handle) {
        server.wait_for(Phase::Leaving, Duration::MAX);
        if let Some(stream) = lock(&self.shared.awaited).take() {
            // Where that fails, the successor is gone anyway.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until a successor that was started knows that it serves, or has ended. A process with
    /// nothing to drain could end before, and then neither of the two would serve, or a program that
    /// does not would keep the sockets.
    pub(crate) fn settle(&self) {
        drop(lock(&self.shared.settling));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The other process's word: what it says up to the end of a line, or up to its own end. `limit` is
/// for all of it.
fn hear(mut stream: &UnixStream, limit: Option<Duration>) -> io::Result<String> {
    let begin = Instant::now();
    let mut word = vec![];
    let mut piece = [0; WORD_MAX];
    while word.len() < WORD_MAX && !word.ends_with(b"\n") {
        let left = limit.map(|limit| limit.saturating_sub(begin.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(left)?;
        let room = WORD_MAX - word.len();
        match stream.read(&mut piece[..room]) {
            Ok(0) => break,
            Ok(count) => word.extend(&piece[..count]),
            // The time is over, which the next round sees; or a signal came.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&word).trim_end().to_owned())
}

impl Predecessor {
    /// The process that this one succeeds, where there is one.
    ///
    /// # Errors
    /// When there is no way to it.
    pub(crate) fn from_environment() -> io::Result<Option<Predecessor>> {
        if env::var_os(SUCCEEDS).is_none() {
            return Ok(None);
        }
        let stream = io::stdin().as_fd().try_clone_to_owned()?.into();
        Ok(Some(Predecessor { stream }))
    }

    /// Tells it that this process is ready, and waits until it may serve.
    ///
    /// # Errors
    /// When the other one is gone, or has changed its mind.
    pub(crate) fn ask(&self) -> io::Result<()> {
        writeln!(&self.stream, "{READY}")?;
        if hear(&self.stream, None)? == GO {
            return Ok(());
        }
        Err(io::Error::other(
            "the process that was to be succeeded serves on, or is gone",
        ))
    }

    /// Tells it that this process serves. Where the other one is gone, nobody else does.
    pub(crate) fn replace(self) {
        // It ends this process, should it have changed its mind.
        let _ = writeln!(&self.stream, "{SERVING}");
        // The way is of no further use, and neither end waits for the other.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// What is heard when the other process says this; it goes on for ever unless it `ends`.
    #[track_caller]
    fn check(said: &str, ends: bool, limit: Duration, expected: Result<&str, ErrorKind>) {
        let (ours, theirs) = UnixStream::pair().expect("there are descriptors");
        (&theirs).write_all(said.as_bytes()).expect("there is room");
        let kept = Some(theirs).filter(|_| !ends);
        let heard = hear(&ours, Some(limit)).map_err(|error| error.kind());
        assert_eq!(heard, expected.map(str::to_owned), "{said:?}");
        drop(kept);
    }

    #[test]
    fn a_word_is_a_line_of_a_few_bytes_within_one_limit() {
        check("ready\n", false, HOUR, Ok(READY));
        check("ready", true, HOUR, Ok(READY));
        check("", true, HOUR, Ok(""));
        check(&"x".repeat(100), false, HOUR, Ok("xxxxxxxxxxxxxxxx"));
        check(
            "rea",
            false,
            Duration::from_millis(1),
            Err(ErrorKind::TimedOut),
        );
        // Nobody who goes on talking gets more time for that.
        check("ready\n", false, Duration::ZERO, Err(ErrorKind::TimedOut));
    }
}
