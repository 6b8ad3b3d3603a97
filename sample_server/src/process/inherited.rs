//! Listening sockets that the process was started with: by systemd, as `sd_listen_fds(3)` says, or
//! by the process that it succeeds, in the same way.

use std::path::PathBuf;
use std::{env, io, process};

use container::net::{Address, AnyListener, ListenSocket, SocketFile};
use container::server::Builder;
use listenfd::ListenFd;

use super::{ADMIN, OWNS_FILES, SERVER, SUCCEEDS};

/// The variable that says how many sockets there are.
const LISTEN_FDS: &str = "LISTEN_FDS";

/// The most there can be: each takes memory before it is looked at.
const SOCKETS_MAX: usize = 4096;

/// The sockets that were inherited. Their files, where they have some, stay in place until it is
/// certain that this process serves.
pub(crate) struct Inherited {
    /// Those of the server itself.
    pub(crate) server: Sockets,
    /// Those for who watches it: named [`ADMIN`].
    pub(crate) admin: Sockets,
}

/// Sockets of one container.
pub(crate) struct Sockets {
    /// Those that nobody has taken yet.
    listeners: Vec<AnyListener>,
    /// Where the files of all of them are.
    files: Vec<PathBuf>,
    /// Whether those files are the container's to remove: it, or a process before it, has opened the
    /// sockets. So it will where there are none.
    owns_files: bool,
}

/// Files that this process removes when it ends, unless another one serves by then.
pub(crate) struct OwnFiles(Vec<SocketFile>);

impl Inherited {
    /// Takes them, as the environment says. `LISTEN_PID`, where it is set, must be this process;
    /// `LISTEN_FDNAMES` says which is for whom.
    ///
    /// # Errors
    /// When one of them is not a listening TCP or Unix stream socket, or their number is none.
    pub(crate) fn take() -> io::Result<Inherited> {
        check_number()?;
        let mut descriptors = ListenFd::from_env();
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let (mut server, mut admin) = (vec![], vec![]);
        for number in 0..descriptors.len() {
            let is_admin = names.next() == Some(ADMIN);
            let group = if is_admin { &mut admin } else { &mut server };
            let taken = take_one(&mut descriptors, number);
            let named =
                |error: io::Error| io::Error::new(error.kind(), format!("{LISTEN_FDS}: {error}"));
            group.extend(taken.map_err(named)?);
        }
        let is_successor = env::var_os(SUCCEEDS).is_some();
        let owned = env::var(OWNS_FILES).ok().filter(|_| is_successor);
        let owned = owned.unwrap_or_default();
        let was_owned = |group: &str| owned.split(':').any(|name| name == group);
        Ok(Inherited {
            server: Sockets::new(server, was_owned(SERVER))?,
            admin: Sockets::new(admin, was_owned(ADMIN))?,
        })
    }

    /// Whose files are the server's to remove, as [`OWNS_FILES`] has it.
    pub(crate) fn owners(&self) -> String {
        let named = [(SERVER, &self.server), (ADMIN, &self.admin)];
        let owners = named.into_iter().filter(|(_, sockets)| sockets.owns_files);
        owners.map(|(name, _)| name).collect::<Vec<_>>().join(":")
    }

    /// This process serves from now on: what nobody has taken is closed, and its own files go with
    /// it.
    pub(crate) fn settle(self) -> OwnFiles {
        let settled = [self.server, self.admin].map(Sockets::settle);
        OwnFiles(settled.into_iter().flatten().collect())
    }
}

/// Whether the number of sockets, where it is meant for this process, is one.
fn check_number() -> io::Result<()> {
    let said = |name| env::var(name).ok().filter(|said: &String| !said.is_empty());
    let is_ours = said("LISTEN_PID").is_none_or(|pid| pid == process::id().to_string());
    let Some(number) = said(LISTEN_FDS).filter(|_| is_ours) else {
        return Ok(());
    };
    match number.parse::<usize>() {
        Ok(0..=SOCKETS_MAX) => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{LISTEN_FDS}: {number:?} is no number of sockets up to {SOCKETS_MAX}"),
        )),
    }
}

impl Sockets {
    fn new(listeners: Vec<AnyListener>, were_owned: bool) -> io::Result<Sockets> {
        listeners.iter().for_each(AnyListener::keep_file);
        let addresses = listeners.iter().map(AnyListener::local);
        let addresses = addresses.collect::<io::Result<Vec<Address>>>()?;
        let files = addresses.into_iter().filter_map(|address| match address {
            Address::Unix(path) => path,
            Address::Tcp(_) => None,
        });
        Ok(Sockets {
            files: files.collect(),
            owns_files: listeners.is_empty() || were_owned,
            listeners,
        })
    }

    /// Gives the container's builder its sockets; where there are none, what `bind` gives it.
    pub(crate) fn serve(
        &mut self,
        builder: Builder,
        bind: impl FnOnce(Builder) -> Builder,
    ) -> Builder {
        if self.listeners.is_empty() {
            return bind(builder);
        }
        self.listeners.drain(..).fold(builder, Builder::listener)
    }

    fn settle(self) -> Vec<SocketFile> {
        if !self.owns_files {
            return vec![];
        }
        // A file that somebody has removed needs no care.
        let files = self
            .files
            .iter()
            .filter_map(|path| SocketFile::at(path).ok());
        let files = files.collect();
        if self.listeners.is_empty() {
            files
        } else {
            vec![]
        }
    }
}

impl OwnFiles {
    /// Leaves them to the process that serves from now on.
    pub(crate) fn keep(self) {
        self.0.into_iter().for_each(SocketFile::keep);
    }
}

/// `None` when somebody has taken it.
fn take_one(descriptors: &mut ListenFd, number: usize) -> io::Result<Option<AnyListener>> {
    if let Ok(Some(listener)) = descriptors.take_unix_listener(number) {
        return AnyListener::inherit(listener).map(Some);
    }
    let listener = descriptors.take_tcp_listener(number)?;
    listener.map(AnyListener::inherit).transpose()
}
