//! `Culprits`: who held threads, how often and how long; and what follows from it. Must not write
//! to the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::judge::{Stage, Verdict};
use super::{HeldThread, HoldStats, Holds, SlowRoute};
use crate::handler::{Endpoint, Lane};
use crate::reactor::Label;

/// How often it is told that a route holds threads of a kind: often enough that the log of a bad
/// minute shows it, seldom enough that it shows something else too.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The most that [`Culprits::worst`] names.
pub(super) const SLOW_ROUTES_MAX: usize = 16;

/// How long a series of holds may take that moves an inline route to the pool: one stall of the
/// machine is none, and what is that rare does no harm where it is.
pub(super) const MOVE_WINDOW: Duration = Duration::from_secs(60);

/// What is not a route's, by its place behind all of them.
const UNROUTED: [&str; 2] = ["a request without a route", "a background task"];

/// Everything that can hold a thread, with what it did. As many as there are routes, and two.
pub(super) struct Culprits {
    list: Vec<Culprit>,
    /// By culprit, and for each by kind of thread.
    records: Mutex<Vec<[Record; 2]>>,
    /// How many holds move an inline route; `None`: none do.
    move_after: Option<u32>,
}

/// Something that can hold a thread.
pub(super) struct Culprit {
    /// What it is called: `GET /users/{id}`.
    pub(super) name: Arc<str>,
    /// `None` for what is no route.
    endpoint: Option<Endpoint>,
}

/// What a culprit did to the threads of one kind.
#[derive(Debug, Clone, Default)]
struct Record {
    holds: u64,
    longest: Duration,
    /// When it was last told.
    told: Option<Instant>,
    /// Holds since then.
    untold: u64,
    /// The present series of holds: when it began, and how many there were.
    series: Option<(Instant, u32)>,
}

/// What is to be told of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// Nothing: the like was told just now.
    No,
    /// It, and that there were so many untold ones before.
    Yes { untold: u64 },
}

/// What follows from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Consequence {
    pub(super) telling: Telling,
    /// Whether the route runs on the pool from now on.
    pub(super) moved: bool,
}

impl Culprits {
    /// Names and endpoints of all routes, in the order of their numbers; and how many holds move an
    /// inline one.
    pub(super) fn new(
        routes: impl IntoIterator<Item = (Arc<str>, Endpoint)>,
        move_after: Option<u32>,
    ) -> Self {
        let routes = routes.into_iter().map(|(name, endpoint)| Culprit {
            name,
            endpoint: Some(endpoint),
        });
        let unrouted = UNROUTED.map(|name| Culprit {
            name: name.into(),
            endpoint: None,
        });
        let list: Vec<Culprit> = routes.chain(unrouted).collect();
        Culprits {
            records: Mutex::new(vec![Default::default(); list.len()]),
            list,
            move_after,
        }
    }

    /// Who has this label.
    pub(super) fn of(&self, label: Label) -> &Culprit {
        &self.list[self.place(label)]
    }

    /// Takes down what was found.
    pub(super) fn note(&self, held: HeldThread, verdict: &Verdict, now: Instant) -> Consequence {
        let place = self.place(verdict.label);
        let mut records = self.lock();
        let record = &mut records[place][held as usize];
        record.longest = record.longest.max(verdict.held);
        if verdict.stage != Stage::Found {
            // Seldom enough by itself: it took many times the limit, or was told when found.
            return Consequence {
                telling: Telling::Yes { untold: 0 },
                moved: false,
            };
        }
        record.holds += 1;
        Consequence {
            telling: record.tell(now),
            moved: held == HeldThread::Worker && self.shall_move(place, record, now),
        }
    }

    /// Counts a hold of a worker; moves an inline route when it was one too many.
    fn shall_move(&self, place: usize, record: &mut Record, now: Instant) -> bool {
        let (Some(limit), Some(endpoint)) = (self.move_after, &self.list[place].endpoint) else {
            return false;
        };
        record.count_in_series(now) >= limit && endpoint.move_to_pool()
    }

    /// Totals.
    pub(super) fn stats(&self) -> HoldStats {
        let mut stats = HoldStats::default();
        for (culprit, records) in self.list.iter().zip(self.lock().iter()) {
            let [workers, jobs] = records;
            stats.blocking += jobs.holds;
            let count = match culprit.lane() {
                Some(Lane::Inline) => &mut stats.inline,
                Some(Lane::Async) => &mut stats.r#async,
                Some(Lane::Blocking) | None => &mut stats.other,
            };
            *count += workers.holds;
            stats.longest = stats.longest.max(workers.longest);
            stats.longest_blocking = stats.longest_blocking.max(jobs.longest);
        }
        stats
    }

    /// How often what has this label held threads.
    pub(super) fn holds(&self, label: Label) -> Holds {
        let records = self.lock();
        let [workers, jobs] = &records[self.place(label)];
        Holds {
            workers: workers.holds,
            blocking: jobs.holds,
        }
    }

    /// Those that held threads, the longest hold first.
    pub(super) fn worst(&self) -> Vec<SlowRoute> {
        let mut slow = vec![];
        for (culprit, records) in self.list.iter().zip(self.lock().iter()) {
            let kinds = [HeldThread::Worker, HeldThread::Blocking];
            let records = kinds.into_iter().zip(records);
            slow.extend(
                records
                    .filter(|(_, record)| record.holds > 0)
                    .map(|(thread, record)| SlowRoute {
                        route: culprit.name.clone(),
                        lane: culprit.lane(),
                        thread,
                        holds: record.holds,
                        longest: record.longest,
                        is_moved: culprit.is_moved(),
                    }),
            );
        }
        slow.sort_by_key(|slow| std::cmp::Reverse(slow.longest));
        slow.truncate(SLOW_ROUTES_MAX);
        slow
    }

    /// Its place in the list. The number behind the last route's is that of requests without one.
    fn place(&self, label: Label) -> usize {
        let last = self.list.len() - 1;
        label.number().map_or(last, |number| number.min(last))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<[Record; 2]>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Culprit {
    /// The lane in the routing table.
    pub(super) fn lane(&self) -> Option<Lane> {
        self.endpoint
            .as_ref()
            .map(|endpoint| endpoint.policy().lane)
    }

    fn is_moved(&self) -> bool {
        self.endpoint.as_ref().is_some_and(Endpoint::is_moved)
    }
}

impl Record {
    fn tell(&mut self, now: Instant) -> Telling {
        let is_fresh = |told| now.saturating_duration_since(told) < TOLD_EVERY;
        if self.told.is_some_and(is_fresh) {
            self.untold += 1;
            return Telling::No;
        }
        self.told = Some(now);
        Telling::Yes {
            untold: std::mem::take(&mut self.untold),
        }
    }

    /// How many holds the series has with this one.
    fn count_in_series(&mut self, now: Instant) -> u32 {
        let series = self
            .series
            .filter(|(begun, _)| now.saturating_duration_since(*begun) < MOVE_WINDOW);
        let (begun, count) = series.unwrap_or((now, 0));
        self.series = Some((begun, count + 1));
        count + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Handler, blocking, inline};

    const SECOND: Duration = Duration::from_secs(1);

    /// Routes 0, 1 and 2 on the three lanes.
    fn culprits(move_after: Option<u32>) -> Culprits {
        let routes = [
            ("GET /inline", inline(|| "")),
            ("GET /async", (async || "").into_endpoint()),
            ("GET /blocking", blocking(|| "")),
        ];
        let routes = routes.map(|(name, endpoint)| (name.into(), endpoint));
        Culprits::new(routes, move_after)
    }

    fn found(label: Label, seconds: u64) -> Verdict {
        Verdict {
            label,
            stage: Stage::Found,
            held: SECOND * seconds as u32,
        }
    }

    #[test]
    fn each_label_has_a_name_and_is_counted_in_its_lane() {
        let culprits = culprits(None);
        let now = Instant::now();
        let check = |label, thread, name: &str, count: fn(&HoldStats) -> u64| {
            assert_eq!(&*culprits.of(label).name, name);
            let (before, holds) = (culprits.stats(), culprits.holds(label));
            culprits.note(thread, &found(label, 1), now);
            assert_eq!(count(&culprits.stats()), count(&before) + 1, "{name}");
            let more = match thread {
                HeldThread::Worker => (holds.workers + 1, holds.blocking),
                HeldThread::Blocking => (holds.workers, holds.blocking + 1),
            };
            let holds = culprits.holds(label);
            assert_eq!((holds.workers, holds.blocking), more, "{name}");
        };
        let number = Label::numbered;
        check(number(0), HeldThread::Worker, "GET /inline", |s| s.inline);
        check(number(1), HeldThread::Worker, "GET /async", |s| s.r#async);
        check(number(2), HeldThread::Worker, "GET /blocking", |s| s.other);
        check(number(2), HeldThread::Blocking, "GET /blocking", |s| {
            s.blocking
        });
        check(number(3), HeldThread::Worker, UNROUTED[0], |s| s.other);
        check(Label::UNNUMBERED, HeldThread::Worker, UNROUTED[1], |s| {
            s.other
        });
        check(Label::UNNUMBERED, HeldThread::Blocking, UNROUTED[1], |s| {
            s.blocking
        });
    }

    #[test]
    fn a_route_that_is_slow_all_the_time_is_told_of_now_and_then() {
        let culprits = culprits(None);
        let base = Instant::now();
        let mut told = vec![];
        for tenth in 0..=1000 {
            let verdict = found(Label::numbered(0), 1);
            let now = base + SECOND / 10 * tenth;
            let consequence = culprits.note(HeldThread::Worker, &verdict, now);
            if let Telling::Yes { untold } = consequence.telling {
                told.push((tenth, untold));
            }
        }
        let each_ten_seconds = (0..=10).map(|n| (n * 100, if n == 0 { 0 } else { 99 }));
        assert_eq!(told, each_ten_seconds.collect::<Vec<_>>());
        let other = culprits.note(HeldThread::Worker, &found(Label::numbered(1), 1), base);
        assert_eq!(other.telling, Telling::Yes { untold: 0 });
    }

    #[test]
    fn the_longest_come_first_and_what_follows_counts_as_the_same_hold() {
        let culprits = culprits(None);
        let now = Instant::now();
        for (number, seconds) in [(0, 2), (2, 9), (1, 5)] {
            culprits.note(
                HeldThread::Worker,
                &found(Label::numbered(number), seconds),
                now,
            );
        }
        let over = Verdict {
            stage: Stage::Over,
            ..found(Label::numbered(0), 20)
        };
        culprits.note(HeldThread::Worker, &over, now);
        let worst = culprits.worst();
        let seen = worst
            .iter()
            .map(|slow| (&*slow.route, slow.holds, slow.longest.as_secs()));
        let expected = [
            ("GET /inline", 1, 20),
            ("GET /blocking", 1, 9),
            ("GET /async", 1, 5),
        ];
        assert_eq!(seen.collect::<Vec<_>>(), expected);
        assert_eq!(culprits.stats().longest, SECOND * 20);
    }

    #[test]
    fn no_more_are_named_than_can_be_read() {
        let routes = (0..100).map(|n| (format!("GET /{n}").into(), inline(|| "")));
        let culprits = Culprits::new(routes, None);
        for number in 0..100 {
            let verdict = found(Label::numbered(number), number as u64);
            culprits.note(HeldThread::Worker, &verdict, Instant::now());
        }
        let worst = culprits.worst();
        assert_eq!(worst.len(), SLOW_ROUTES_MAX);
        assert_eq!(&*worst[0].route, "GET /99");
    }

    /// Holds of a route at these seconds; the last of them moves it, or none does.
    #[track_caller]
    fn check_moves(number: usize, thread: HeldThread, at: &[u32], expected: bool) {
        let culprits = culprits(Some(3));
        let base = Instant::now();
        let note = |at: &u32| {
            let verdict = found(Label::numbered(number), 1);
            culprits.note(thread, &verdict, base + SECOND * *at).moved
        };
        let moved: Vec<bool> = at.iter().map(note).collect();
        let (last, before) = moved.split_last().unwrap();
        assert!(!before.contains(&true), "{moved:?}");
        assert_eq!(*last, expected);
        assert_eq!(culprits.list[number].is_moved(), expected);
        assert!(!note(at.last().unwrap()), "moved twice");
    }

    #[test]
    fn an_inline_route_that_is_slow_again_and_again_is_moved() {
        check_moves(0, HeldThread::Worker, &[0, 30, 59], true);
        check_moves(0, HeldThread::Worker, &[0, 30, 60], false);
        check_moves(0, HeldThread::Worker, &[0, 60, 61, 62], true);
        check_moves(0, HeldThread::Blocking, &[0, 1, 2, 3], false);
        check_moves(1, HeldThread::Worker, &[0, 1, 2, 3], false);
        check_moves(2, HeldThread::Worker, &[0, 1, 2, 3], false);
    }
}
