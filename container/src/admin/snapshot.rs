//! `Snapshot`: everything that is known of a container at one moment.

use std::time::{Duration, Instant};

use crate::handler::Lane;
use crate::observe::{RouteStats, Times};
use crate::scheduler::{
    BodyStats, BudgetStats, GateStats, Holds, LaneStats, Phase, PoolStats, SlowRoute, Stage, Stats,
};
use crate::server::{Handle, WorkerStats};

/// Everything that is known of a container at one moment.
pub(super) struct Snapshot {
    pub(super) phase: Phase,
    /// Since the container was made.
    pub(super) uptime: Duration,
    pub(super) stats: Stats,
    pub(super) pool: PoolStats,
    pub(super) workers: Vec<WorkerSnapshot>,
    /// The budgets that have a limit, the widest first.
    pub(super) budgets: Vec<NamedBudget>,
    /// Peers that have connections; 0 where those are not limited.
    pub(super) peers: usize,
    /// The memory for request bodies.
    pub(super) bodies: BodyStats,
    /// By route, and last what no route answered.
    pub(super) routes: Vec<RouteStats>,
    /// How often each of these held a thread too long.
    pub(super) holds: Vec<Holds>,
    /// The same of what is no request.
    pub(super) background_holds: Holds,
    /// Routes that held a thread too long.
    pub(super) slow: Vec<SlowRoute>,
    /// Lines of the access log that were dropped.
    pub(super) dropped_lines: u64,
}

/// What is known of one worker.
pub(super) struct WorkerSnapshot {
    pub(super) stats: WorkerStats,
    /// Requests that it is dealing with, those included whose bodies are on their way.
    pub(super) in_flight: u64,
}

/// What is known of one budget.
pub(super) struct NamedBudget {
    /// Whose it is: a route's, a lane's or the container's.
    pub(super) stage: Stage,
    /// The lane, the method and the template of the route, or `container`.
    pub(super) name: String,
    pub(super) stats: GateStats,
}

/// Connections by what happens on them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connections {
    /// Nothing: they wait for a request.
    pub(super) idle: u64,
    /// A request has begun, and its head is not complete.
    pub(super) in_head: u64,
    /// Their request waits for a permit, or runs.
    pub(super) handling: u64,
    /// A body is on its way, in or out.
    pub(super) transferring: u64,
}

/// A lane's name and counters.
pub(super) type NamedLane = (&'static str, Lane, LaneStats);

impl Snapshot {
    /// The container of this handle, now.
    pub(super) fn of(handle: &Handle) -> Self {
        let observation = handle.observation();
        let workers = handle.workers();
        let workers = workers.into_iter().zip(observation.workers());
        let routes = observation.routes();
        let wide = handle.budgets();
        Snapshot {
            budgets: budgets(handle, &routes, &wide),
            peers: wide.peers,
            bodies: wide.bodies,
            phase: handle.phase(),
            uptime: Instant::now().saturating_duration_since(observation.started()),
            stats: handle.stats(),
            pool: handle.pool(),
            workers: workers
                .map(|(stats, metrics)| WorkerSnapshot {
                    stats,
                    in_flight: metrics.in_flight(),
                })
                .collect(),
            holds: (0..routes.len())
                .map(|index| handle.route_holds(index))
                .collect(),
            background_holds: handle.background_holds(),
            routes,
            slow: handle.slow_routes(),
            dropped_lines: observation.dropped_lines(),
        }
    }

    /// The lanes in the order in which they are told of.
    pub(super) fn lanes(&self) -> [NamedLane; 3] {
        let stats = &self.stats;
        [
            ("inline", Lane::Inline, stats.inline),
            ("async", Lane::Async, stats.r#async),
            ("blocking", Lane::Blocking, stats.blocking),
        ]
    }

    /// The mean of the workers' loads.
    pub(super) fn mean_load(&self) -> u64 {
        let loads = self.workers.iter().map(|worker| worker.stats.load());
        loads.sum::<u64>() / (self.workers.len() as u64).max(1)
    }

    /// Connections by what happens on them. Counted by threads that go on meanwhile, so the parts
    /// are made to fit the whole.
    pub(super) fn connections(&self) -> Connections {
        let open = self.stats.connections;
        let in_flight: u64 = self.workers.iter().map(|worker| worker.in_flight).sum();
        let busy = in_flight.min(open);
        let handled: u64 = self
            .workers
            .iter()
            .map(|worker| worker.stats.requests)
            .sum();
        let handling = handled.min(busy);
        let in_head = self.stats.in_head.min(open - busy);
        Connections {
            idle: open - busy - in_head,
            in_head,
            handling,
            transferring: busy - handling,
        }
    }

    /// How long handlers ran, over all routes.
    pub(super) fn ran(&self) -> Times {
        self.merge(|route| &route.ran)
    }

    /// How long requests waited for a permit or a thread, over all routes.
    pub(super) fn waited(&self) -> Times {
        self.merge(|route| &route.waited)
    }

    fn merge(&self, times: impl Fn(&RouteStats) -> &Times) -> Times {
        let mut all = Times::default();
        self.routes.iter().for_each(|route| all.merge(times(route)));
        all
    }
}

impl WorkerSnapshot {
    /// How far its load is above the mean, or, negative, below it.
    pub(super) fn skew(&self, mean: u64) -> i64 {
        self.stats.load().cast_signed() - mean.cast_signed()
    }
}

/// The budgets that have a limit, the widest first.
fn budgets(handle: &Handle, routes: &[RouteStats], wide: &BudgetStats) -> Vec<NamedBudget> {
    let wide = [
        (Stage::Container, Stage::Container.name(), wide.container),
        (Stage::Lane, "inline", wide.inline),
        (Stage::Lane, "async", wide.r#async),
        (Stage::Lane, "blocking", wide.blocking),
    ];
    let wide = wide.map(|(stage, name, stats)| (stage, name.to_owned(), stats));
    let narrow = routes.iter().enumerate().map(|(index, route)| {
        let name = format!("{} {}", route.name.method, route.name.template);
        (Stage::Route, name, handle.route_budget(index))
    });
    let named = |(stage, name, stats): (_, _, Option<_>)| {
        stats.map(|stats| NamedBudget { stage, name, stats })
    };
    wide.into_iter().chain(narrow).filter_map(named).collect()
}
