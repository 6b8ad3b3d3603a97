//! Listeners on a reactor. Must not decide what to do when accepting fails: that is the
//! acceptor's.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::task::{Context, Poll};

use mio::event::Source;

use super::{
    AcceptError, Accepted, Address, AnyListener, ListenOptions, Socket, SocketStream,
    UnixListenSocket, bind,
};
use crate::reactor::{Interest, Reactor, Registration};

/// A listening socket of some kind, not yet attached to a reactor.
pub trait ListenSocket: Source + AsFd + 'static {
    /// The kind of its connections.
    type Socket: Socket;

    /// Takes a connection from the backlog. Errors as `accept(2)`.
    fn accept(&self) -> io::Result<Accepted<Self::Socket>>;

    /// Where it listens.
    fn local(&self) -> io::Result<Address>;
}

/// A TCP listener on a reactor.
pub type TcpListener = SocketListener<mio::net::TcpListener>;

/// A Unix listener on a reactor; its socket file goes with it.
pub type UnixListener = SocketListener<UnixListenSocket>;

/// A listener of either kind on a reactor.
pub type Listener = SocketListener<AnyListener>;

/// A listening socket attached to a reactor. Dropping it closes the socket; connections that
/// wait in its backlog are reset by the kernel, so accept them before.
pub struct SocketListener<L: ListenSocket> {
    /// The socket; read readiness means a connection waits.
    registration: Registration<L>,
}

impl TcpListener {
    /// Listens at `address` on the current reactor; port 0 lets the system choose.
    ///
    /// # Errors
    /// Those of `bind(2)` and `listen(2)`, for example `AddrInUse`.
    pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
        let socket = bind::tcp(address, &ListenOptions::default())?;
        Self::attach(&Reactor::current(), socket)
    }
}

impl UnixListener {
    /// Listens at `path` on the current reactor. A socket file that nobody listens on is
    /// replaced.
    ///
    /// ```
    /// use container::{net::{UnixListener, UnixStream}, reactor::{Clock, Reactor}};
    ///
    /// let path = std::env::temp_dir().join(format!("doc-{}.sock", std::process::id()));
    /// Reactor::new(Clock::real())?.block_on(async {
    ///     let listener = UnixListener::bind(&path)?;
    ///     let _client = UnixStream::connect(&path).await?;
    ///     listener.accept().await?.write_all(b"hello").await
    /// })??;
    /// assert!(!path.exists());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `bind(2)`; `AddrInUse` also for a path that is not a socket.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        let socket = UnixListenSocket::bind(path.as_ref(), &ListenOptions::default())?;
        Self::attach(&Reactor::current(), socket)
    }
}

impl<L: ListenSocket> SocketListener<L> {
    /// Attaches a listening socket to a reactor.
    ///
    /// # Errors
    /// When the kernel refuses to watch it.
    pub fn attach(reactor: &Reactor, socket: L) -> io::Result<Self> {
        Ok(SocketListener {
            registration: reactor.register(socket, Interest::READABLE)?,
        })
    }

    /// Waits for a connection and attaches it to the current reactor. Connections that were
    /// gone before they were taken are passed over.
    ///
    /// # Errors
    /// When descriptors run out, or the listener is broken.
    pub async fn accept(&self) -> io::Result<SocketStream<L::Socket>> {
        let reactor = Reactor::current();
        loop {
            match self.try_accept() {
                Ok(Some(accepted)) => return accepted.attach(&reactor),
                Ok(None) => poll_fn(|cx| self.poll_accept_ready(cx)).await,
                Err(AcceptError::Transient(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes a connection if one waits. After an error the listener still counts as ready: come
    /// again after a while.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn try_accept(&self) -> Result<Option<Accepted<L::Socket>>, AcceptError> {
        if !self.registration.is_read_ready() {
            return Ok(None);
        }
        match self.registration.io().accept() {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.registration.clear_read_ready();
                Ok(None)
            }
            Err(error) => Err(AcceptError::from_io(error)),
        }
    }

    /// Has the next [`try_accept`](Self::try_accept) ask the kernel, whatever is known: for who is
    /// about to close the listener.
    pub fn assume_ready(&self) {
        self.registration.assume_read_ready();
    }

    /// Ready when accepting is worth trying; else the task is woken when it becomes so.
    pub fn poll_accept_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.registration.poll_read_ready(cx)
    }

    /// Where it listens, with the port the system chose.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<Address> {
        self.registration.io().local()
    }

    /// The listening socket.
    pub fn socket(&self) -> &L {
        self.registration.io()
    }
}

/// To hand the socket over to another process.
impl<L: ListenSocket> AsFd for SocketListener<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.registration.io().as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::net::{BindAddress, TcpStream};
    use crate::reactor::Clock;

    fn loopback() -> SocketAddr {
        ([127, 0, 0, 1], 0).into()
    }

    fn run<F: Future<Output = io::Result<()>>>(test: F) {
        Reactor::new(Clock::real())
            .unwrap()
            .block_on(test)
            .unwrap()
            .unwrap();
    }

    #[test]
    fn takes_all_that_wait_then_waits() {
        const CLIENTS: usize = 5;
        run(async {
            let listener = TcpListener::bind(loopback())?;
            assert!(listener.try_accept().unwrap().is_none());
            let address = listener.local_addr()?.as_tcp().unwrap();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| std::net::TcpStream::connect(address))
                .collect::<io::Result<_>>()?;
            poll_fn(|cx| listener.poll_accept_ready(cx)).await;
            for client in &clients {
                let accepted = listener.try_accept().unwrap().unwrap();
                assert_eq!(accepted.peer, client.local_addr()?.into());
            }
            assert!(listener.try_accept().unwrap().is_none());
            Ok(())
        });
    }

    #[test]
    fn connection_may_go_to_another_thread() {
        run(async {
            let address = BindAddress::from(loopback());
            let any = AnyListener::bind(&address, &ListenOptions::default())?;
            let listener = Listener::attach(&Reactor::current(), any)?;
            let address = listener.local_addr()?.as_tcp().unwrap();
            let mut client = TcpStream::connect(address).await?;
            poll_fn(|cx| listener.poll_accept_ready(cx)).await;
            let accepted = listener.try_accept().unwrap().unwrap();
            let thread = thread::spawn(move || {
                run(async {
                    let mut server = accepted.attach(&Reactor::current())?;
                    server.write_all(b"a").await
                });
            });
            assert_eq!(client.read(&mut [0; 8]).await?, 1);
            thread.join().unwrap();
            Ok(())
        });
    }

    #[test]
    fn ports_are_shared_only_on_demand() {
        let shared = ListenOptions {
            reuse_port: true,
            ..ListenOptions::default()
        };
        let first = bind::tcp(loopback(), &shared).unwrap();
        let address = first.local_addr().unwrap();
        assert!(bind::tcp(address, &shared).is_ok());
        let error = bind::tcp(address, &ListenOptions::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_group_has_the_address_to_itself() {
        let address = BindAddress::from(loopback());
        let group = AnyListener::bind_group(&address, 3).unwrap();
        let local = group[0].local().unwrap();
        assert!(group.iter().all(|member| member.local().unwrap() == local));
        let taken = BindAddress::from(local.as_tcp().unwrap());
        let error = AnyListener::bind_group(&taken, 3).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    /// What is begun is served to its end, and nothing else begins.
    #[cfg(target_os = "linux")]
    #[test]
    fn turning_away_keeps_what_has_begun() {
        let listener = AnyListener::bind(&loopback().into(), &ListenOptions::default()).unwrap();
        let address = listener.local().unwrap().as_tcp().unwrap();
        let waiting = std::net::TcpStream::connect(address).unwrap();
        listener.duplicate().unwrap().turn_away().unwrap();
        let patience = std::time::Duration::from_millis(10);
        let late = std::net::TcpStream::connect_timeout(&address, patience);
        assert_eq!(late.err().unwrap().kind(), io::ErrorKind::TimedOut);
        let accepted = listener.accept().unwrap();
        assert_eq!(accepted.peer, waiting.local_addr().unwrap().into());
        let nobody = listener.accept().err().unwrap();
        assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);
        drop(listener);
        let refused = std::net::TcpStream::connect(address).err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn several_addresses_bind_the_first_that_can_be() {
        let taken = bind::tcp(loopback(), &ListenOptions::default()).unwrap();
        let addresses = BindAddress::Tcp(vec![taken.local_addr().unwrap(), loopback()]);
        let bound = AnyListener::bind(&addresses, &ListenOptions::default()).unwrap();
        assert_ne!(bound.local().unwrap(), taken.local_addr().unwrap().into());
        let none = AnyListener::bind(&BindAddress::Tcp(vec![]), &ListenOptions::default());
        assert_eq!(none.err().unwrap().kind(), io::ErrorKind::AddrNotAvailable);
        let named: BindAddress = "localhost:0".parse().unwrap();
        assert!(AnyListener::bind(&named, &ListenOptions::default()).is_ok());
    }

    #[test]
    fn inherited_listeners_go_on() {
        run(async {
            let inherited = AnyListener::inherit(std::net::TcpListener::bind(loopback())?)?;
            let listener = Listener::attach(&Reactor::current(), inherited)?;
            let address = listener.local_addr()?.as_tcp().unwrap();
            let mut client = TcpStream::connect(address).await?;
            listener.accept().await?.write_all(b"a").await?;
            assert_eq!(client.read(&mut [0; 8]).await?, 1);
            let descriptor = listener.as_fd().try_clone_to_owned()?;
            assert_eq!(AnyListener::inherit(descriptor)?.local()?, address.into());
            let stream = std::net::TcpStream::connect(address)?;
            let error = AnyListener::inherit(stream).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            Ok(())
        });
    }
}
