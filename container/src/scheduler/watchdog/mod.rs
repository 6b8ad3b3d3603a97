//! The watchdog: a thread that looks, again and again, whether another one is still at what it was
//! at when it looked before, and names who holds it.
//!
//! | file | is |
//! |---|---|
//! | `mod` | the thread, and what it is told |
//! | `posts` | the threads that are watched; each writes one word, by a plain store, as its step changes |
//! | `judge` | what follows from two looks; pure |
//! | `culprits` | who held threads, how often and how long |
//! | `report` | the lines in the log |
//! | `thread_state` | what the system tells of a thread |
//!
//! The threads that are watched read no clock for it. So the time counts from the look that first
//! saw a step: a hold is reported when it has lasted for its limit at least, and before it has
//! lasted for 1.5 limits (while the watchdog itself gets a processor); its total is short by less
//! than half a limit at either end.

mod culprits;
mod judge;
mod posts;
mod report;
mod thread_state;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use culprits::{Culprits, MOVE_WINDOW, Telling};
use judge::{Limit, Stage, Verdict};
pub use posts::{Post, Posts};
pub(super) use posts::{begin_job, label_of_caller};

use super::{Lifecycle, Phase};
use crate::handler::{Endpoint, Lane};
use crate::reactor::{Activity, Label};

/// Looks in the time of a limit: a hold is seen for the first time when half of it is over.
const LOOKS_PER_LIMIT: u32 = 2;

/// The shortest time between two looks, however short a limit is.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// After how many times its limit a worker that is still held is spoken of again: it is rare, and
/// bad enough as it is.
const WORKER_FACTOR: u32 = 10;

/// The same for a job.
const JOB_FACTOR: u32 = 2;

/// What counts as held too long, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchdogConfig {
    /// How long a worker may be at one thing: a call of an inline handler, a poll of an async one,
    /// of middleware, of an answer's body or of a task. `None`: workers are not watched. Default
    /// 100 ms: what a person notices.
    pub worker: Option<Duration>,
    /// How long a job of the blocking pool may take. `None`: they are not watched. Default 10 s.
    pub blocking: Option<Duration>,
    /// After how many holds within a minute an inline route is moved to the blocking pool, for as
    /// long as the process lives. `None`, the default: it stays where it is. For handlers that need
    /// nothing of their worker's thread, as those that `blocking` takes.
    pub move_slow_inline: Option<u32>,
}

impl Default for WatchdogConfig {
    fn default() -> Self {
        WatchdogConfig {
            worker: Some(Duration::from_millis(100)),
            blocking: Some(Duration::from_secs(10)),
            move_slow_inline: None,
        }
    }
}

impl WatchdogConfig {
    /// What is wrong with it.
    pub(crate) fn faults(&self) -> impl Iterator<Item = String> {
        let limits = [("worker", self.worker), ("blocking", self.blocking)];
        let zero = limits
            .into_iter()
            .filter(|(_, limit)| limit == &Some(Duration::ZERO));
        let moves = (self.move_slow_inline == Some(0))
            .then(|| "slow inline routes can be moved after 1 hold at the earliest".to_owned());
        zero.map(|(name, _)| format!("the watchdog's {name} limit must be above 0"))
            .chain(moves)
    }

    /// How often the watchdog looks; `None` where there is nothing to look at.
    fn period(&self) -> Option<Duration> {
        let limits = [self.worker, self.blocking];
        let shortest = limits.into_iter().flatten().min()?;
        Some((shortest / LOOKS_PER_LIMIT).max(PERIOD_MIN))
    }
}

/// How often threads were held too long, by whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HoldStats {
    /// Workers, by inline routes.
    pub inline: u64,
    /// Workers, by async routes and by tasks that those started.
    pub r#async: u64,
    /// Threads of the blocking pool, by whatever job.
    pub blocking: u64,
    /// Workers, by anything else: a blocking route's middleware, tasks of no route.
    pub other: u64,
    /// The longest hold of a worker so far.
    pub longest: Duration,
    /// The longest hold of a thread of the pool so far.
    pub longest_blocking: Duration,
}

/// How often something held threads too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holds {
    /// Workers.
    pub workers: u64,
    /// Threads of the blocking pool.
    pub blocking: u64,
}

/// A route that held threads too long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowRoute {
    /// Method and pattern: `GET /users/{id}`; in words where it is no route.
    pub route: Arc<str>,
    /// Its lane in the routing table; `None` where it is no route.
    pub lane: Option<Lane>,
    /// What it held.
    pub thread: HeldThread,
    /// How often.
    pub holds: u64,
    /// The longest of the holds, as far as it was seen.
    pub longest: Duration,
    /// Whether it runs on the pool since, although it is inline.
    pub is_moved: bool,
}

/// A thread that can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldThread {
    /// A worker, and with it all of its connections.
    Worker,
    /// One of the blocking pool.
    Blocking,
}

/// A container's watchdog.
pub struct Watchdog {
    config: WatchdogConfig,
    workers: Posts,
    /// The threads of the pool.
    jobs: Arc<Posts>,
    culprits: Culprits,
}

impl Watchdog {
    /// For routes with these names and endpoints, in the order of their numbers, and for the
    /// threads of a pool. It does not look before it is started.
    pub fn new(
        config: WatchdogConfig,
        routes: impl IntoIterator<Item = (Arc<str>, Endpoint)>,
        jobs: Arc<Posts>,
    ) -> Self {
        let culprits = Culprits::new(routes, config.move_slow_inline);
        Watchdog {
            config,
            workers: Posts::default(),
            jobs,
            culprits,
        }
    }

    /// Watches the calling thread, a worker's, as long as the post is kept.
    pub fn join_worker(&self, activity: Arc<Activity>) -> Arc<Post> {
        self.workers.join(activity)
    }

    /// Starts its thread, unless nothing is to be watched. It ends with the container. Whenever it has
    /// looked, so does `see_to`: for whoever does something about workers that are held.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        self: &Arc<Self>,
        life: &Lifecycle,
        see_to: impl Fn() + Send + 'static,
    ) -> io::Result<Option<JoinHandle<()>>> {
        let Some(period) = self.config.period() else {
            return Ok(None);
        };
        let (watchdog, life) = (self.clone(), life.clone());
        let watch = move || {
            while life.phase() < Phase::Drained {
                watchdog.look(Instant::now(), period);
                see_to();
                life.sleep(period, Phase::Drained);
            }
            watchdog.look(Instant::now(), period);
        };
        let thread = thread::Builder::new().name("watchdog".to_owned());
        thread.spawn(watch).map(Some)
    }

    /// What has this label, in the words of the log: `GET /users (inline)`.
    pub fn name(&self, label: Label) -> String {
        report::name(self.culprits.of(label))
    }

    /// Totals.
    pub fn stats(&self) -> HoldStats {
        self.culprits.stats()
    }

    /// How often the route with this number did; the number behind the last route's is that of
    /// requests without one.
    pub fn route_holds(&self, number: usize) -> Holds {
        self.culprits.holds(Label::numbered(number))
    }

    /// How often what is no request did.
    pub fn background_holds(&self) -> Holds {
        self.culprits.holds(Label::UNNUMBERED)
    }

    /// Who held threads too long, the longest hold first; at most 16.
    pub fn slow_routes(&self) -> Vec<SlowRoute> {
        self.culprits.worst()
    }

    /// Looks at all threads.
    fn look(&self, now: Instant, period: Duration) {
        let watched = [
            (HeldThread::Worker, self.config.worker, &self.workers),
            (HeldThread::Blocking, self.config.blocking, &*self.jobs),
        ];
        for (thread, limit, posts) in watched {
            let Some(limit) = limit else { continue };
            let limit = thread.limit(limit, period);
            for (post, verdict) in posts.look(now, &limit) {
                self.follow(thread, &limit, &post, &verdict, now);
            }
        }
    }

    /// Counts, tells and moves, as a verdict asks for.
    fn follow(
        &self,
        thread: HeldThread,
        limit: &Limit,
        post: &Post,
        verdict: &Verdict,
        now: Instant,
    ) {
        let consequence = self.culprits.note(thread, verdict, now);
        let is_told = &post.is_told;
        let culprit = self.culprits.of(verdict.label);
        match (verdict.stage, consequence.telling) {
            (Stage::Found, Telling::No) => is_told.store(false, Ordering::Relaxed),
            (Stage::Found | Stage::Still, Telling::Yes { untold }) => {
                is_told.store(true, Ordering::Relaxed);
                report::held(thread, limit, post, culprit, verdict, untold);
            }
            (Stage::Over, _) if is_told.load(Ordering::Relaxed) => {
                report::over(thread, post, culprit, verdict);
            }
            (Stage::Still | Stage::Over, _) => {}
        }
        if consequence.moved {
            report::moved(culprit, self.config.move_slow_inline, MOVE_WINDOW);
        }
    }
}

impl HeldThread {
    fn limit(self, first: Duration, period: Duration) -> Limit {
        Limit {
            first,
            factor: match self {
                HeldThread::Worker => WORKER_FACTOR,
                HeldThread::Blocking => JOB_FACTOR,
            },
            gap_max: period * 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_twice_in_the_shortest_limit() {
        let ms = Duration::from_millis;
        let check = |worker: Option<u64>, blocking: Option<u64>, period: Option<u64>| {
            let config = WatchdogConfig {
                worker: worker.map(ms),
                blocking: blocking.map(ms),
                move_slow_inline: None,
            };
            assert_eq!(config.period(), period.map(ms), "{config:?}");
        };
        check(Some(100), Some(10_000), Some(50));
        check(Some(100), Some(10), Some(5));
        check(None, Some(10_000), Some(5_000));
        check(Some(1), None, Some(1));
        check(None, None, None);
    }

    #[test]
    fn each_fault_is_told() {
        let config = WatchdogConfig {
            worker: Some(Duration::ZERO),
            blocking: Some(Duration::ZERO),
            move_slow_inline: Some(0),
        };
        let expected = [
            "the watchdog's worker limit must be above 0",
            "the watchdog's blocking limit must be above 0",
            "slow inline routes can be moved after 1 hold at the earliest",
        ];
        assert_eq!(config.faults().collect::<Vec<_>>(), expected);
        assert_eq!(WatchdogConfig::default().faults().count(), 0);
    }
}
