//! Making listening sockets: options, inherited descriptors, either kind.
//! Must not know a reactor: a listening socket may go to another thread until it is attached.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};
#[cfg(target_os = "linux")]
use socket2::{SockFilter, SockRef};

use super::{Accepted, Address, AnySocket, BindAddress, ListenSocket, UnixListenSocket};

/// Connections the kernel keeps until they are accepted. Linux caps it at `somaxconn`, whose
/// default this is; a smaller one makes a burst of clients wait a second for their second SYN.
pub const BACKLOG: u32 = 4096;

/// Bytes that the kernel keeps for a TCP peer beyond those that are under way to it, on Linux. What
/// is under way is bounded by the peer's window and by congestion control. Left to itself the kernel
/// keeps up to 4 MB of one answer for each slow reader, and a fast one makes it go through all of
/// that memory again and again, which everybody else waits for.
pub const UNSENT_MAX: u32 = 128 << 10;

/// Linux lets accepted sockets inherit `TCP_NODELAY`; elsewhere it costs a call for each.
const NODELAY_IS_INHERITED: bool = cfg!(target_os = "linux");

/// A packet filter (classic BPF) for a listening TCP socket, which drops what would begin a
/// connection: a SYN without an ACK.
#[cfg(target_os = "linux")]
const TURN_AWAY: [SockFilter; 5] = [
    // Load the TCP header's byte of flags.
    SockFilter::new(0x30, 0, 0, 13),
    // Look at those of SYN and ACK.
    SockFilter::new(0x54, 0, 0, 0x12),
    // Skip the next one unless it is SYN alone.
    SockFilter::new(0x15, 0, 1, 0x02),
    // Drop the packet.
    SockFilter::new(0x06, 0, 0, 0),
    // Take all of it.
    SockFilter::new(0x06, 0, 0, u32::MAX),
];

/// How to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// Whether other sockets of the same user may listen at the same TCP address, the kernel
    /// spreading the connections (`SO_REUSEPORT`). Default: no.
    pub reuse_port: bool,
    /// Connections the kernel keeps until they are accepted. Default: [`BACKLOG`].
    pub backlog: u32,
}

impl ListenOptions {
    /// The backlog as `listen(2)` wants it.
    pub(super) fn backlog(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }
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
        first_of(address, |candidate| {
            tcp(candidate, options).map(AnyListener::Tcp)
        })
    }

    /// Listens at the address with up to `count` sockets, over which the kernel spreads the
    /// connections: TCP on Linux (`SO_REUSEPORT`); else, and for Unix sockets, with one. Nobody
    /// else listens there when it begins, and the address is never let go in between.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_group(address: &BindAddress, count: usize) -> io::Result<Vec<AnyListener>> {
        let options = ListenOptions::default();
        if count < 2 || !cfg!(target_os = "linux") || matches!(address, BindAddress::Unix(_)) {
            return AnyListener::bind(address, &options).map(|listener| vec![listener]);
        }
        let group = first_of(address, |candidate| tcp_group(candidate, &options, count))?;
        Ok(group.into_iter().map(AnyListener::Tcp).collect())
    }

    /// Another descriptor of the same socket, for another thread or process: what is accepted by
    /// one is not by the other. It leaves a Unix socket's file alone.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn duplicate(&self) -> io::Result<AnyListener> {
        let duplicate = AnyListener::inherit(self.as_fd().try_clone_to_owned()?)?;
        duplicate.keep_file();
        Ok(duplicate)
    }

    /// Has the kernel begin no further connections, on all descriptors of this socket. Those that
    /// it has begun are still to be accepted, and none of them is reset, as closing would. A TCP
    /// client that comes now asks again a second later, and is refused if the socket is closed by
    /// then.
    ///
    /// # Errors
    /// `Unsupported` where the system has no means for it, which is everywhere but on Linux.
    pub fn turn_away(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return match self {
            AnyListener::Tcp(_) => SockRef::from(self).attach_filter(&TURN_AWAY),
            AnyListener::Unix(_) => SockRef::from(self).shutdown(Shutdown::Read),
        };
        #[cfg(not(target_os = "linux"))]
        return Err(io::ErrorKind::Unsupported.into());
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
            return Ok(AnyListener::Unix(UnixListenSocket::inherit(
                socket,
                local.as_pathname(),
            )));
        }
        prepare(&socket)?;
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

/// What `attempt` makes of the first address with which it succeeds.
fn first_of<T>(
    address: &BindAddress,
    attempt: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let none = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address to bind");
    let mut result = Err(none);
    for candidate in address.resolve()? {
        result = attempt(candidate);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// A TCP socket that listens at `address`.
pub(super) fn tcp(
    address: SocketAddr,
    options: &ListenOptions,
) -> io::Result<mio::net::TcpListener> {
    listen(bound(address, options)?, options)
}

/// TCP sockets that listen at the same address.
fn tcp_group(
    address: SocketAddr,
    options: &ListenOptions,
    count: usize,
) -> io::Result<Vec<mio::net::TcpListener>> {
    // Alone first: sockets that share a port would share it with a stranger's too.
    let first = bound(address, options)?;
    first.set_reuse_port(true)?;
    let address = first.local_addr()?.as_socket().unwrap_or(address);
    let shared = ListenOptions {
        reuse_port: true,
        ..*options
    };
    let mut group = vec![listen(first, options)?];
    for _ in 1..count {
        group.push(tcp(address, &shared)?);
    }
    Ok(group)
}

fn bound(address: SocketAddr, options: &ListenOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // Without it a restart has to wait for old connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    prepare(&socket)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Sets what accepted sockets are to inherit.
fn prepare(socket: &Socket) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
    socket.set_tcp_nodelay(true)
}

fn listen(socket: Socket, options: &ListenOptions) -> io::Result<mio::net::TcpListener> {
    socket.listen(options.backlog())?;
    Ok(mio::net::TcpListener::from_std(socket.into()))
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

impl AsFd for AnyListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            AnyListener::Tcp(listener) => listener.as_fd(),
            AnyListener::Unix(listener) => listener.as_fd(),
        }
    }
}
