//! Streams to the server, over TCP or a Unix socket. Must not know what is said on them.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use container::net::{Stream, TcpStream, UnixStream};
use container::spawn_blocking;
use tokio_postgres::config::Host;

use super::address::Place;

/// Connects to a place.
///
/// # Errors
/// Those of the system, of the last address if its name has several.
pub(super) async fn connect(place: &Place) -> io::Result<Stream> {
    match &place.host {
        Host::Unix(folder) => {
            let path = folder.join(format!(".s.PGSQL.{}", place.port));
            Ok(UnixStream::connect(path).await?.into())
        }
        Host::Tcp(name) => {
            let mut last = io::Error::from(io::ErrorKind::NotFound);
            for address in resolve(name, place.port).await? {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(stream.into()),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }
}

/// The addresses of a name, by the system's resolver, which blocks.
async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let name = name.to_owned();
    let looked_up = spawn_blocking(move || (name.as_str(), port).to_socket_addrs()).await;
    match looked_up {
        Ok(Ok(found)) => Ok(found?.collect()),
        Ok(Err(panicked)) => Err(io::Error::other(panicked.message)),
        Err(full) => Err(io::Error::other(full)),
    }
}
