//! HTTPS servers for one test: a thread that speaks TLS by rustls's blocking streams.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::crypto::ring;
use rustls::{
    DEFAULT_VERSIONS, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use tests::Certificate;

/// Longest head of a request that a server reads.
const HEAD_MAX: usize = 8 << 10;

/// How a server ends what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The length is announced, and the connection goes on.
    Told,
    /// The answer lasts until the connection ends, of which the client is told.
    BodyThenTold,
    /// The same, but the connection is cut.
    BodyThenCut,
    /// It sends the client on, to where nothing is protected.
    Redirect,
}

/// A server, until the process ends.
pub(crate) struct Server {
    port: u16,
    seen: Arc<Seen>,
}

/// What a server has seen.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    heard: Mutex<Heard>,
}

/// What the client said in the last handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    pub(crate) name: Option<String>,
    pub(crate) protocol: Option<Vec<u8>>,
}

impl Server {
    pub(crate) fn start(certificate: Certificate, end: End) -> Server {
        Server::with_versions(certificate, end, DEFAULT_VERSIONS)
    }

    /// One that speaks these versions of TLS.
    pub(crate) fn with_versions(
        certificate: Certificate,
        end: End,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Server {
        let config = config(certificate, versions, &["http/1.1", "http/1.0"]);
        Server::secured(config, end)
    }

    /// One that speaks another protocol than HTTP/1.1.
    pub(crate) fn speaking(certificate: Certificate, protocol: &str) -> Server {
        let config = config(certificate, DEFAULT_VERSIONS, &[protocol]);
        Server::secured(config, End::Told)
    }

    fn secured(config: ServerConfig, end: End) -> Server {
        let config = Arc::new(config);
        Server::serve(move |stream, seen| {
            let session = ServerConnection::new(config.clone()).expect("it is well configured");
            let mut stream = StreamOwned::new(session, stream);
            // Whoever does not trust it ends in an error here.
            let _ = answer(&mut stream, seen, end);
        })
    }

    /// One that never says a word.
    pub(crate) fn silent() -> Server {
        let held = Mutex::new(vec![]);
        Server::serve(move |stream, _| held.lock().expect("no panic").push(stream))
    }

    /// One that does not speak TLS.
    pub(crate) fn plain() -> Server {
        Server::serve(|mut stream, _| {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        })
    }

    /// Serves one connection after another.
    fn serve(each: impl Fn(TcpStream, &Seen) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                each(stream.expect("it was accepted"), &shared);
            }
        });
        Server { port, seen }
    }

    /// Where it is, called by this host.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn heard(&self) -> Heard {
        self.seen.heard.lock().expect("no panic").clone()
    }
}

fn config(
    certificate: Certificate,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> ServerConfig {
    let (certificate, key) = certificate.into_der();
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key is the certificate's");
    let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
    config.alpn_protocols = protocols.collect();
    config
}

/// Answers requests until the client has no more.
fn answer(
    stream: &mut StreamOwned<ServerConnection, TcpStream>,
    seen: &Seen,
    end: End,
) -> io::Result<()> {
    while let Some(body) = read_request(stream)? {
        seen.requests.fetch_add(1, Ordering::SeqCst);
        *seen.heard.lock().expect("no panic") = Heard {
            name: stream.conn.server_name().map(ToOwned::to_owned),
            protocol: stream.conn.alpn_protocol().map(<[u8]>::to_vec),
        };
        let body = if body.is_empty() { b"hello" } else { &*body };
        match end {
            End::Told => {
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                )?;
                stream.write_all(body)?;
            }
            End::Redirect => {
                let head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n";
                write!(stream, "{head}Location: http://localhost/\r\n\r\n")?;
            }
            End::BodyThenTold | End::BodyThenCut => {
                write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                stream.write_all(body)?;
                if end == End::BodyThenTold {
                    stream.conn.send_close_notify();
                }
                return stream.flush();
            }
        }
        stream.flush()?;
    }
    Ok(())
}

/// The body of the next request; `None` when there is none.
fn read_request(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_MAX || stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok(Some(body))
}
