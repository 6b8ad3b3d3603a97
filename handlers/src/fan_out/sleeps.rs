//! N sleeps, on threads that can do nothing else meanwhile: what an asynchronous server does with
//! functions that block. Must not take more threads than it was given.

use std::thread;
use std::time::Duration;

use container::extract::{Query, State};
use container::handler::{Cancellation, Patience};
use container::reactor::{self, AbortOnDrop};
use container::scheduler::SharedGate;
use container::{Problem, Response, spawn_blocking, timeout};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::report::Report;
use super::{CALLS_MAX, FanOut, PAGES, check_calls};

/// Longest sleep, in seconds: an hour is more than any page may take, and fits every clock.
const SLEEP_MAX: f64 = 3600.0;

/// How much later than it should the last sleep of a page may end: threads are woken late.
const LATENESS: Duration = Duration::from_secs(1);

/// Who sleeps: threads of the blocking pool.
#[derive(Clone)]
pub(super) struct Sleepers {
    /// Lets so many of them sleep at once, for all pages together.
    gate: SharedGate,
    /// How many that are.
    threads: usize,
    /// How long a page may take.
    time: Duration,
}

/// How often, how long and how to sleep.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Sleeps {
    /// How many seconds each.
    #[schemars(range(min = 0, max = SLEEP_MAX), example = 0.01)]
    sleep_time: f64,
    /// How many times.
    #[schemars(range(min = 1, max = CALLS_MAX), example = 10)]
    num_calls: u32,
    /// One after another on one thread (`true`), or in parallel on several (`false`).
    #[serde(deserialize_with = "flag")]
    #[schemars(with = "bool", example = false)]
    thread_sensitive: bool,
}

/// One sleep that is over.
struct Slept {
    took: Duration,
    /// The name of the thread.
    thread: String,
}

/// Some sleeps, one after another on one thread; or why there were none.
type Outcome = Result<Vec<Slept>, String>;

/// Ends all sleeps of a page that nobody waits for any more.
struct Awake(Cancellation);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Sleepers {
    pub(super) fn new(threads: usize, time: Duration) -> Self {
        let threads = threads.max(1);
        let queue = PAGES * CALLS_MAX as usize;
        Sleepers {
            // Who waits for his turn waits as long as the page does.
            gate: SharedGate::new(threads, queue, Patience::of(time)),
            threads,
            time,
        }
    }

    /// How long that will take at least.
    fn duration(&self, sleeps: &Sleeps, each: Duration) -> Duration {
        let rounds = if sleeps.thread_sensitive {
            sleeps.num_calls
        } else {
            sleeps.num_calls.div_ceil(self.threads as u32)
        };
        each * rounds
    }

    /// Has one thread sleep so many times, when it is its turn.
    async fn send(&self, count: u32, each: Duration, awake: Cancellation) -> Outcome {
        let permit = self.gate.enter().await;
        let permit = permit.map_err(|problem| problem.detail().to_owned())?;
        let slept = spawn_blocking(move || {
            let _permit = permit;
            (0..count).map_while(|_| sleep_once(each, &awake)).collect()
        });
        match slept.await {
            Ok(Ok(slept)) => Ok(slept),
            Ok(Err(panicked)) => Err(panicked.message),
            Err(full) => Err(full.to_string()),
        }
    }
}

/// `None` when it was woken.
fn sleep_once(each: Duration, awake: &Cancellation) -> Option<Slept> {
    let begun = std::time::Instant::now();
    // Blocks its thread like a sleep, but ends when nobody waits for it any more.
    let was_woken = awake.wait_timeout(each);
    (!was_woken).then(|| Slept {
        took: begun.elapsed(),
        thread: thread::current().name().unwrap_or("a thread").to_owned(),
    })
}

/// `GET /requests/sync_to_async`
pub(super) async fn sleep(
    State(FanOut { sleepers, .. }): State<FanOut>,
    Query(query): Query<Sleeps>,
) -> Result<Response, Problem> {
    let each = check(&sleepers, &query)?;
    let begun = reactor::now();
    let awake = Awake(Cancellation::new());
    let (jobs, calls) = match query.thread_sensitive {
        true => (1, query.num_calls),
        false => (query.num_calls, 1),
    };
    let jobs = (0..jobs).map(|_| {
        let (sleepers, awake) = (sleepers.clone(), awake.0.clone());
        let job = async move { sleepers.send(calls, each, awake).await };
        container::spawn_local(job).abort_on_drop()
    });
    let jobs: Vec<_> = jobs.collect();
    let until = begun + sleepers.time + LATENESS;
    let order = match query.thread_sensitive {
        true => "one after another, on one thread",
        false => "in parallel",
    };
    let what = format!("{} s each, {order}", query.sleep_time);
    let columns = &["Microseconds", "Thread"];
    let mut report = Report::new("Sleeps", what, query.num_calls, columns);
    for job in jobs {
        let left = until.saturating_duration_since(reactor::now());
        match outcome(job, left).await {
            Ok(slept) => {
                let missing = calls - slept.len() as u32;
                slept.into_iter().for_each(|slept| {
                    report.succeed(vec![slept.took.as_micros().to_string(), slept.thread]);
                });
                (0..missing).for_each(|_| report.fail("not over in time".to_owned()));
            }
            Err(reason) => (0..calls).for_each(|_| report.fail(reason.clone())),
        }
    }
    let took = reactor::now().duration_since(begun);
    Ok(report.page(took))
}

/// What a job comes to in the time that is left.
async fn outcome(job: AbortOnDrop<Outcome>, left: Duration) -> Outcome {
    match timeout(left, job).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("not over in time".to_owned()),
    }
}

/// How long each sleep is, if all of them together are not too long.
fn check(sleepers: &Sleepers, query: &Sleeps) -> Result<Duration, Problem> {
    check_calls("num_calls", query.num_calls)?;
    if !(0.0..=SLEEP_MAX).contains(&query.sleep_time) {
        let detail = format!("`sleep_time` must be from 0 to {SLEEP_MAX} seconds");
        return Err(Problem::bad_request(detail));
    }
    let each = Duration::from_secs_f64(query.sleep_time);
    let (takes, most) = (sleepers.duration(query, each), sleepers.time);
    if takes > most {
        let detail = format!(
            "that takes {} s, and at most {} s are allowed: lower `sleep_time` or `num_calls`",
            takes.as_secs_f64(),
            most.as_secs_f64(),
        );
        return Err(Problem::bad_request(detail));
    }
    Ok(each)
}

/// `true` or `false`, as Python writes them too, or `1` or `0`.
fn flag<'a, D: Deserializer<'a>>(deserializer: D) -> Result<bool, D::Error> {
    match &*String::deserialize(deserializer)? {
        "true" | "True" | "1" => Ok(true),
        "false" | "False" | "0" => Ok(false),
        other => Err(de::Error::custom(format!(
            "`thread_sensitive` is `{other}`, not true or false"
        ))),
    }
}
