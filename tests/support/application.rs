//! An application with a handler of each kind.

use std::time::Duration;

use container::extract::Path;
use container::handler::Cancellation;
use container::message::{Bytes, Frame, HeaderMap, HeaderValue, Method};
use container::testing::Server;
use container::{Body, Handler, Request, Router, blocking, inline, sleep};

/// How long `/slow` takes.
const SLOW: Duration = Duration::from_secs(1);

/// The routes.
pub fn application() -> Router {
    Router::new()
        .get("/", inline(|| "root"))
        .post("/echo", async |body: Bytes| body)
        .put("/echo", inline(|body: Bytes| body))
        .post("/blocking-echo", blocking(|body: Bytes| body))
        .get("/slow", slow)
        .post("/slow", slow)
        .get("/one-at-a-time", slow.concurrency(1).queue(1))
        .get("/deadline", async || sleep(Duration::from_secs(60)).await)
        .get("/hurried", stuck.deadline(Duration::from_secs(2)))
        .post("/live", live)
        .post("/ignore", inline(|| "ignored"))
        .get("/bytes/{n}", inline(bytes))
        .get("/stream/{n}", stream)
        .get(
            "/panic/inline",
            inline(|| -> &'static str { panic!("inline") }),
        )
        .get("/panic/async", panics)
        .get(
            "/panic/blocking",
            blocking(|| -> &'static str { panic!("blocking") }),
        )
        .get("/blocking", blocking(|| "blocking"))
        .get("/until-cancelled", blocking(until_cancelled))
        .post("/trailers", async |request: Request| {
            trailers(request).await
        })
        .get("/broken", async || broken())
        .any("/method", inline(|method: Method| method.to_string()))
}

/// That application in memory.
pub fn server() -> Server {
    Server::new(application())
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow"
}

async fn stuck() -> &'static str {
    sleep(Duration::from_secs(3600)).await;
    "never"
}

async fn panics() -> &'static str {
    container::yield_now().await;
    panic!("async")
}

/// Counts the bytes of a body that it takes as it comes.
async fn live(mut body: Body) -> String {
    let mut count = 0;
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(bytes) => count += bytes.len(),
            Err(error) => return format!("{count} bytes, then {error}"),
        }
    }
    format!("{count} bytes")
}

fn bytes(Path(count): Path<usize>) -> Vec<u8> {
    vec![b'x'; count]
}

/// Sends `n` pieces of three bytes, then a trailer.
async fn stream(Path(count): Path<usize>) -> Body {
    let (mut sender, body) = Body::channel(1024);
    container::spawn_local(async move {
        for _ in 0..count {
            if sender.send("abc").await.is_err() {
                return;
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-count", HeaderValue::from(count));
        sender.finish_with(trailers);
    });
    body
}

/// An answer whose body breaks off.
fn broken() -> Body {
    let (mut sender, body) = Body::sized_channel(1024, 1000);
    sender.send_now(Bytes::from_static(b"not a thousand bytes"));
    body
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "handlers take their arguments by value"
)]
fn until_cancelled(cancellation: Cancellation) -> &'static str {
    while !cancellation.is_cancelled() {
        std::thread::yield_now();
    }
    "cancelled"
}

async fn trailers(request: Request) -> String {
    let mut body = request.into_body();
    let mut seen = vec![];
    while let Some(Ok(frame)) = body.frame().await {
        if let Frame::Trailers(trailers) = frame {
            for (name, value) in &trailers {
                seen.push(format!("{name}={}", value.to_str().unwrap_or_default()));
            }
        }
    }
    seen.join(",")
}
