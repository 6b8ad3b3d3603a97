//! `Shared`: what all workers of a container share: gates, pool, deadlines, and the application's
//! states. Must not run anything.

use std::sync::Arc;

use super::admission::Gates;
use super::blocking_pool::BlockingPool;
use super::bodies::{Bodies, BodyStats};
use super::deadline::Deadlines;
use super::gate::{Gate, GateStats};
use super::peers::Peers;
use super::settings::{Budgets, Settings};
use super::shed::Stage;
use crate::handler::{Context, Endpoint, Lane, Priority};
use crate::reactor::Label;

/// What all workers of a container share.
pub struct Shared {
    /// The name of each endpoint, by the endpoint's index.
    names: Box<[Arc<str>]>,
    /// The gates of each endpoint, by the endpoint's index.
    pub(super) gates: Vec<Gates>,
    /// Those of the lanes and of the container.
    wide_gates: WideGates,
    /// The states of the application.
    pub(super) context: Context,
    /// The threads of the blocking lane.
    pub(super) pool: BlockingPool,
    /// How long requests may take.
    pub(super) deadlines: Deadlines,
    /// Connections of each peer, where they are limited.
    peers: Option<Peers>,
    /// The memory for request bodies.
    bodies: Bodies,
}

/// The gates that more than one route goes through.
struct WideGates {
    inline: Option<Arc<Gate>>,
    r#async: Option<Arc<Gate>>,
    blocking: Option<Arc<Gate>>,
    container: Option<Arc<Gate>>,
}

/// What the budgets of lanes and of the container are doing; `None` where one has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetStats {
    /// The inline lane's.
    pub inline: Option<GateStats>,
    /// The async lane's.
    pub r#async: Option<GateStats>,
    /// The blocking lane's.
    pub blocking: Option<GateStats>,
    /// The container's.
    pub container: Option<GateStats>,
    /// Peers that have connections; 0 where those are not limited.
    pub peers: usize,
    /// The memory for request bodies.
    pub bodies: BodyStats,
}

impl Shared {
    /// For these endpoints and their names, whose places are their indices.
    pub fn new<'a>(
        endpoints: impl Iterator<Item = (&'a Arc<str>, &'a Endpoint)>,
        context: Context,
        pool: BlockingPool,
        settings: Settings,
    ) -> Self {
        let wide_gates = WideGates::new(&settings.budgets, &pool);
        let patience = settings.budgets.patience;
        let named = |(name, endpoint): (&Arc<str>, &Endpoint)| {
            let policy = endpoint.policy();
            let own = Gate::new(Stage::Route, &policy.budget, patience, pool.clock());
            // What is critical depends on nobody else's load.
            let wide = (policy.priority != Priority::Critical)
                .then(|| wide_gates.of(policy.lane).into_iter().flatten());
            let gates = own.into_iter().chain(wide.into_iter().flatten());
            (name.clone(), Gates::new(gates))
        };
        let (names, gates): (Vec<_>, _) = endpoints.map(named).unzip();
        Shared {
            names: names.into(),
            gates,
            wide_gates,
            context,
            pool,
            deadlines: settings.deadlines,
            peers: settings.connections_per_peer.map(Peers::new),
            bodies: Bodies::new(settings.budgets.bodies),
        }
    }

    /// The endpoint whose index is this label's number, as the log has it.
    pub(super) fn name(&self, label: Label) -> &str {
        let name = label.number().and_then(|number| self.names.get(number));
        name.map_or("a request without a route", |name| name)
    }

    /// The threads of the blocking lane.
    pub fn pool(&self) -> &BlockingPool {
        &self.pool
    }

    /// Connections of each peer, where they are limited.
    pub fn peers(&self) -> Option<&Peers> {
        self.peers.as_ref()
    }

    /// The memory for request bodies.
    pub fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// What the gate of the endpoint with this index is doing; `None` where its route has no limit.
    pub fn route_gate(&self, index: usize) -> Option<GateStats> {
        self.gates.get(index)?.stats(Stage::Route)
    }

    /// What the gates that more than one route goes through are doing.
    pub fn budgets(&self) -> BudgetStats {
        let stats = |gate: &Option<Arc<Gate>>| gate.as_ref().map(|gate| gate.stats());
        let gates = &self.wide_gates;
        BudgetStats {
            inline: stats(&gates.inline),
            r#async: stats(&gates.r#async),
            blocking: stats(&gates.blocking),
            container: stats(&gates.container),
            peers: self.peers.as_ref().map_or(0, Peers::count),
            bodies: self.bodies.stats(),
        }
    }
}

impl WideGates {
    fn new(budgets: &Budgets, pool: &BlockingPool) -> Self {
        let gate = |stage, budget| Gate::new(stage, budget, budgets.patience, pool.clock());
        let lane = |lane| gate(Stage::Lane, budgets.lane(lane));
        WideGates {
            inline: lane(Lane::Inline),
            r#async: lane(Lane::Async),
            blocking: lane(Lane::Blocking),
            container: gate(Stage::Container, &budgets.container),
        }
    }

    /// Those that a request of this lane goes through, the narrower first.
    fn of(&self, lane: Lane) -> [Option<Arc<Gate>>; 2] {
        let gate = match lane {
            Lane::Inline => &self.inline,
            Lane::Async => &self.r#async,
            Lane::Blocking => &self.blocking,
        };
        [gate.clone(), self.container.clone()]
    }
}
