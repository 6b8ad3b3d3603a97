//! `Protection`: who can read and change what goes between us and the server. Here is decided whom to
//! take for the server, and the server asked for TLS; nothing else is said to it.

use std::fmt;
use std::io;
use std::sync::Arc;

use container::client::Trust;
use container::net::{Stream, TlsStream};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio_postgres::config::SslMode;

use super::stranger;

/// What is spoken over TLS (RFC 7301), as IANA lists it.
const ALPN: &[u8] = b"postgresql";

/// The message `SSLRequest`: its length, and a number that is no version of the protocol.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What is wanted, from `sslmode`.
#[derive(Clone)]
pub(super) enum Wanted {
    /// `disable`: no TLS.
    Nothing,
    /// `prefer`: TLS where the server offers it, with whoever answers.
    Encryption(Arc<ClientConfig>),
    /// `require`: TLS, and proof of who the server is.
    Proof(Arc<ClientConfig>),
}

/// What a connection has.
#[derive(Debug)]
pub(super) enum Protection {
    /// It does not leave the machine.
    UnixSocket,
    /// None: nobody asked for it.
    Unwanted,
    /// None: the server does not offer it.
    NotOffered,
    /// None: it was tried, and failed.
    Failed(io::Error),
    /// Nobody can read it, unless he stood in for the server from the beginning.
    Encrypted,
    /// Nobody but the server can read or change it.
    Proven,
}

/// What the server answers who asks it for TLS.
pub(super) enum Offer {
    /// It begins with the next byte.
    Tls,
    /// The connection goes on as it is.
    Nothing,
}

impl Wanted {
    /// What a mode stands for; `trust` is who may vouch for a server that has to prove who it is.
    pub(super) fn new(mode: SslMode, trust: Trust) -> Wanted {
        match mode {
            SslMode::Disable => Wanted::Nothing,
            SslMode::Prefer => Wanted::Encryption(stranger::believing_anybody(ALPN)),
            // Whatever else there may be is stricter than the others.
            _ => Wanted::Proof(trust.config(ALPN)),
        }
    }
}

/// Asks the server for TLS.
///
/// # Errors
/// Those of the system; when it answers like no PostgreSQL server.
pub(super) async fn ask(stream: &mut Stream) -> io::Result<Offer> {
    stream.write_all(&SSL_REQUEST).await?;
    // One byte, so that nothing that came unprotected is taken for what comes later.
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    match &answer {
        b"S" => Ok(Offer::Tls),
        b"N" => Ok(Offer::Nothing),
        _ => Err(io::Error::other(
            "it answers the request for TLS as no PostgreSQL server does",
        )),
    }
}

/// Begins TLS with the server of this name or address.
///
/// # Errors
/// Those of the system; [`io::ErrorKind::InvalidData`] when it fails.
pub(super) async fn begin(
    stream: Stream,
    config: &Arc<ClientConfig>,
    host: &str,
) -> io::Result<TlsStream<Stream>> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    TlsStream::connect(stream, Arc::clone(config), name).await
}

/// That a server has no TLS, where it was wanted.
pub(super) fn not_offered() -> io::Error {
    io::Error::other(
        "it offers no TLS, which sslmode=require insists on: set ssl = on in its postgresql.conf, or \
         write sslmode=disable where nobody can listen on the way",
    )
}

/// Why TLS failed, and what to do.
pub(super) fn explained(error: &io::Error) -> io::Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    let text = match tls {
        Some(rustls::Error::InvalidCertificate(why)) => {
            format!("its certificate is not believed ({why}): {}", advice(why))
        }
        _ => format!("TLS failed: {error}"),
    };
    io::Error::new(error.kind(), text)
}

/// What to do about a certificate.
fn advice(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "use the name or address that it is for"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "name the authority that signed it by --database-ca"
        }
        // There is no other way to tell it.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "it is an authority's own; give the server one with the constraint CA:FALSE"
        }
        _ => "give the server another",
    }
}

/// For the log.
impl fmt::Display for Protection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Protection::UnixSocket => formatter.write_str("over a Unix socket"),
            Protection::Unwanted => formatter.write_str("not encrypted (sslmode=disable)"),
            Protection::NotOffered => formatter.write_str(
                "not encrypted, for the server offers no TLS (sslmode=require would insist)",
            ),
            Protection::Failed(error) => {
                let error = explained(error);
                write!(
                    formatter,
                    "not encrypted: {error}; sslmode=require would insist, sslmode=disable not try"
                )
            }
            Protection::Encrypted => formatter.write_str(
                "encrypted; the server was not asked to prove who it is (sslmode=require does)",
            ),
            Protection::Proven => formatter.write_str("encrypted; the server has proven who it is"),
        }
    }
}
