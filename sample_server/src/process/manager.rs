//! The service manager that started the process, where it wants to be told how it is: systemd, as
//! `sd_notify(3)` says. Without one, nothing is told.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use std::{env, io, thread};

use container::scheduler::Phase;
use container::server::Handle;

/// The variable that says where it listens.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// How long a manager that takes nothing more is waited for: a stop or a successor must not hang on
/// it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The shortest time in which the manager can want a sign of life: for a shorter one the process would
/// be busy with that.
const WATCHDOG_MIN: Duration = Duration::from_millis(10);

/// Who is told.
#[derive(Clone)]
pub(crate) struct Manager {
    /// Where it listens; `None` when there is none.
    address: Option<SocketAddr>,
    /// How often it wants to hear that the server is alive.
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that the environment names.
    ///
    /// # Errors
    /// When it names none that can be.
    pub(crate) fn from_environment() -> io::Result<Manager> {
        let address = env::var(NOTIFY_SOCKET).ok();
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{NOTIFY_SOCKET}: {error}"));
        let address = address.map(|name| address_of(&name)).transpose();
        let address = address.map_err(named)?;
        let own = env::var("WATCHDOG_PID").ok();
        let is_own = own.is_none_or(|pid| pid == std::process::id().to_string());
        let period = env::var("WATCHDOG_USEC").ok().filter(|_| is_own);
        let period = period.and_then(|text| text.parse().ok());
        Ok(Manager {
            watchdog: period
                .filter(|us| *us > 0)
                .map(|us| Duration::from_micros(us).max(WATCHDOG_MIN)),
            address,
        })
    }

    /// Tells it something, such as `READY=1`. Where it takes nothing more for a while, it is not
    /// told.
    pub(crate) fn tell(&self, state: &str) {
        let Some(address) = &self.address else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| {
            socket.set_write_timeout(Some(PATIENCE))?;
            socket.send_to_addr(state.as_bytes(), address)
        });
        if let Err(error) = sent {
            log::warn!("the service manager cannot be told {state:?}: {error}");
        }
    }

    /// Tells it, from when the container runs, when that drains, and that it lives as long as all of
    /// its workers move. Of one that never runs it hears nothing.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    pub(crate) fn watch(&self, handle: Handle) -> io::Result<()> {
        if self.address.is_none() {
            return Ok(());
        }
        let manager = self.clone();
        let thread = thread::Builder::new().name("manager".to_owned());
        thread.spawn(move || manager.attend(&handle)).map(drop)
    }

    fn attend(&self, handle: &Handle) {
        handle.wait_for(Phase::Running, Duration::MAX);
        if handle.since(Phase::Running).is_none() {
            return;
        }
        // Twice in each period, as the manual advises; and at once, since a process that this one
        // succeeds says nothing more.
        self.report_alive(handle);
        let period = self.watchdog.map_or(Duration::MAX, |period| period / 2);
        let mut next = Phase::Leaving;
        while handle.phase() < Phase::Drained {
            if handle.wait_for(next, period) && next == Phase::Leaving {
                next = Phase::Drained;
                // A successor is what the manager looks at by now.
                if !handle.is_handed_over() {
                    self.tell("STOPPING=1\nSTATUS=draining");
                }
            }
            self.report_alive(handle);
        }
    }

    /// A worker that does not come back from a handler is no sign of life; and this process says
    /// nothing in the place of a successor, which may hang.
    fn report_alive(&self, handle: &Handle) {
        let Some(period) = self.watchdog.filter(|_| !handle.is_handed_over()) else {
            return;
        };
        let workers = handle.workers();
        let longest = workers.iter().map(|worker| worker.turn).max();
        match longest.filter(|turn| *turn >= period) {
            None => self.tell("WATCHDOG=1"),
            Some(turn) => log::error!(
                "a worker has been held for {turn:?}: the watchdog is not told that all is well"
            ),
        }
    }
}

/// A path, or after an `@` a name in the abstract namespace.
fn address_of(name: &str) -> io::Result<SocketAddr> {
    match name.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => SocketAddr::from_abstract_name(name.as_bytes()),
        #[cfg(not(target_os = "linux"))]
        Some(_) => Err(io::ErrorKind::Unsupported.into()),
        None => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use container::{Container, Router};

    use super::*;

    /// The process before fed the watchdog for a successor that hung.
    #[test]
    fn who_has_handed_over_is_no_sign_of_life() {
        let path = env::temp_dir().join(format!("sample-server-{}-alive.sock", std::process::id()));
        let listening = UnixDatagram::bind(&path).expect("it can be made");
        let manager = Manager {
            address: Some(SocketAddr::from_pathname(&path).expect("it is short")),
            watchdog: Some(Duration::MAX),
        };
        let container = Container::builder().bind("127.0.0.1:0");
        let container = container.start(Router::new()).expect("there is a port");
        let handle = container.handle();
        manager.report_alive(&handle);
        assert!(handle.hand_over());
        manager.report_alive(&handle);
        manager.tell("STATUS=told");
        let told = || {
            let mut buffer = [0; 64];
            let count = listening.recv(&mut buffer).expect("it is told");
            String::from_utf8_lossy(&buffer[..count]).into_owned()
        };
        assert_eq!([told(), told()], ["WATCHDOG=1", "STATUS=told"]);
        container.wait();
        std::fs::remove_file(&path).expect("it is ours");
    }
}
