//! The server's side of a simulation: a route of each kind, and a ledger of what its handlers do.
//!
//! Everything runs on one thread, so the ledger is the thread's. A handler that finds a promise
//! broken says so there: its own panic would only be an answer.

use std::cell::RefCell;
use std::time::Duration;

use container::extract::Path;
use container::message::{Bytes, HeaderMap, HeaderValue};
use container::{Body, Handler, Router, blocking, inline, sleep};
use tests::Random;

use super::plan::{BROKEN_LENGTH, CONNECTIONS_MAX, answer};

/// Bytes that the streams of handlers hold.
pub(crate) const CHANNEL: usize = 1024;

/// Bytes of a body that `/echo` takes.
pub(crate) const BODY_LIMIT: u64 = 600;

/// How long `/late` may take, and how long it takes.
const DEADLINE: Duration = Duration::from_millis(60);
const LATE: Duration = Duration::from_secs(10);

/// How often `/live` waits before it reads on.
const PAUSES_MAX: usize = 10;

/// What bounds the routes of one simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Handlers of a gated route at once.
    pub(crate) concurrency: usize,
    /// Requests that wait at a gate.
    pub(crate) queue: usize,
    /// Threads of the blocking pool, and the jobs that may wait for one.
    pub(crate) threads: usize,
    pub(crate) jobs: usize,
}

impl Bounds {
    pub(crate) fn new(random: &mut Random) -> Bounds {
        Bounds {
            concurrency: 1 + random.below(2),
            queue: random.below(3),
            threads: 1 + random.below(3),
            jobs: random.below(3),
        }
    }
}

/// What the handlers have done.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The requests whose handlers were entered, in order.
    pub(crate) entered: Vec<u32>,
    /// Bytes of bodies that handlers gave away, and that they read, by connection; the last is
    /// whoever looks, in the end, whether all is as before.
    pub(crate) given: [u64; CONNECTIONS_MAX + 1],
    pub(crate) read: [u64; CONNECTIONS_MAX + 1],
    /// Handlers inside each of the two gates.
    inside: [usize; 2],
    concurrency: usize,
    /// Promises that were found broken.
    pub(crate) faults: Vec<String>,
}

thread_local! {
    static LEDGER: RefCell<Ledger> = RefCell::default();
}

/// Lets `look` at the ledger, or write into it.
pub(crate) fn ledger<T>(look: impl FnOnce(&mut Ledger) -> T) -> T {
    LEDGER.with_borrow_mut(look)
}

/// What a path says: who asks, how long the answer is, and how long it takes.
type Asked = Path<(u32, usize, u64)>;

/// Counts as being inside a gate, for as long as it lives.
struct Inside(usize);

impl Inside {
    fn new(gate: usize) -> Inside {
        ledger(|ledger| {
            ledger.inside[gate] += 1;
            let (inside, most) = (ledger.inside[gate], ledger.concurrency);
            if inside > most {
                ledger
                    .faults
                    .push(format!("{inside} are inside a gate for {most}"));
            }
        });
        Inside(gate)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        ledger(|ledger| ledger.inside[self.0] -= 1);
    }
}

/// The routes; the ledger is empty after this.
pub(crate) fn routes(bounds: Bounds) -> Router {
    ledger(|ledger| {
        *ledger = Ledger::default();
        ledger.concurrency = bounds.concurrency;
    });
    let Bounds {
        concurrency, queue, ..
    } = bounds;
    let path = |kind: &str| format!("/{kind}/{{id}}/{{length}}/{{millis}}");
    Router::new()
        .get(&path("inline"), inline(whole))
        .get(&path("async"), slow)
        .get(&path("gate"), gated.concurrency(concurrency).queue(queue))
        .get(&path("late"), late.deadline(DEADLINE))
        .get(&path("blocking"), blocking(whole))
        .get(
            &path("blocking-gate"),
            blocking(gated_blocking)
                .concurrency(concurrency)
                .queue(queue),
        )
        .get(&path("stream"), stream)
        .get(&path("broken"), broken)
        .get(&path("panic"), panics)
        .get(&path("panic-inline"), inline(panics_at_once))
        .get(&path("panic-blocking"), blocking(panics_at_once))
        .post(&path("ignore"), inline(whole))
        .post(&path("ignore-slow"), slow)
        .post(&path("echo"), echo.body_limit(BODY_LIMIT))
        .post(&path("blocking-echo"), blocking(echo_whole))
        .post(&path("live"), live)
        .post(&path("half"), half)
        .post(&path("unread"), unread)
}

fn connection(id: u32) -> usize {
    id as usize / 100
}

fn enter(id: u32) {
    ledger(|ledger| ledger.entered.push(id));
}

/// Takes note that a handler gives so much away.
fn give(id: u32, bytes: Vec<u8>) -> Vec<u8> {
    ledger(|ledger| ledger.given[connection(id)] += bytes.len() as u64);
    bytes
}

fn whole(Path((id, length, _)): Asked) -> Vec<u8> {
    enter(id);
    give(id, answer(id, length))
}

async fn slow(Path((id, length, millis)): Asked) -> Vec<u8> {
    enter(id);
    sleep(Duration::from_millis(millis)).await;
    give(id, answer(id, length))
}

async fn gated(Path((id, length, millis)): Asked) -> Vec<u8> {
    let _inside = Inside::new(0);
    enter(id);
    sleep(Duration::from_millis(millis)).await;
    give(id, answer(id, length))
}

fn gated_blocking(asked: Asked) -> Vec<u8> {
    let _inside = Inside::new(1);
    whole(asked)
}

async fn late(Path((id, ..)): Asked) -> Vec<u8> {
    enter(id);
    sleep(LATE).await;
    vec![]
}

/// Sends its answer in pieces, with pauses, and its length as a trailer.
async fn stream(Path((id, length, millis)): Asked) -> Body {
    enter(id);
    let (mut sender, body) = Body::channel(CHANNEL);
    container::spawn_local(async move {
        for (index, piece) in answer(id, length).chunks(700).enumerate() {
            if index % 3 == 1 {
                sleep(Duration::from_millis(millis)).await;
            }
            if sender.send(give(id, piece.to_vec())).await.is_err() {
                return;
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-length", HeaderValue::from(length));
        sender.finish_with(trailers);
    });
    body
}

/// Announces more than it sends.
async fn broken(Path((id, _, millis)): Asked) -> Body {
    enter(id);
    let (mut sender, body) = Body::sized_channel(CHANNEL, BROKEN_LENGTH);
    container::spawn_local(async move {
        let begun = answer(id, 0);
        sleep(Duration::from_millis(millis)).await;
        // The reader may have gone; there is nothing more to say in any case.
        let _ = sender.send(give(id, begun)).await;
    });
    body
}

async fn panics(Path((id, _, millis)): Asked) -> Vec<u8> {
    enter(id);
    sleep(Duration::from_millis(millis)).await;
    std::panic::resume_unwind(Box::new("on purpose"))
}

fn panics_at_once(Path((id, ..)): Asked) -> Vec<u8> {
    enter(id);
    std::panic::resume_unwind(Box::new("on purpose"))
}

async fn echo(Path((id, _, millis)): Asked, body: Bytes) -> Vec<u8> {
    sleep(Duration::from_millis(millis)).await;
    echo_whole(Path((id, 0, 0)), body)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "handlers take their arguments by value"
)]
fn echo_whole(Path((id, ..)): Asked, body: Bytes) -> Vec<u8> {
    enter(id);
    give(id, [&answer(id, 0)[..], &body[..]].concat())
}

/// Reads its body as it comes, with pauses; answers with its length, or with how it broke off.
async fn live(Path((id, _, millis)): Asked, mut body: Body) -> Vec<u8> {
    enter(id);
    let (mut count, mut pauses) = (0, 0);
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(bytes) => {
                count += bytes.len();
                ledger(|ledger| ledger.read[connection(id)] += bytes.len() as u64);
            }
            Err(_) => return give(id, answer(id, 0)),
        }
        if pauses < PAUSES_MAX {
            pauses += 1;
            sleep(Duration::from_millis(millis)).await;
        }
    }
    give(
        id,
        [&answer(id, 0)[..], count.to_string().as_bytes()].concat(),
    )
}

/// Reads a piece of its body at most, then answers.
async fn half(Path((id, length, millis)): Asked, mut body: Body) -> Vec<u8> {
    enter(id);
    // However it begins, the rest is left.
    let _ = body.chunk().await;
    sleep(Duration::from_millis(millis)).await;
    give(id, answer(id, length))
}

/// Has a body, and answers without looking at it.
async fn unread(Path((id, length, millis)): Asked, body: Body) -> Vec<u8> {
    enter(id);
    sleep(Duration::from_millis(millis)).await;
    drop(body);
    give(id, answer(id, length))
}
