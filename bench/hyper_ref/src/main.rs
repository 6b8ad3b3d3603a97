//! The peer: hyper answering `GET /plaintext` on one thread, set up as its users would for speed;
//! `GET /limited` behind a semaphore, as they would bound a slow handler; and `GET /-/live`.
//!
//! It must stay minimal: no timeouts, no routes, no logs. What it saves there is its advantage.

use std::convert::Infallible;
use std::env;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How many `/limited` handles at once, and how long each takes; as in the container's.
static LIMIT: Semaphore = Semaphore::const_new(16);
const LIMITED_TIME: Duration = Duration::from_millis(10);

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve())
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port())).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(drive(stream));
    }
}

/// The one option, `--port N`; 0, also the default, takes a free one.
fn port() -> u16 {
    let mut args = env::args().skip_while(|arg| arg != "--port").skip(1);
    args.next().map_or(0, |port| {
        port.parse().expect("--port takes a number up to 65535")
    })
}

/// Serves one connection. How it ended is the client's affair.
async fn drive(stream: TcpStream) {
    let mut builder = http1::Builder::new();
    builder.pipeline_flush(true);
    let _ = builder
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"Hello, World!")));
    match request.uri().path() {
        "/plaintext" | "/-/live" => {}
        "/limited" => {
            // It is never closed.
            let _permit = LIMIT.acquire().await;
            tokio::time::sleep(LIMITED_TIME).await;
        }
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}
