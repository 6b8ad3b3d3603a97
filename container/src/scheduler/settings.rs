//! The scheduler's part of the configuration: plain data.

use super::deadline::Deadlines;
use crate::handler::{Budget, Lane, Patience};

/// What bounds the requests in flight, besides each route's own budget.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budgets {
    /// All requests of the container. Default: no limit.
    pub container: Budget,
    /// Those of the inline lane. Default: no limit; a worker runs one at a time anyway.
    pub inline: Budget,
    /// Those of the async lane. Default: no limit.
    pub r#async: Budget,
    /// Those of the blocking lane, whether they have a thread or wait for one. Default: no limit
    /// but that of the pool.
    pub blocking: Budget,
    /// How long requests may wait where their budget does not say so itself.
    pub patience: Patience,
    /// Bytes of request bodies that are held in memory for handlers, over all workers: those that
    /// are collected, those that wait with their requests, and those that handlers keep. Beyond it
    /// 503. Default 256 MiB: 128 of the longest that a route takes by default.
    pub bodies: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Budgets {
            container: Budget::default(),
            inline: Budget::default(),
            r#async: Budget::default(),
            blocking: Budget::default(),
            patience: Patience::default(),
            bodies: 256 << 20,
        }
    }
}

/// All that a scheduler is told.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How many at once.
    pub budgets: Budgets,
    /// For how long.
    pub deadlines: Deadlines,
    /// Connections of one peer address, over all workers; `None`: no limit.
    pub connections_per_peer: Option<usize>,
}

impl Budgets {
    /// That of a lane.
    pub fn lane(&self, lane: Lane) -> &Budget {
        match lane {
            Lane::Inline => &self.inline,
            Lane::Async => &self.r#async,
            Lane::Blocking => &self.blocking,
        }
    }

    /// What is wrong with them, one sentence for each fault.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let named = [
            ("requests at once", &self.container),
            ("inline requests at once", &self.inline),
            ("async requests at once", &self.r#async),
            ("blocking requests at once", &self.blocking),
        ];
        let bodies = (self.bodies == 0).then(|| "the memory for bodies must be above 0".to_owned());
        named
            .into_iter()
            .filter_map(|(name, budget)| budget.fault(name))
            .chain(bodies)
    }
}
