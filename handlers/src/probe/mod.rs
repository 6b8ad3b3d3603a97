//! Small routes for load tests and for looking at the container from outside.
//!
//! Everything that returns at once is `inline`: on the spot, on its worker. Nothing here needs a
//! state.
//!
//! | route | answer |
//! |---|---|
//! | `POST /`, `POST /echo` | the request's body under its content type |
//! | `POST /count` | how many bytes the request's body has, counted as they come |
//! | `GET /plaintext` | `Hello, World!` |
//! | `GET /json` | `{"message":"Hello, World!"}`, serialised each time |
//! | `GET /sleep?ms=N` | `ok`, after N milliseconds |
//! | `GET /blocking/sleep?ms=N` | the same, on a thread of the pool that can do nothing else meanwhile |
//! | `GET /limited` | `ok`, after 10 ms; 16 at once, and a queue that sheds by the time waited |
//! | `GET /route/{id}` | the id |
//! | `GET /headers` | the request's fields as received, one a line |
//! | `GET /status/{code}` | this status, 200 to 599 |
//! | `GET /bytes/{n}` | n bytes, streamed |
//! | `GET /written/{n}` | n bytes, written by a function on a thread of the pool |
//! | `GET /events?count=N&interval_ms=M` | N server-sent events, a million at most, one every M milliseconds |
//! | `GET /panic/{lane}` | none: the handler panics ([`panics`]) |
//! | `GET /stall/{lane}?ms=N` | `ok`, after its thread has slept for N milliseconds ([`stalls`]) |

mod operations;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use container::extract::{Json, LastEventId, Path, Query};
use container::message::{BodyError, HeaderValue, header};
use container::{
    Body, Handler, IntoResponse, Problem, Request, Response, Router, Sse, SseEvent, StatusCode,
    blocking, inline, local_body, sleep,
};
use futures_core::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `/plaintext` and `/json` say; its 13 bytes are what benchmarks compare.
const GREETING: &str = "Hello, World!";

/// How many `/limited` handles at once, how long each takes, and how many wait: 1,600 a second, with
/// room for a burst of some hundred milliseconds.
const LIMITED: usize = 16;
const LIMITED_TIME: Duration = Duration::from_millis(10);
const LIMITED_QUEUE: usize = 256;

/// Longest body of `/count`, 1 TiB: nothing of it is kept, and the timer for bodies ends it sooner.
const COUNTED_MAX: u64 = 1 << 40;

/// Longest sleep, and longest time between two events, in milliseconds: ten minutes hold a
/// connection longer than any test needs.
const SLEEP_MS_MAX: u64 = 600_000;

/// Most events of `/events`: a million are sent in seconds without a pause between them, and in days
/// with the one that there is unless its client says otherwise.
const EVENTS_MAX: u64 = 1_000_000;

/// What `/status` answers with; 1xx is no answer, and above 599 there is none that means something.
const STATUS: RangeInclusive<u16> = 200..=599;

/// Longest answer of `/bytes` and `/written`: 1 GiB takes seconds, also over loopback.
const BYTES_MAX: u64 = 1 << 30;

/// Longest `/stall`, in milliseconds: a minute holds a worker longer than anybody wants to watch.
const STALL_MS_MAX: u64 = 60_000;

/// Bytes in one piece of a streamed answer: large enough that the work for a piece does not count.
const PIECE: usize = 16 << 10;

/// What streamed answers are made of: the byte at offset `i` is the hexadecimal digit of `i % 16`,
/// so that a reader notices what is missing.
static DIGITS: [u8; PIECE] = digits();

/// The routes that are always there.
pub fn router() -> Router {
    let id = inline(|Path(id): Path<String>| id);
    let count = count.body_limit(COUNTED_MAX);
    let limited = limited.concurrency(LIMITED).queue(LIMITED_QUEUE);
    let blocked = blocking(block_for);
    Router::new()
        .post("/", inline(echo).annotate(operations::echo()))
        .post("/echo", inline(echo).annotate(operations::echo()))
        .post("/count", count.annotate(operations::count()))
        .get(
            "/plaintext",
            inline(|| GREETING).annotate(operations::plaintext()),
        )
        .get("/json", inline(json).annotate(operations::json()))
        .get("/sleep", sleep_for.annotate(operations::sleep()))
        .get(
            "/blocking/sleep",
            blocked.annotate(operations::blocking_sleep()),
        )
        .get("/limited", limited.annotate(operations::limited()))
        .get("/route/{id}", id.annotate(operations::route()))
        .get("/headers", inline(headers).annotate(operations::headers()))
        .get(
            "/status/{code}",
            inline(status).annotate(operations::status()),
        )
        .get(
            "/bytes/{count}",
            inline(stream).annotate(operations::bytes()),
        )
        .get(
            "/written/{count}",
            blocking(write).annotate(operations::written()),
        )
        .get("/events", events.annotate(operations::events()))
}

/// Routes whose handlers panic, one on each lane: `/panic/inline`, `/panic/async` and
/// `/panic/blocking`; and `/panic/worker`, which costs a worker its life.
pub fn panics() -> Router {
    fn inlined() -> &'static str {
        panic!("asked to, on the worker");
    }
    async fn waited() -> &'static str {
        panic!("asked to, in a task");
    }
    fn blocked() -> &'static str {
        panic!("asked to, on a thread of the pool");
    }
    let panic = operations::panic;
    let worker = kill_worker.annotate(operations::worker_panic());
    Router::new()
        .get("/panic/inline", inline(inlined).annotate(panic()))
        .get("/panic/async", waited.annotate(panic()))
        .get("/panic/blocking", blocking(blocked).annotate(panic()))
        .get("/panic/worker", worker)
}

/// Routes whose handlers hold their threads, one on each lane: `/stall/inline`, `/stall/async` and
/// `/stall/blocking`. Only the last one may.
pub fn stalls() -> Router {
    async fn held(length: Query<Stall>) -> Result<&'static str, Problem> {
        stall(length)
    }
    let operation = operations::stall;
    Router::new()
        .get("/stall/inline", inline(stall).annotate(operation()))
        .get("/stall/async", held.annotate(operation()))
        .get("/stall/blocking", blocking(stall).annotate(operation()))
}

#[derive(Deserialize, JsonSchema)]
struct Stall {
    /// How many milliseconds, a minute at most.
    #[schemars(range(max = STALL_MS_MAX), example = 10)]
    ms: u64,
}

fn stall(Query(Stall { ms }): Query<Stall>) -> Result<&'static str, Problem> {
    thread::sleep(time_at_most("ms", ms, STALL_MS_MAX)?);
    Ok("ok")
}

/// Panics where no handler can be blamed: in a waker that the reactor's timer calls.
pub async fn kill_worker() -> &'static str {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("asked to, outside of all handlers");
        }
    }
    let bomb = Waker::from(Arc::new(Bomb));
    let mut timer = sleep(Duration::from_millis(1));
    poll_fn(|_| Pin::new(&mut timer).poll(&mut Context::from_waker(&bomb))).await;
    "not yet"
}

/// The request's body under its content type.
fn echo(request: Request) -> Response {
    let content_type = request.head().header(header::CONTENT_TYPE.as_str());
    let content_type = content_type.and_then(|value| HeaderValue::from_bytes(value).ok());
    let mut response = request.into_body().into_response();
    if let Some(content_type) = content_type {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// Keeps nothing of the body, however long that is.
async fn count(mut body: Body) -> Result<String, BodyError> {
    let mut bytes = 0;
    while let Some(chunk) = body.chunk().await {
        bytes += chunk?.len();
    }
    Ok(bytes.to_string())
}

#[derive(Serialize, JsonSchema)]
#[schemars(example = Message { message: GREETING })]
struct Message {
    /// The greeting.
    message: &'static str,
}

fn json() -> Json<Message> {
    Json(Message { message: GREETING })
}

#[derive(Deserialize, JsonSchema)]
struct Sleep {
    /// How many milliseconds, ten minutes at most.
    #[schemars(range(max = SLEEP_MS_MAX), example = 10)]
    ms: u64,
}

async fn sleep_for(Query(Sleep { ms }): Query<Sleep>) -> Result<&'static str, Problem> {
    sleep(time_at_most("ms", ms, SLEEP_MS_MAX)?).await;
    Ok("ok")
}

/// What old code does that knows of no event loop. It does not ask either whether anybody still
/// waits for it.
fn block_for(Query(Sleep { ms }): Query<Sleep>) -> Result<&'static str, Problem> {
    thread::sleep(time_at_most("ms", ms, SLEEP_MS_MAX)?);
    Ok("ok")
}

/// A number that a client may ask for.
fn at_most(name: &str, number: u64, max: u64) -> Result<u64, Problem> {
    if number > max {
        let detail = format!("`{name}` must be at most {max}");
        return Err(Problem::bad_request(detail));
    }
    Ok(number)
}

/// A time in milliseconds that a client may ask for.
fn time_at_most(name: &str, ms: u64, max: u64) -> Result<Duration, Problem> {
    at_most(name, ms, max).map(Duration::from_millis)
}

/// What takes its time, and can be done only so many times at once.
async fn limited() -> &'static str {
    sleep(LIMITED_TIME).await;
    "ok"
}

/// One `name: value` line for each field, in the order, case and bytes in which they came.
#[expect(clippy::needless_pass_by_value, reason = "handlers take values")]
fn headers(request: Request) -> Response {
    let mut lines = Vec::new();
    for field in request.fields() {
        lines.extend_from_slice(field.name.as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(field.value);
        lines.push(b'\n');
    }
    // Without a charset: values are bytes (RFC 9110, section 5.5).
    Response::ok("text/plain", lines)
}

/// The status to answer with.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct Code(#[schemars(range(min = *STATUS.start(), max = *STATUS.end()))] u16);

/// An answer with this status.
fn status(Path(Code(code)): Path<Code>) -> Result<Response, Problem> {
    let known = Some(code).filter(|code| STATUS.contains(code));
    let Some(code) = known.and_then(|code| StatusCode::from_u16(code).ok()) else {
        let detail = format!("`code` must be from {} to {}", STATUS.start(), STATUS.end());
        return Err(Problem::bad_request(detail));
    };
    Ok(match code {
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
            Response::new(code)
        }
        _ => code.as_str().to_owned().into_response().with_status(code),
    })
}

/// How many bytes to answer with.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct Count(#[schemars(range(max = BYTES_MAX))] u64);

/// This many bytes; how many is not announced, so that they are sent as chunks.
fn stream(Path(count): Path<Count>) -> Result<Body, Problem> {
    Ok(Body::stream(pieces(count)?))
}

/// The same bytes, written to a client as to a file.
fn write(Path(count): Path<Count>) -> Result<Body, Problem> {
    let pieces = pieces(count)?;
    Ok(Body::written_by(move |out| {
        pieces
            .into_iter()
            .try_for_each(|piece| out.write_all(piece))
    }))
}

fn pieces(Count(count): Count) -> Result<Pieces, Problem> {
    at_most("count", count, BYTES_MAX).map(|left| Pieces { left })
}

/// What is behind `/bytes` and `/written`: as many bytes as are left, in pieces.
struct Pieces {
    left: u64,
}

impl Iterator for Pieces {
    type Item = &'static [u8];

    fn next(&mut self) -> Option<&'static [u8]> {
        let length = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        self.left -= length as u64;
        (length > 0).then(|| &DIGITS[..length])
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.next().map(|piece| Ok(Bytes::from_static(piece))))
    }
}

#[derive(Deserialize, JsonSchema)]
struct Feed {
    /// How many events, a million at most.
    #[serde(default = "Feed::count")]
    #[schemars(range(max = EVENTS_MAX), example = 3)]
    count: u64,
    /// Milliseconds before each of them, ten minutes at most.
    #[serde(default = "Feed::interval_ms")]
    #[schemars(range(max = SLEEP_MS_MAX), example = 100)]
    interval_ms: u64,
}

impl Feed {
    fn count() -> u64 {
        10
    }

    fn interval_ms() -> u64 {
        1000
    }
}

/// Events 1 to `count`, the number being data and id. A client that comes back goes on after the
/// last it got; one that got all is told by a 204 not to come back.
async fn events(
    LastEventId(last): LastEventId,
    Query(Feed { count, interval_ms }): Query<Feed>,
) -> Result<Response, Problem> {
    at_most("count", count, EVENTS_MAX)?;
    let pause = time_at_most("interval_ms", interval_ms, SLEEP_MS_MAX)?;
    let last = last.map_or(Ok(0), |id| id.parse::<u64>());
    let last =
        last.map_err(|_| Problem::bad_request("`Last-Event-ID` must be the number of an event"))?;
    if last >= count {
        return Ok(Response::new(StatusCode::NO_CONTENT));
    }
    let events = local_body(async move |out| {
        for number in last + 1..=count {
            sleep(pause).await;
            out.send(SseEvent::new(number).id(number)).await?;
        }
        Ok(())
    });
    Ok(Sse::new(events).into_response())
}

const fn digits() -> [u8; PIECE] {
    let mut digits = [0; PIECE];
    let mut i = 0;
    while i < PIECE {
        digits[i] = b"0123456789abcdef"[i % 16];
        i += 1;
    }
    digits
}
