//! Making listening sockets: options, stale socket files, inherited descriptors.
//! Must not know a reactor: a listening socket may go to another thread until it is attached.

use std::{
    cell::Cell,
    fs, io,
    net::SocketAddr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use mio::{Interest, Registry, Token, event::Source};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Accepted, Address, AnySocket, BindAddress, ListenSocket};

/// Connections the kernel keeps until they are accepted. Linux caps it at `somaxconn`, whose
/// default this is; a smaller one makes a burst of clients wait a second for their second SYN.
pub const BACKLOG: u32 = 4096;

/// Linux lets accepted sockets inherit `TCP_NODELAY`; elsewhere it costs a call for each.
const NODELAY_IS_INHERITED: bool = cfg!(target_os = "linux");

/// How to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// Whether other sockets of the same user may listen at the same TCP address, the kernel
    /// spreading the connections (`SO_REUSEPORT`). Default: no.
    pub reuse_port: bool,
    /// Connections the kernel keeps until they are accepted. Default: [`BACKLOG`].
    pub backlog: u32,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions {
            reuse_port: false,
            backlog: BACKLOG,
        }
    }
}

/// A listening socket of either kind: `Send`, until it is attached to a reactor.
///
/// ```
/// use container::net::{AnyListener, BindAddress, ListenOptions, ListenSocket};
///
/// let address: BindAddress = "127.0.0.1:0".parse().unwrap();
/// let listener = AnyListener::bind(&address, &ListenOptions::default())?;
/// assert_ne!(listener.local()?.as_tcp().unwrap().port(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub enum AnyListener {
    /// TCP.
    Tcp(mio::net::TcpListener),
    /// Unix.
    Unix(UnixListenSocket),
}

impl AnyListener {
    /// Listens at the address; of several TCP addresses, at the first that can be bound.
    ///
    /// # Errors
    /// Those of the name service, `bind(2)` and `listen(2)`.
    pub fn bind(address: &BindAddress, options: &ListenOptions) -> io::Result<AnyListener> {
        if let BindAddress::Unix(path) = address {
            return UnixListenSocket::bind(path, options).map(AnyListener::Unix);
        }
        let none = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address to bind");
        let mut result = Err(none);
        for candidate in address.resolve()? {
            result = tcp(candidate, options).map(AnyListener::Tcp);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Takes over a listening socket that was made elsewhere: a listener of `std`, or a
    /// descriptor inherited from a service manager or a former process. A Unix socket's file
    /// goes with it.
    ///
    /// # Errors
    /// `InvalidInput` when it is not a listening TCP or Unix stream socket.
    pub fn inherit(descriptor: impl Into<OwnedFd>) -> io::Result<AnyListener> {
        let socket = Socket::from(descriptor.into());
        if !socket.is_listener()? || socket.r#type()? != Type::STREAM {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a listening socket",
            ));
        }
        socket.set_nonblocking(true)?;
        socket.set_cloexec(true)?;
        let local = socket.local_addr()?;
        if local.is_unix() {
            let file = local
                .as_pathname()
                .and_then(|path| SocketFile::at(path).ok());
            return Ok(AnyListener::Unix(UnixListenSocket::new(socket, file)));
        }
        socket.set_tcp_nodelay(true)?;
        Ok(AnyListener::Tcp(mio::net::TcpListener::from_std(
            socket.into(),
        )))
    }

    /// Leaves a Unix socket's file in place when the listener is dropped, for the process the
    /// socket is handed over to.
    pub fn keep_file(&self) {
        if let AnyListener::Unix(socket) = self {
            socket.keep_file();
        }
    }
}

impl ListenSocket for AnyListener {
    type Socket = AnySocket;

    fn accept(&self) -> io::Result<Accepted<AnySocket>> {
        match self {
            AnyListener::Tcp(listener) => {
                let Accepted { socket, peer } = ListenSocket::accept(listener)?;
                Ok(Accepted {
                    socket: AnySocket::Tcp(socket),
                    peer,
                })
            }
            AnyListener::Unix(listener) => {
                let Accepted { socket, peer } = listener.accept()?;
                Ok(Accepted {
                    socket: AnySocket::Unix(socket),
                    peer,
                })
            }
        }
    }

    fn local(&self) -> io::Result<Address> {
        match self {
            AnyListener::Tcp(listener) => listener.local(),
            AnyListener::Unix(listener) => listener.local(),
        }
    }
}

impl ListenSocket for mio::net::TcpListener {
    type Socket = mio::net::TcpStream;

    fn accept(&self) -> io::Result<Accepted<mio::net::TcpStream>> {
        let (socket, peer) = mio::net::TcpListener::accept(self)?;
        if !NODELAY_IS_INHERITED {
            socket.set_nodelay(true)?;
        }
        Ok(Accepted {
            socket,
            peer: peer.into(),
        })
    }

    fn local(&self) -> io::Result<Address> {
        self.local_addr().map(Address::from)
    }
}

/// A TCP socket that listens at `address`.
pub(super) fn tcp(
    address: SocketAddr,
    options: &ListenOptions,
) -> io::Result<mio::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // Without it a restart has to wait for old connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog(options))?;
    Ok(mio::net::TcpListener::from_std(socket.into()))
}

/// A listening Unix socket, and the file it removes in the end.
pub struct UnixListenSocket {
    listener: mio::net::UnixListener,
    /// The file at its path; `None` for a socket without one, or one that is to stay.
    file: Cell<Option<SocketFile>>,
}

impl UnixListenSocket {
    /// Listens at `path`; a socket file that nobody listens on is replaced.
    ///
    /// # Errors
    /// Those of `bind(2)` and `listen(2)`; `AddrInUse` also for a file that is no socket.
    pub fn bind(path: &Path, options: &ListenOptions) -> io::Result<UnixListenSocket> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path)? => {
                fs::remove_file(path)?;
                socket.bind(&address)?;
            }
            result => result?,
        }
        let file = SocketFile::at(path)?;
        socket.listen(backlog(options))?;
        Ok(UnixListenSocket::new(socket, Some(file)))
    }

    fn new(socket: Socket, file: Option<SocketFile>) -> UnixListenSocket {
        let listener = mio::net::UnixListener::from_std(socket.into());
        UnixListenSocket {
            listener,
            file: Cell::new(file),
        }
    }

    /// Leaves the socket's file in place when the listener is dropped.
    pub fn keep_file(&self) {
        if let Some(file) = self.file.take() {
            file.keep();
        }
    }
}

impl ListenSocket for UnixListenSocket {
    type Socket = mio::net::UnixStream;

    fn accept(&self) -> io::Result<Accepted<mio::net::UnixStream>> {
        let (socket, peer) = self.listener.accept()?;
        Ok(Accepted {
            socket,
            peer: peer.into(),
        })
    }

    fn local(&self) -> io::Result<Address> {
        self.listener.local_addr().map(Address::from)
    }
}

/// The file of a Unix socket, removed on drop unless another has taken its place.
struct SocketFile {
    path: PathBuf,
    /// Device and inode: what tells the file from a successor at the same path.
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<SocketFile> {
        Ok(SocketFile {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }

    fn keep(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("could not remove {}: {error}", self.path.display());
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether the file at `path` is a socket that refuses connections: its process is gone.
fn is_stale(path: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A listener whose backlog is full must not hold us.
    probe.set_nonblocking(true)?;
    let refused = probe
        .connect(&SockAddr::unix(path)?)
        .err()
        .map(|error| error.kind());
    Ok(refused == Some(io::ErrorKind::ConnectionRefused))
}

fn backlog(options: &ListenOptions) -> i32 {
    i32::try_from(options.backlog).unwrap_or(i32::MAX)
}

impl Source for UnixListenSocket {
    fn register(&mut self, registry: &Registry, token: Token, wanted: Interest) -> io::Result<()> {
        self.listener.register(registry, token, wanted)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        wanted: Interest,
    ) -> io::Result<()> {
        self.listener.reregister(registry, token, wanted)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.listener.deregister(registry)
    }
}

impl Source for AnyListener {
    fn register(&mut self, registry: &Registry, token: Token, wanted: Interest) -> io::Result<()> {
        match self {
            AnyListener::Tcp(listener) => listener.register(registry, token, wanted),
            AnyListener::Unix(listener) => listener.register(registry, token, wanted),
        }
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        wanted: Interest,
    ) -> io::Result<()> {
        match self {
            AnyListener::Tcp(listener) => listener.reregister(registry, token, wanted),
            AnyListener::Unix(listener) => listener.reregister(registry, token, wanted),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            AnyListener::Tcp(listener) => listener.deregister(registry),
            AnyListener::Unix(listener) => listener.deregister(registry),
        }
    }
}

impl AsFd for UnixListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl AsFd for AnyListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            AnyListener::Tcp(listener) => listener.as_fd(),
            AnyListener::Unix(listener) => listener.as_fd(),
        }
    }
}
