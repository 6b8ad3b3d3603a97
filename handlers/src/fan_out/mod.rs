//! Many calls at once, three ways: what an asynchronous server does with them by itself, what a
//! plain function can have it do, and what becomes of functions that block.
//!
//! | route | answer |
//! |---|---|
//! | `GET /requests/?url=U&request_num=N` | asks for U N times at once: a page of what came of each |
//! | `GET /requests/async_to_sync?url=U&request_num=N` | the same from a function that blocks |
//! | `GET /requests/sync_to_async?sleep_time=S&num_calls=N&thread_sensitive=B` | N sleeps of S seconds on threads of the pool: in parallel, or one after another on one of them |
//!
//! What is asked for comes from whoever asks, so that everything about it has a bound: how many
//! ([`CALLS_MAX`]), how long ([`Options::time`]), how many pages at once, how large each answer may
//! be; and whom, which [`Allowed`] says. A page that would ask for itself is refused, since each
//! would ask for a thousand more.
//!
//! | file | is |
//! |---|---|
//! | `allowed` | whom may be asked |
//! | `fetch` | the requests |
//! | `sleeps` | the sleeps |
//! | `report` | the page |
//! | `operations` | what the routes say about themselves |

mod allowed;
mod fetch;
mod operations;
mod report;
mod sleeps;

use std::time::Duration;

pub use allowed::{AllowList, AllowListError};
use allowed::{Allowed, NotAllowed};
use container::client::{Client, ClientRequest, Trust};
use container::extract::{CarriedTrace, Query, State};
use container::handler::Patience;
use container::message::{HeaderName, HeaderValue, Method, TraceContext};
use container::middleware::Next;
use container::server::Handle;
use container::{
    Handler, IntoResponse, PerWorker, Problem, Request, Response, Router, StatusCode, block_on,
    blocking,
};
use schemars::JsonSchema;
use serde::Deserialize;
use sleeps::Sleepers;

/// Calls on one page: ten times what anybody looks at, and the server is done with them in less
/// time than the page takes to read.
pub const CALLS_MAX: u32 = 1000;

/// Connections of one worker to one host: so many calls are under way at once, the others wait.
const CONNECTIONS: usize = 100;

/// Pages at once of each route; and how many more wait, for how long before the queue counts as
/// overloaded: pages take seconds.
const PAGES: usize = 4;
const PAGES_QUEUE: usize = 16;
const PAGES_TARGET: Duration = Duration::from_secs(1);

/// Bytes of one answer: with all connections busy, a worker holds 100 MiB at most for each host.
const ANSWER_MAX: usize = 1 << 20;

/// How much later than its calls a page has to be there: they all have ended by then, and what is
/// left is to write it.
const GRACE: Duration = Duration::from_secs(5);

/// Marks the requests that are sent for a page, so that they do not ask for one.
const MARK: HeaderName = HeaderName::from_static("x-fan-out");

/// What can be chosen about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whom may be asked besides this server itself. Default: nobody.
    pub allow: AllowList,
    /// Whose word is taken for who an `https` server is. Default: whom browsers trust.
    pub trust: Trust,
    /// How long all calls of a page may take together. Default 30 s.
    pub time: Duration,
    /// Threads of the pool that may be asleep for all pages together; at least 1. Default 32, half
    /// of the pool's: other handlers need some too.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            allow: AllowList::default(),
            trust: Trust::default(),
            time: Duration::from_secs(30),
            threads: 32,
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
struct FanOut {
    allowed: Allowed,
    /// One client for each worker, and each thread that waits for its own requests.
    client: PerWorker<Client>,
    sleepers: Sleepers,
}

/// What is to be asked for.
#[derive(Deserialize, JsonSchema)]
struct Fetch {
    /// What to ask for: of this server, or of one that it may ask.
    #[schemars(example = "http://127.0.0.1:8888/sleep?ms=500")]
    url: String,
    /// How many times at once.
    #[schemars(range(min = 1, max = CALLS_MAX), example = 10)]
    request_num: u32,
}

/// The routes.
pub fn router(options: &Options) -> Router {
    let deadline = options.time + GRACE;
    let pages = |endpoint: container::handler::Endpoint| {
        endpoint
            .queue(PAGES_QUEUE)
            .patience(Patience::of(PAGES_TARGET))
            .deadline(deadline)
    };
    // Each page of these has a thread of the pool for itself, beside those that are asleep.
    let plain = blocking(fetch_plainly).concurrency(PAGES.min(options.threads / 2).max(1));
    Router::new()
        .get(
            "/requests/",
            pages(fetch_all.concurrency(PAGES)).annotate(operations::fetch()),
        )
        .get(
            "/requests/async_to_sync",
            pages(plain).annotate(operations::fetch_plainly()),
        )
        .get(
            "/requests/sync_to_async",
            pages(sleeps::sleep.concurrency(PAGES)).annotate(operations::sleep()),
        )
        .layer(refuse_own)
        .state(FanOut::new(options))
}

impl FanOut {
    fn new(options: &Options) -> Self {
        let allowed = Allowed::new(options.allow.clone());
        let client = Client::builder()
            .guard(allowed.clone())
            .trust(options.trust.clone())
            .connections_per_host(CONNECTIONS)
            .idle_connections(CONNECTIONS)
            .waiting_per_host(PAGES * CALLS_MAX as usize)
            .request_timeout(options.time)
            .response_body(ANSWER_MAX);
        FanOut {
            allowed,
            client: PerWorker::new(move || client.clone().build()),
            sleepers: Sleepers::new(options.threads, options.time),
        }
    }

    /// The request that a query asks for, if it may be sent: marked, and a part of this trace.
    fn request(
        &self,
        handle: &Handle,
        fetch: &Fetch,
        trace: Option<&TraceContext>,
    ) -> Result<ClientRequest, Problem> {
        self.allowed.learn_own(handle.local_addrs());
        let url = fetch
            .url
            .parse()
            .map_err(|error| Problem::bad_request(format!("`url`: {error}")))?;
        check_calls("request_num", fetch.request_num)?;
        let request = ClientRequest::new(Method::GET, self.allowed.check(url)?);
        let mark = HeaderValue::from_static("1");
        Ok(request.with_header(MARK, mark).with_trace(trace))
    }
}

/// As a task: it and all of its requests wait on one worker.
async fn fetch_all(
    State(fan_out): State<FanOut>,
    handle: Handle,
    CarriedTrace(trace): CarriedTrace,
    Query(query): Query<Fetch>,
) -> Result<Response, Problem> {
    let request = fan_out.request(&handle, &query, trace.as_ref())?;
    let client = fan_out.client.get();
    fetch::page(&client, &request, query.request_num).await
}

/// The same on a thread of the pool, which has the requests run on a reactor of its own.
#[expect(clippy::needless_pass_by_value, reason = "handlers take values")]
fn fetch_plainly(
    State(fan_out): State<FanOut>,
    handle: Handle,
    CarriedTrace(trace): CarriedTrace,
    Query(query): Query<Fetch>,
) -> Result<Response, Problem> {
    let request = fan_out.request(&handle, &query, trace.as_ref())?;
    let page = block_on(async {
        let client = fan_out.client.get();
        fetch::page(&client, &request, query.request_num).await
    });
    page.unwrap_or_else(|interrupted| Ok(interrupted.into_response()))
}

/// Refuses what was asked for by a page.
async fn refuse_own(request: Request, next: Next) -> Response {
    if request.head().header(MARK.as_str()).is_none() {
        return next.run(request).await;
    }
    Problem::new(StatusCode::LOOP_DETECTED)
        .with_detail("a page of requests does not ask for another one")
        .into_response()
}

fn check_calls(name: &str, calls: u32) -> Result<(), Problem> {
    if (1..=CALLS_MAX).contains(&calls) {
        return Ok(());
    }
    let detail = format!("`{name}` must be from 1 to {CALLS_MAX}");
    Err(Problem::bad_request(detail))
}

impl From<NotAllowed> for Problem {
    fn from(NotAllowed(url): NotAllowed) -> Self {
        let detail = format!("this server may not ask {}", url.origin());
        Problem::new(StatusCode::FORBIDDEN).with_detail(detail)
    }
}
