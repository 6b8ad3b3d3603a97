//! `AdaptiveLimit`: how many requests at once, found from how long they take.
//!
//! Pure: the time is an argument. By Little's law (J. Little, 1961) a service that can do `C`
//! requests at once takes longer as soon as it has more: they wait inside of it. So the limit
//! follows the *gradient* between the latency without such waiting and the latency now, as in
//! Netflix's concurrency-limits ("Performance Under Load", 2018; its Gradient algorithm, after TCP
//! Vegas): `limit = limit * baseline / latency + headroom`. The headroom keeps a few requests
//! waiting inside, so that it notices when more would fit.
//!
//! What the latency is without waiting can be seen only when there is none. So, as BBR does with
//! its shortest round trip (Cardwell et al., ACM Queue 2016), now and then the limit is halved for
//! a moment, and measured again.

use std::time::{Duration, Instant};

use crate::handler::Adaptive;

/// The least a window of measurements lasts: shorter than people notice, longer than noise.
const WINDOW: Duration = Duration::from_millis(100);

/// The least samples of a window: with fewer, its mean says little.
const WINDOW_SAMPLES: u32 = 16;

/// How much longer than the baseline a latency is taken for noise.
const TOLERANCE: f64 = 1.1;

/// How much of the limit one window may take away at most.
const GRADIENT_MIN: f64 = 0.5;

/// What is left of the limit when a request ran out of time; as in TCP's and Netflix's AIMD, gentle,
/// since more than one will.
const BACK_OFF: f64 = 0.9;

/// How much of a change is made at once: the mean of a window jitters.
const SMOOTHING: f64 = 0.5;

/// How long a baseline is believed that was not seen again; BBR's ten seconds.
const BASELINE_AGE_MAX: Duration = Duration::from_secs(10);

/// Where the search begins: low, since a baseline measured too high takes long to correct.
const START: usize = 4;

/// A limit between two bounds.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    bounds: Adaptive,
    /// With its fraction.
    limit: f64,
    phase: Phase,
    /// Seconds a request takes when none waits inside: the lowest mean of a window.
    baseline: Option<f64>,
    /// When a window last came near the baseline.
    confirmed: Instant,
    /// When it last shrank for a request that ran out of time.
    backed_off: Instant,
    window: Window,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Doubles in each window, until requests take longer.
    Starting,
    /// Follows the gradient.
    Steady,
    /// Measures the baseline at half the limit; requests that were let in beyond that do not count.
    Probing,
}

/// Measurements of a while.
#[derive(Debug)]
struct Window {
    begun: Instant,
    samples: u32,
    seconds: f64,
    /// The most that were inside at once.
    peak: usize,
}

impl AdaptiveLimit {
    pub(super) fn new(bounds: Adaptive, now: Instant) -> Self {
        AdaptiveLimit {
            bounds,
            limit: START.clamp(bounds.min, bounds.max) as f64,
            phase: Phase::Starting,
            baseline: None,
            confirmed: now,
            backed_off: now,
            window: Window::new(now),
        }
    }

    /// How many at once, now.
    pub(super) fn limit(&self) -> usize {
        let limit = match self.phase {
            Phase::Probing => self.limit / 2.0,
            Phase::Starting | Phase::Steady => self.limit,
        };
        (limit as usize).clamp(self.bounds.min, self.bounds.max)
    }

    /// A request that was let in as one of `inside` took so long.
    pub(super) fn sample(&mut self, took: Duration, inside: usize, now: Instant) {
        if self.phase == Phase::Probing && inside > self.limit() {
            // It began before the probe.
            self.window.begun = now;
            return;
        }
        self.window.add(took, inside);
        if self.window.is_complete(now) {
            let window = std::mem::replace(&mut self.window, Window::new(now));
            self.learn(&window, now);
        }
    }

    /// A request ran out of time. That says nothing of how long the work takes, only that this is
    /// too much of it: the limit shrinks, once in a while.
    pub(super) fn back_off(&mut self, now: Instant) {
        if now.saturating_duration_since(self.backed_off) < WINDOW {
            return;
        }
        self.backed_off = now;
        self.limit = (self.limit * BACK_OFF).max(self.bounds.min as f64);
        if self.phase == Phase::Starting {
            self.phase = Phase::Steady;
        }
    }

    fn learn(&mut self, window: &Window, now: Instant) {
        let mean = window.mean();
        let before = self.baseline;
        let baseline = self.update_baseline(mean, now);
        let gradient = (TOLERANCE * baseline / mean).clamp(GRADIENT_MIN, 1.0);
        let next = match self.phase {
            Phase::Probing => self.limit,
            Phase::Starting if gradient == 1.0 => self.limit * 2.0,
            Phase::Starting | Phase::Steady => {
                let aim = self.limit * gradient + headroom(self.limit);
                self.limit + (aim - self.limit) * SMOOTHING
            }
        };
        // What is not used up says nothing about more.
        if next < self.limit || window.peak * 2 > self.limit() {
            let bounds = self.bounds;
            self.limit = next.clamp(bounds.min as f64, bounds.max as f64);
        }
        let has_risen = before.is_some_and(|before| baseline > before * TOLERANCE);
        self.phase = match self.phase {
            _ if now.saturating_duration_since(self.confirmed) >= BASELINE_AGE_MAX => {
                Phase::Probing
            }
            // The work itself takes longer now: what was learnt of it no longer holds.
            Phase::Probing if has_risen => Phase::Starting,
            Phase::Starting if gradient == 1.0 => Phase::Starting,
            Phase::Starting | Phase::Steady | Phase::Probing => Phase::Steady,
        };
    }

    /// The baseline after a window with this mean.
    fn update_baseline(&mut self, mean: f64, now: Instant) -> f64 {
        let known = self.baseline.filter(|_| self.phase != Phase::Probing);
        let baseline = known.map_or(mean, |known| known.min(mean));
        if mean <= baseline * TOLERANCE {
            self.confirmed = now;
        }
        self.baseline = Some(baseline);
        baseline
    }
}

/// Requests that are let in beyond what seems to fit: half the square root, so that a large limit
/// grows faster than a small one.
fn headroom(limit: f64) -> f64 {
    (limit.sqrt() / 2.0).max(1.0)
}

impl Window {
    fn new(now: Instant) -> Self {
        Window {
            begun: now,
            samples: 0,
            seconds: 0.0,
            peak: 0,
        }
    }

    fn add(&mut self, took: Duration, inside: usize) {
        self.samples += 1;
        self.seconds += took.as_secs_f64();
        self.peak = self.peak.max(inside);
    }

    fn is_complete(&self, now: Instant) -> bool {
        let lasted = now.saturating_duration_since(self.begun);
        self.samples >= WINDOW_SAMPLES && lasted >= WINDOW
    }

    /// Above zero, so that it can be divided by.
    fn mean(&self) -> f64 {
        (self.seconds / f64::from(self.samples)).max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A handler that can do `capacity` requests at once; with more, all of them take longer.
    struct Service {
        capacity: usize,
        alone: Duration,
    }

    impl Service {
        fn takes(&self, inside: usize) -> Duration {
            let crowd = inside as f64 / self.capacity as f64;
            self.alone.mul_f64(crowd.max(1.0))
        }
    }

    /// Requests without end, as many at once as the limit allows; virtual time.
    struct Load {
        limit: AdaptiveLimit,
        now: Instant,
        /// By when they end and a number: when they began, among how many.
        running: BTreeMap<(Instant, u64), (Instant, usize)>,
        count: u64,
    }

    impl Load {
        fn new(bounds: Adaptive) -> Self {
            let now = Instant::now();
            Load {
                limit: AdaptiveLimit::new(bounds, now),
                now,
                running: BTreeMap::new(),
                count: 0,
            }
        }

        /// Runs for a while with at most `offered` requests at once.
        fn run(&mut self, service: &Service, offered: usize, duration: Duration) {
            let end = self.now + duration;
            while self.now < end {
                while self.running.len() < self.limit.limit().min(offered) {
                    self.count += 1;
                    let inside = self.running.len() + 1;
                    let ends = self.now + service.takes(inside);
                    let begun = (self.now, inside);
                    self.running.insert((ends, self.count), begun);
                }
                let Some(((ends, _), (begun, inside))) = self.running.pop_first() else {
                    return;
                };
                self.now = ends;
                self.limit.sample(ends - begun, inside, ends);
            }
        }
    }

    /// The limit stays near the capacity: enough to use it, and little more.
    fn check(load: &mut Load, service: &Service) {
        load.run(service, usize::MAX, Duration::from_secs(30));
        for _ in 0..20 {
            load.run(service, usize::MAX, Duration::from_secs(1));
            if load.limit.phase == Phase::Probing {
                continue;
            }
            let (limit, capacity) = (load.limit.limit(), service.capacity);
            let most = capacity + capacity / 4 + 2;
            assert!((capacity..=most).contains(&limit), "{limit} for {capacity}");
        }
    }

    #[test]
    fn finds_the_capacity_and_follows_it() {
        let mut load = Load::new(Adaptive::default());
        for capacity in [20, 10, 80, 8, 200, 20] {
            let alone = Duration::from_millis(10);
            check(&mut load, &Service { capacity, alone });
        }
    }

    #[test]
    fn follows_the_latency_of_the_work_itself() {
        let mut load = Load::new(Adaptive::default());
        let capacity = 20;
        for millis in [10, 50, 2, 200] {
            let alone = Duration::from_millis(millis);
            check(&mut load, &Service { capacity, alone });
        }
    }

    #[test]
    fn stays_within_its_bounds() {
        let mut load = Load::new(Adaptive { min: 30, max: 40 });
        for (capacity, expected) in [(100, 40..=40), (10, 30..=40)] {
            let alone = Duration::from_millis(10);
            let service = Service { capacity, alone };
            load.run(&service, usize::MAX, Duration::from_secs(30));
            assert!(expected.contains(&load.limit.limit()));
        }
    }

    #[test]
    fn shrinks_while_requests_run_out_of_time_and_recovers() {
        let mut load = Load::new(Adaptive::default());
        let (capacity, alone) = (20, Duration::from_millis(10));
        let service = Service { capacity, alone };
        check(&mut load, &service);
        for _ in 0..50 {
            load.now += WINDOW;
            load.limit.back_off(load.now);
            // One more at the same time changes nothing.
            load.limit.back_off(load.now);
        }
        assert_eq!(load.limit.limit(), 1);
        check(&mut load, &service);
    }

    #[test]
    fn does_not_grow_without_being_used() {
        let mut load = Load::new(Adaptive::default());
        let (capacity, alone) = (1000, Duration::from_millis(10));
        load.run(&Service { capacity, alone }, 3, Duration::from_secs(60));
        assert!(load.limit.limit() <= 8, "{}", load.limit.limit());
    }
}
