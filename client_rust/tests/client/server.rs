//! A small HTTP server on the standard library: a thread for each connection, any answer a test
//! likes. Ends with the test's process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A running server.
pub(crate) struct Server {
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server that answers each request, given as text, by `answer`; `None` closes the
    /// connection without an answer.
    pub(crate) fn start(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            url: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        let connections = Arc::clone(&server.connections);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
                thread::spawn(move || {
                    // A client that goes away is no concern of the server's.
                    let _ = serve(stream?, &*answer, &requests);
                    std::io::Result::Ok(())
                });
            }
        });
        server
    }

    /// Requests received.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Connections accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A 200 answer with this body.
pub(crate) fn ok(body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

fn serve(
    mut stream: TcpStream,
    answer: &dyn Fn(&str) -> Option<String>,
    requests: &AtomicUsize,
) -> std::io::Result<()> {
    let mut received = String::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(end) = request_end(&received) {
            requests.fetch_add(1, Ordering::SeqCst);
            let request: String = received.drain(..end).collect();
            let Some(answer) = answer(&request) else {
                return Ok(());
            };
            stream.write_all(answer.as_bytes())?;
            if request.contains("connection: close") {
                return Ok(());
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => received.push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
        }
    }
}

/// Where the first request ends, body included, once it is all there.
fn request_end(received: &str) -> Option<usize> {
    let head = received.find("\r\n\r\n")? + 4;
    let length = received[..head].split("content-length: ").nth(1);
    let length = length.map_or(0, |rest| {
        rest.split("\r\n").next().unwrap().parse().unwrap()
    });
    (received.len() >= head + length).then_some(head + length)
}
