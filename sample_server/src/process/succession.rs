//! A process that takes the place of this one, and the other way round.
//!
//! The old one starts the new one with duplicates of its listening sockets. Both accept; nobody is
//! turned away. The two talk over the new one's standard input:
//!
//! ```text
//! new -> old  `ready`   it serves
//! old -> new  `go`      it is the server from now on; the old one drains
//! ```
//!
//! Whatever goes wrong before `go` ends the new one, and the old one serves on.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, thread};

use command_fds::{CommandFdExt, FdMapping};
use container::server::Handle;
use signal_hook::consts::{SIGHUP, SIGUSR2};
use signal_hook::iterator::Signals;

use super::{ADMIN, Manager, OWNS_FILES, SUCCEEDS};

/// The first descriptor that is handed on, as `sd_listen_fds(3)` has it.
const FIRST_DESCRIPTOR: i32 = 3;

/// What `LISTEN_FDNAMES` calls the server's own sockets; any name but [`ADMIN`] would do.
const SERVER: &str = "server";

const READY: &str = "ready";
const GO: &str = "go";

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
    /// The program, as it was found at the start: by now another file may be there.
    program: PathBuf,
    arguments: Vec<OsString>,
    /// How long a successor may take until it serves.
    limit: Duration,
    owns_files: bool,
    /// Held while the server is handed over and the successor does not know it yet.
    settling: Arc<Mutex<()>>,
}

/// Successions that are attended to.
#[derive(Default)]
pub(crate) struct Attended {
    settling: Arc<Mutex<()>>,
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
    pub(crate) fn prepare(limit: Duration, owns_files: bool) -> io::Result<Succession> {
        let signals = Signals::new([SIGUSR2])?;
        if !io::stderr().is_terminal() {
            signals.add_signal(SIGHUP)?;
        }
        Ok(Succession {
            signals,
            program: env::current_exe()?,
            arguments: env::args_os().skip(1).collect(),
            limit,
            owns_files,
            settling: Arc::default(),
        })
    }

    /// Attends to the signals, on a thread of its own.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn attend(mut self, estate: Estate, manager: Manager) -> io::Result<Attended> {
        let settling = self.settling.clone();
        let thread = thread::Builder::new().name("succession".to_owned());
        let attend = move || {
            // One signal at a time; those that come meanwhile count as one.
            while let Some(_signal) = self.signals.forever().next() {
                if !estate.server.is_ready() {
                    log::warn!("no successor is started: the server is not running, or ends");
                    continue;
                }
                log::info!("starting a successor");
                if let Err(error) = self.succeed(&estate, &manager) {
                    log::error!("no successor: {error}; this process serves on");
                }
            }
        };
        thread.spawn(attend)?;
        Ok(Attended { settling })
    }

    /// Starts a process, waits until it serves, and leaves it the listeners.
    fn succeed(&self, estate: &Estate, manager: &Manager) -> io::Result<()> {
        let (stream, theirs) = UnixStream::pair()?;
        let mut child = self.spawn(estate, theirs.into())?;
        if let Err(error) = self.await_ready(&stream) {
            return Err(self.bury(&mut child, error));
        }
        let _settling = lock(&self.settling);
        if !estate.server.hand_over() {
            let error = io::Error::other("this server was asked to stop meanwhile");
            return Err(self.bury(&mut child, error));
        }
        // Who looks at this process looks at the other one from now on.
        estate.admin.as_ref().map(Handle::hand_over);
        let pid = child.id();
        manager.tell(&format!("MAINPID={pid}"));
        writeln!(&stream, "{GO}")?;
        log::warn!("process {pid} serves from now on; draining");
        Ok(())
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
            .stdin(stream);
        if self.owns_files {
            command.env(OWNS_FILES, "1");
        }
        let numbered = (FIRST_DESCRIPTOR..).zip(listeners);
        let mappings = numbered.map(|(child_fd, parent_fd)| FdMapping {
            parent_fd,
            child_fd,
        });
        command
            .fd_mappings(mappings.collect())
            .map_err(io::Error::other)?;
        command.spawn()
    }

    fn await_ready(&self, stream: &UnixStream) -> io::Result<()> {
        if self.limit.is_zero() {
            // The system takes no timeout of 0.
            stream.set_nonblocking(true)?;
        } else {
            stream.set_read_timeout(Some(self.limit))?;
        }
        let mut line = String::new();
        let read = BufReader::new(stream).read_line(&mut line);
        match read {
            Ok(_) if line.trim_end() == READY => Ok(()),
            Ok(_) => Err(io::Error::other("it ended before it served")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let limit = self.limit;
                let text = format!("it did not serve within {limit:?}");
                Err(io::Error::other(text))
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a process that is not to serve, and says how it went.
    fn bury(&self, child: &mut Child, error: io::Error) -> io::Error {
        // It may have ended by itself; then this fails.
        let _ = child.kill();
        match child.wait() {
            Ok(status) => io::Error::other(format!("{error} ({status})")),
            Err(_) => error,
        }
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
    /// Waits until the successor knows of it, where the server was handed over. A process with
    /// nothing to drain could end before it has said so, and then neither of the two would serve.
    pub(crate) fn settle(&self) {
        drop(lock(&self.settling));
    }
}

fn lock(settling: &Mutex<()>) -> MutexGuard<'_, ()> {
    settling.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Tells it that this process serves, and waits until it may.
    ///
    /// # Errors
    /// When the other one is gone, or has changed its mind.
    pub(crate) fn take_over(&self) -> io::Result<()> {
        writeln!(&self.stream, "{READY}")?;
        let mut line = String::new();
        BufReader::new(&self.stream).read_line(&mut line)?;
        // It is of no further use, and neither end waits for the other.
        let _ = self.stream.shutdown(Shutdown::Both);
        if line.trim_end() == GO {
            return Ok(());
        }
        Err(io::Error::other(
            "the process that was to be succeeded serves on, or is gone",
        ))
    }
}
