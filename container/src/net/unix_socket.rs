//! A listening Unix socket and its file: stale ones are replaced, the own one is removed.
//! Must not know a reactor.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Accepted, Address, ListenOptions, ListenSocket};

/// A listening Unix socket, and the file it removes in the end.
pub struct UnixListenSocket {
    /// The socket, non-blocking and closed on exec.
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
        socket.listen(options.backlog())?;
        Ok(UnixListenSocket::new(socket, Some(file)))
    }

    /// Takes over a socket, and the file at its path.
    pub(super) fn inherit(socket: Socket, path: Option<&Path>) -> UnixListenSocket {
        UnixListenSocket::new(socket, path.and_then(|path| SocketFile::at(path).ok()))
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
pub struct SocketFile {
    /// Where it was made; empty when it is to stay.
    path: PathBuf,
    /// Device and inode: what tells the file from a successor at the same path.
    identity: (u64, u64),
}

impl SocketFile {
    /// The one that is at this path now.
    ///
    /// # Errors
    /// Those of `lstat(2)`.
    pub fn at(path: &Path) -> io::Result<SocketFile> {
        Ok(SocketFile {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }

    /// Leaves it where it is.
    pub fn keep(mut self) {
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

impl AsFd for UnixListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::net::{AnyListener, BindAddress};

    /// A path of its own for each test; nothing may be left there in the end.
    struct Place(PathBuf);

    impl Place {
        fn new(test: &str) -> Place {
            let name = format!("net-{test}-{}.sock", std::process::id());
            Place(std::env::temp_dir().join(name))
        }

        fn bind(&self) -> io::Result<UnixListenSocket> {
            UnixListenSocket::bind(&self.0, &ListenOptions::default())
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            drop(fs::remove_file(&self.0));
        }
    }

    #[test]
    fn file_goes_with_the_listener() {
        let place = Place::new("goes");
        let listener = place.bind().unwrap();
        assert_eq!(
            listener.local().unwrap(),
            Address::Unix(Some(place.0.clone()))
        );
        drop(listener);
        assert!(!place.0.exists());
    }

    #[test]
    fn stale_file_is_replaced() {
        let place = Place::new("stale");
        let before = place.bind().unwrap();
        before.keep_file();
        drop(before);
        assert!(place.0.exists());
        let listener = place.bind().unwrap();
        UnixStream::connect(&place.0).unwrap();
        listener.accept().unwrap();
    }

    #[test]
    fn socket_in_use_is_left_alone() {
        let place = Place::new("used");
        let _listener = place.bind().unwrap();
        assert_eq!(place.bind().err().unwrap().kind(), io::ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&place.0).is_ok());
    }

    #[test]
    fn other_file_is_left_alone() {
        let place = Place::new("other");
        fs::write(&place.0, "precious").unwrap();
        assert_eq!(place.bind().err().unwrap().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(&place.0).unwrap(), "precious");
    }

    #[test]
    fn successor_at_the_same_path_is_left_alone() {
        let place = Place::new("successor");
        let old = place.bind().unwrap();
        let moved = Place::new("successor-moved");
        // Renamed, not removed: a new file could get the inode of a removed one.
        fs::rename(&place.0, &moved.0).unwrap();
        let _new = place.bind().unwrap();
        drop(old);
        assert!(UnixStream::connect(&place.0).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn turning_away_keeps_what_has_begun() {
        let place = Place::new("away");
        let address = BindAddress::Unix(place.0.clone());
        let listener = AnyListener::bind(&address, &ListenOptions::default()).unwrap();
        let _waiting = UnixStream::connect(&place.0).unwrap();
        listener.duplicate().unwrap().turn_away().unwrap();
        let late = UnixStream::connect(&place.0).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::ConnectionRefused);
        listener.accept().unwrap();
        let nobody = listener.accept().err().unwrap();
        assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn inherited_socket_brings_its_file() {
        let place = Place::new("inherited");
        let address = BindAddress::Unix(place.0.clone());
        let old = AnyListener::bind(&address, &ListenOptions::default()).unwrap();
        let new = AnyListener::inherit(old.as_fd().try_clone_to_owned().unwrap()).unwrap();
        old.keep_file();
        drop(old);
        assert!(UnixStream::connect(&place.0).is_ok());
        new.accept().unwrap();
        drop(new);
        assert!(!place.0.exists());
    }
}
