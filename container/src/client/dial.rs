//! `Dialler`: from the addresses of a URL to a stream that requests can be sent over. Must not
//! choose the addresses, nor know what is sent.

#[cfg(feature = "tls")]
use std::cell::OnceCell;
use std::io;
use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use rustls::{ClientConfig, pki_types::ServerName};

use super::error::{Error, Kind};
#[cfg(feature = "tls")]
use super::trust::Trust;
use super::url::Url;
#[cfg(not(feature = "tls"))]
use super::url::UrlError;
#[cfg(feature = "tls")]
use crate::net::TlsStream;
use crate::net::{TcpStream, Transport};

/// What is spoken over TLS (RFC 7301): nothing else is known here.
#[cfg(feature = "tls")]
const ALPN: &[u8] = b"http/1.1";

/// Makes the connections of a client.
#[derive(Default)]
pub(super) struct Dialler {
    /// Whom to believe; the default where nobody said.
    #[cfg(feature = "tls")]
    trust: Option<Trust>,
    /// What comes of that, made when it is first needed: most clients never are asked for `https`.
    #[cfg(feature = "tls")]
    config: OnceCell<Arc<ClientConfig>>,
}

impl Dialler {
    #[cfg(feature = "tls")]
    pub(super) fn trusting(trust: Option<Trust>) -> Dialler {
        Dialler {
            trust,
            config: OnceCell::new(),
        }
    }

    /// Connects to the first of `addresses` that takes the connection, and to nobody else; over TLS
    /// where `url` has it so.
    ///
    /// # Errors
    /// Those of the last address, or why its server is not to be trusted.
    pub(super) async fn dial(
        &self,
        url: &Url,
        addresses: &[SocketAddr],
    ) -> Result<Box<dyn Transport>, Error> {
        let stream = connect(addresses).await.map_err(Kind::Connect)?;
        if url.is_secure() {
            return self.secure(url, stream).await;
        }
        Ok(Box::new(stream))
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, url: &Url, stream: TcpStream) -> Result<Box<dyn Transport>, Error> {
        let name = server_name(url.host()).map_err(Kind::Connect)?;
        let config = self.config.get_or_init(|| {
            let trust = self.trust.clone();
            trust.unwrap_or_default().config(ALPN)
        });
        let secured = TlsStream::connect(stream, config.clone(), name).await;
        Ok(Box::new(secured.map_err(Kind::Connect)?))
    }

    /// Without the feature no URL asks for it.
    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "with the feature it waits")]
    async fn secure(&self, _: &Url, _: TcpStream) -> Result<Box<dyn Transport>, Error> {
        Err(UrlError::Scheme.into())
    }
}

/// What the server has to prove that it is. A name may end in the root's dot, but not in a
/// certificate, nor where it is told whom it is taken for (RFC 6066, section 3).
#[cfg(feature = "tls")]
fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    let name = host.strip_suffix('.').unwrap_or(host);
    ServerName::try_from(name.to_owned()).map_err(io::Error::other)
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(*address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn names_to_be_proved() {
        let check = |host: &str, expected: Option<&str>| {
            let name = server_name(host).ok();
            let name = name.as_ref().map(ServerName::to_str);
            assert_eq!(name.as_deref(), expected, "{host}");
        };
        check("a.example", Some("a.example"));
        check("a.example.", Some("a.example"));
        check("127.0.0.1", Some("127.0.0.1"));
        check("::1", Some("::1"));
        check(".", None);
        check("a..example", None);
    }
}
