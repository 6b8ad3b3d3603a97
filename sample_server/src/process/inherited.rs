//! Listening sockets that the process was started with: by systemd, as `sd_listen_fds(3)` says, or
//! by the process that it succeeds, in the same way.

use std::{env, io};

use container::net::AnyListener;
use container::server::Builder;
use listenfd::ListenFd;

use super::{OWNS_FILES, SUCCEEDS};

/// The sockets that were inherited.
pub(crate) struct Inherited {
    listeners: Vec<AnyListener>,
    /// Whether the files of Unix sockets are the server's to remove.
    pub(crate) owns_files: bool,
}

impl Inherited {
    /// Takes them, as the environment says. `LISTEN_PID`, where it is set, must be this process.
    ///
    /// # Errors
    /// When one of them is not a listening TCP or Unix stream socket.
    pub(crate) fn take() -> io::Result<Inherited> {
        let mut descriptors = ListenFd::from_env();
        let mut listeners = vec![];
        for number in 0..descriptors.len() {
            let unix = descriptors.take_unix_listener(number);
            let listener = match unix {
                Ok(Some(listener)) => AnyListener::inherit(listener)?,
                _ => match descriptors.take_tcp_listener(number)? {
                    Some(listener) => AnyListener::inherit(listener)?,
                    None => continue,
                },
            };
            listeners.push(listener);
        }
        let is_successor = env::var_os(SUCCEEDS).is_some();
        let owns_files =
            listeners.is_empty() || (is_successor && env::var_os(OWNS_FILES).is_some());
        if !owns_files {
            listeners.iter().for_each(AnyListener::keep_file);
        }
        Ok(Inherited {
            listeners,
            owns_files,
        })
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Has a container serve them.
    pub(crate) fn serve(self, builder: Builder) -> Builder {
        self.listeners.into_iter().fold(builder, Builder::listener)
    }
}
