//! `Forecast`: whether a request that has to wait can still be answered in its time.
//!
//! Pure: the time is an argument. It knows what runs and since when, and how long each kind of work
//! usually takes: a moving mean, as TCP smooths its round trips (RFC 6298, section 2). Must not
//! decide who is next.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::queue::Ticket;
use crate::handler::Priority;
use crate::reactor::Label;

/// A sample counts for one part in this many of the mean: RFC 6298 has the same.
const SMOOTHING: u32 = 8;

/// What is known of the work behind one queue.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    /// What runs, by number, and so the oldest first.
    running: BTreeMap<u64, Begun>,
    /// The number of the next one.
    next: u64,
    /// What is known of each label; there are as many as routes.
    kinds: HashMap<Label, Kind>,
    /// How long work of all labels together usually takes.
    overall: Option<Duration>,
}

/// What is known of the work of one label.
#[derive(Debug, Clone, Copy, Default)]
struct Kind {
    /// How much of it runs.
    running: usize,
    /// How long it usually takes; `None` while none has ended.
    usual: Option<Duration>,
}

/// Something that runs, until it is told to the forecast again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run(u64);

#[derive(Debug, Clone, Copy)]
struct Begun {
    label: Label,
    at: Instant,
}

/// What becomes of a request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It can be answered in time, or has no deadline.
    Hopeful,
    /// It cannot.
    Hopeless,
    /// None of its kind has ended yet, so nobody knows. It cannot if that is so at this moment
    /// still: by then what runs has taken half of the time that it may take.
    Unknown(Instant),
}

impl Forecast {
    /// Something begins.
    pub(super) fn begin(&mut self, label: Label, now: Instant) -> Run {
        let run = Run(self.next);
        self.next += 1;
        self.running.insert(run.0, Begun { label, at: now });
        self.kinds.entry(label).or_default().running += 1;
        run
    }

    /// It was broken off, which does not show how long it takes.
    pub(super) fn forget(&mut self, run: Run) {
        self.take(run);
    }

    /// It has ended; says how long it took.
    pub(super) fn end(&mut self, run: Run, now: Instant) -> Duration {
        let Some((begun, kind)) = self.take(run) else {
            return Duration::ZERO;
        };
        let took = now.saturating_duration_since(begun.at);
        kind.usual = Some(smoothed(kind.usual, took));
        self.overall = Some(smoothed(self.overall, took));
        took
    }

    /// It runs no longer.
    fn take(&mut self, run: Run) -> Option<(Begun, &mut Kind)> {
        let begun = self.running.remove(&run.0)?;
        let kind = self.kinds.entry(begun.label).or_default();
        kind.running -= 1;
        Some((begun, kind))
    }

    /// What becomes of a request that waits from now on behind `ahead` others for one of `places`.
    pub(super) fn outlook(
        &self,
        ticket: Ticket,
        ahead: usize,
        places: usize,
        now: Instant,
    ) -> Outlook {
        let (Some(deadline), true) = (ticket.deadline, ticket.priority != Priority::Critical)
        else {
            return Outlook::Hopeful;
        };
        // How often all places change hands between the first one that is given up and its own.
        let rounds = u32::try_from(ahead / places.max(1)).unwrap_or(u32::MAX);
        let (Some(own), Some(overall)) = (self.usual_of(ticket.label), self.overall) else {
            let since = self.begun_first(ticket.label).unwrap_or(now);
            let time = deadline.saturating_duration_since(since);
            let parts = rounds.saturating_add(2).saturating_mul(2);
            return Outlook::Unknown(since + time / parts);
        };
        // What has its place already may not have begun.
        let oldest = self.running.first_key_value().map(|(_, begun)| *begun);
        let ends = oldest.map_or(now + overall, |oldest| {
            oldest.at + self.usual_of(oldest.label).unwrap_or(overall)
        });
        let until_first = ends.saturating_duration_since(now);
        let needs = until_first
            .saturating_add(overall.saturating_mul(rounds))
            .saturating_add(own);
        if needs > deadline.saturating_duration_since(now) {
            Outlook::Hopeless
        } else {
            Outlook::Hopeful
        }
    }

    /// Whether there is no use any more in letting this one in.
    pub(super) fn is_too_late(&self, ticket: Ticket, now: Instant) -> bool {
        let Some(deadline) = ticket
            .deadline
            .filter(|_| ticket.priority != Priority::Critical)
        else {
            return false;
        };
        let own = self.usual_of(ticket.label).unwrap_or_default();
        own > deadline.saturating_duration_since(now)
    }

    /// Whether nothing of this label has ended yet.
    pub(super) fn knows_nothing_of(&self, label: Label) -> bool {
        self.usual_of(label).is_none()
    }

    /// Whether nothing of this label runs, so that nothing is about to correct what is known of it.
    pub(super) fn runs_nothing_of(&self, label: Label) -> bool {
        self.kinds.get(&label).is_none_or(|kind| kind.running == 0)
    }

    /// When the oldest of what runs with this label began.
    fn begun_first(&self, label: Label) -> Option<Instant> {
        let mut running = self.running.values();
        let first = running.find(|begun| begun.label == label)?;
        Some(first.at)
    }

    fn usual_of(&self, label: Label) -> Option<Duration> {
        self.kinds.get(&label)?.usual
    }
}

fn smoothed(mean: Option<Duration>, sample: Duration) -> Duration {
    mean.map_or(sample, |mean| mean - mean / SMOOTHING + sample / SMOOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of one kind, which take 5 s and have 6 s, for three places.
    struct Fixture {
        forecast: Forecast,
        now: Instant,
    }

    const PLACES: usize = 3;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    impl Fixture {
        fn new() -> Self {
            Fixture {
                forecast: Forecast::default(),
                now: Instant::now(),
            }
        }

        fn fill(&mut self) -> Vec<Run> {
            (0..PLACES)
                .map(|_| self.forecast.begin(Label::UNNUMBERED, self.now))
                .collect()
        }

        /// One lot has come and gone.
        fn warm_up(&mut self) {
            let runs = self.fill();
            self.now += seconds(5.0);
            for run in runs {
                self.forecast.end(run, self.now);
            }
        }

        /// For a request that has this much time.
        fn outlook(&self, time: f64, ahead: usize) -> Outlook {
            let ticket = Ticket::new(Priority::Normal, Some(self.now + seconds(time)));
            self.forecast.outlook(ticket, ahead, PLACES, self.now)
        }
    }

    #[test]
    fn what_is_known_says_at_once_who_cannot_be_answered() {
        let mut fixture = Fixture::new();
        fixture.warm_up();
        fixture.fill();
        for (time, ahead, expected) in [
            (6.0, 0, Outlook::Hopeless),
            (9.9, 0, Outlook::Hopeless),
            (10.1, 0, Outlook::Hopeful),
            (10.1, 2, Outlook::Hopeful),
            (10.1, 3, Outlook::Hopeless),
            (15.1, 5, Outlook::Hopeful),
            (15.1, 6, Outlook::Hopeless),
        ] {
            assert_eq!(fixture.outlook(time, ahead), expected, "{time} s, {ahead}");
        }
        // What runs is half done.
        fixture.now += seconds(2.5);
        assert_eq!(fixture.outlook(7.6, 0), Outlook::Hopeful);
        assert_eq!(fixture.outlook(7.4, 0), Outlook::Hopeless);
    }

    #[test]
    fn as_long_as_nothing_has_ended_nobody_knows() {
        let mut fixture = Fixture::new();
        let begun = fixture.now;
        fixture.fill();
        for (ahead, doubt) in [(0, 1.5), (2, 1.5), (3, 1.0), (30, 0.25)] {
            let expected = Outlook::Unknown(begun + seconds(doubt));
            assert_eq!(fixture.outlook(6.0, ahead), expected, "{ahead} ahead");
        }
    }

    #[test]
    fn what_others_take_says_nothing_of_its_own_time() {
        let mut fixture = Fixture::new();
        let other = fixture.forecast.begin(Label::numbered(7), fixture.now);
        let stuck = fixture.forecast.begin(Label::numbered(8), fixture.now);
        fixture.now += seconds(60.0);
        fixture.forecast.end(other, fixture.now);
        fixture.fill();
        let expected = Outlook::Unknown(fixture.now + seconds(1.5));
        assert_eq!(fixture.outlook(6.0, 0), expected);
        fixture.forecast.forget(stuck);
    }

    #[test]
    fn critical_ones_and_those_without_deadline_may_always_wait() {
        let mut fixture = Fixture::new();
        fixture.warm_up();
        fixture.fill();
        let deadline = Some(fixture.now + seconds(1.0));
        for ticket in [
            Ticket::new(Priority::Normal, None),
            Ticket::new(Priority::Critical, deadline),
        ] {
            let outlook = fixture.forecast.outlook(ticket, 100, PLACES, fixture.now);
            assert_eq!(outlook, Outlook::Hopeful);
            assert!(!fixture.forecast.is_too_late(ticket, fixture.now));
        }
        let late = Ticket::new(Priority::Normal, deadline);
        assert!(fixture.forecast.is_too_late(late, fixture.now));
    }

    #[test]
    fn what_is_broken_off_teaches_nothing() {
        let mut fixture = Fixture::new();
        let runs = fixture.fill();
        fixture.now += seconds(0.1);
        for run in runs {
            fixture.forecast.forget(run);
        }
        assert!(fixture.forecast.knows_nothing_of(Label::UNNUMBERED));
        assert!(fixture.forecast.running.is_empty());
    }
}
