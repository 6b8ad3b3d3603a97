//! Overload, as text and as JSON: how full the budgets are, and who was turned away, where and why.

use serde_json::{Value, json};

use super::exposition::{Exposition, Kind};
use super::snapshot::{NamedBudget, Snapshot};
use crate::scheduler::{GateStats, LaneStats};

/// What is told of a budget: the metric, what it means, and the number.
type BudgetMetric = (&'static str, &'static str, fn(&GateStats) -> usize);

const BUDGET_METRICS: [BudgetMetric; 4] = [
    (
        "container_budget_limit",
        "How many requests a budget lets in at once; an adaptive one moves.",
        |gate| gate.limit,
    ),
    (
        "container_budget_inside",
        "Requests that a budget has let in.",
        |gate| gate.inside,
    ),
    (
        "container_budget_waiting",
        "Requests that wait at a budget.",
        |gate| gate.waiting,
    ),
    (
        "container_budget_overloaded",
        "1 where a budget's queue serves the newest first, since it waits too long.",
        |gate| usize::from(gate.is_overloaded),
    ),
];

/// The metrics.
pub(super) fn expose(text: &mut Exposition, snapshot: &Snapshot) {
    let away = "Requests turned away before they reached their handlers, by where and why.";
    text.metric("container_requests_turned_away_total", Kind::Counter, away);
    for (lane, _, stats) in snapshot.lanes() {
        for (stage, reason, count) in stats.turned_away.iter() {
            let (stage, reason) = (("stage", stage.name()), ("reason", reason.name()));
            text.sample(&[("lane", lane), stage, reason], count);
        }
    }
    for (name, help, number) in BUDGET_METRICS {
        text.metric(name, Kind::Gauge, help);
        for budget in &snapshot.budgets {
            let labels = [("stage", budget.stage.name()), ("budget", &*budget.name)];
            text.sample(&labels, number(&budget.stats));
        }
    }
    let pool = "1 where the blocking pool serves the newest first, since its queue waits too long.";
    text.metric("container_blocking_overloaded", Kind::Gauge, pool)
        .sample(&[], u64::from(snapshot.pool.is_overloaded));
    let limit = "How many bytes of request bodies may be held for handlers.";
    text.metric("container_bodies_limit_bytes", Kind::Gauge, limit)
        .sample(&[], snapshot.bodies.limit);
    let held = "Bytes of request bodies that are held for handlers.";
    text.metric("container_bodies_held_bytes", Kind::Gauge, held)
        .sample(&[], snapshot.bodies.held);
    let peers = "Peers that have connections; 0 where those are not limited.";
    text.metric("container_peers", Kind::Gauge, peers)
        .sample(&[], snapshot.peers);
}

/// A budget.
pub(super) fn budget(budget: &NamedBudget) -> Value {
    let gate = &budget.stats;
    json!({
        "stage": budget.stage.name(),
        "budget": budget.name,
        "limit": gate.limit,
        "inside": gate.inside,
        "waiting": gate.waiting,
        "overloaded": gate.is_overloaded,
    })
}

/// Those of a lane who were turned away: only where and why that ever was.
pub(super) fn turned_away(lane: &LaneStats) -> Value {
    let counts = lane.turned_away.iter().filter(|(.., count)| *count > 0);
    counts
        .map(|(stage, reason, count)| {
            json!({ "stage": stage.name(), "reason": reason.name(), "count": count })
        })
        .collect()
}
