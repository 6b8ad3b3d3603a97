//! `Budget`: how much of something may go on at once, how much may wait, and how patiently. Plain
//! data: a route has one, and so have lanes and the container.

use std::time::Duration;

/// What bounds the requests that share it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// How many requests may be in their handlers at once, over all workers.
    pub concurrency: Concurrency,
    /// How many more may wait. Default 0.
    pub queue: usize,
    /// How the time they wait is bounded. `None`: as the container says.
    pub patience: Option<Patience>,
}

/// How many at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// As many as there are connections, or threads.
    #[default]
    Unlimited,
    /// This many, at least 1.
    Fixed(usize),
    /// As many as do not slow each other down.
    Adaptive(Adaptive),
}

/// The bounds within which a limit finds itself from the latency that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    /// The limit never falls below it; at least 1.
    pub min: usize,
    /// The limit never grows beyond it.
    pub max: usize,
}

impl Default for Adaptive {
    /// From 1 to 1,000: more at once than a handler that needs a limit can use.
    fn default() -> Self {
        Adaptive { min: 1, max: 1000 }
    }
}

/// How long requests may wait in a queue.
///
/// A burst may fill the queue for a while; a queue that *stands* only adds delay. So when for
/// `interval` nobody was let in who had not waited `target`, the queue counts as overloaded: then
/// the newest are let in first, since their clients are the likeliest to be there still, and
/// whoever has waited `target` is refused when the next one is let in. This ends when for
/// `interval` nobody had to be refused.
///
/// The control law is CoDel's (K. Nichols and V. Jacobson, "Controlling Queue Delay", ACM Queue
/// 10(5), 2012; RFC 8289), its use for requests and the newest first are from B. Maurer, "Fail at
/// Scale", ACM Queue 13(8), 2015.
///
/// ```
/// use container::handler::Patience;
/// use std::time::Duration;
/// // For work that takes seconds, a wait of milliseconds says nothing.
/// let patience = Patience::of(Duration::from_secs(2));
/// assert_eq!(patience.interval, Duration::from_secs(40));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// The wait that is good enough. Default 5 ms.
    pub target: Duration,
    /// For how long waits may be longer than that. Default 100 ms.
    pub interval: Duration,
    /// The longest wait, in any case; then 503. Default 10 s.
    pub longest: Duration,
}

/// The interval as a multiple of the target: RFC 8289, section 4.3, recommends a target of 5 % of
/// the interval.
const INTERVAL_TARGETS: u32 = 20;

impl Patience {
    /// The patience with this target, and an interval to match: 20 times the target. The longest
    /// wait is 10 s, or the interval where that is longer.
    pub fn of(target: Duration) -> Self {
        let interval = target.saturating_mul(INTERVAL_TARGETS);
        Patience {
            target,
            interval,
            longest: Patience::default().longest.max(interval),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
            longest: Duration::from_secs(10),
        }
    }
}

impl Budget {
    /// At most `limit` at once; where the limit is adaptive, that is how far it may grow.
    ///
    /// # Panics
    /// When `limit` is 0: nothing could ever run.
    pub fn limit(&mut self, limit: usize) {
        assert!(limit > 0, "a concurrency is at least 1");
        self.concurrency = match self.concurrency {
            Concurrency::Adaptive(Adaptive { min, .. }) => Concurrency::Adaptive(Adaptive {
                min: min.min(limit),
                max: limit,
            }),
            Concurrency::Unlimited | Concurrency::Fixed(_) => Concurrency::Fixed(limit),
        };
    }

    /// Lets the limit find itself, up to the one that was set.
    pub fn adapt(&mut self) {
        let default = Adaptive::default();
        if let Concurrency::Unlimited = self.concurrency {
            self.concurrency = Concurrency::Adaptive(default);
        }
        if let Concurrency::Fixed(max) = self.concurrency {
            let min = default.min;
            self.concurrency = Concurrency::Adaptive(Adaptive { min, max });
        }
    }

    /// What is wrong with it, said of `name`; `None` when nothing is.
    pub fn fault(&self, name: &str) -> Option<String> {
        match self.concurrency {
            Concurrency::Fixed(0) => Some(format!("{name} must be at least 1")),
            Concurrency::Adaptive(Adaptive { min, max }) if min == 0 || min > max => Some(format!(
                "{name} must adapt between two limits, the lower of them at least 1"
            )),
            _ => None,
        }
    }
}
