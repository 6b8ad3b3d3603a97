//! Listening sockets that the process was started with: by systemd, as `sd_listen_fds(3)` says, or
//! by the process that it succeeds, in the same way.

use std::{env, io};

use container::net::AnyListener;
use container::server::Builder;
use listenfd::ListenFd;

use super::{ADMIN, OWNS_FILES, SUCCEEDS};

/// The sockets that were inherited.
pub(crate) struct Inherited {
    /// Those of the server itself.
    listeners: Vec<AnyListener>,
    /// Those for who watches it: named [`ADMIN`].
    admin: Vec<AnyListener>,
    /// Whether the files of Unix sockets are the server's to remove.
    pub(crate) owns_files: bool,
}

impl Inherited {
    /// Takes them, as the environment says. `LISTEN_PID`, where it is set, must be this process;
    /// `LISTEN_FDNAMES` says which is for whom.
    ///
    /// # Errors
    /// When one of them is not a listening TCP or Unix stream socket.
    pub(crate) fn take() -> io::Result<Inherited> {
        let mut descriptors = ListenFd::from_env();
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let (mut listeners, mut admin) = (vec![], vec![]);
        for number in 0..descriptors.len() {
            let is_admin = names.next() == Some(ADMIN);
            let unix = descriptors.take_unix_listener(number);
            let listener = match unix {
                Ok(Some(listener)) => AnyListener::inherit(listener)?,
                _ => match descriptors.take_tcp_listener(number)? {
                    Some(listener) => AnyListener::inherit(listener)?,
                    None => continue,
                },
            };
            let listeners = if is_admin { &mut admin } else { &mut listeners };
            listeners.push(listener);
        }
        let is_successor = env::var_os(SUCCEEDS).is_some();
        let owns_files =
            listeners.is_empty() || (is_successor && env::var_os(OWNS_FILES).is_some());
        if !owns_files {
            let all = listeners.iter().chain(&admin);
            all.for_each(AnyListener::keep_file);
        }
        Ok(Inherited {
            listeners,
            admin,
            owns_files,
        })
    }

    /// Gives the server's builder its sockets; where there are none, what `bind` gives it.
    pub(crate) fn serve(
        &mut self,
        builder: Builder,
        bind: impl FnOnce(Builder) -> Builder,
    ) -> Builder {
        give(&mut self.listeners, builder, bind)
    }

    /// The same for the builder of who watches it.
    pub(crate) fn serve_admin(
        &mut self,
        builder: Builder,
        bind: impl FnOnce(Builder) -> Builder,
    ) -> Builder {
        give(&mut self.admin, builder, bind)
    }
}

fn give(
    listeners: &mut Vec<AnyListener>,
    builder: Builder,
    bind: impl FnOnce(Builder) -> Builder,
) -> Builder {
    if listeners.is_empty() {
        return bind(builder);
    }
    listeners.drain(..).fold(builder, Builder::listener)
}
