//! `/-/stats`: the snapshot as JSON.

use serde_json::{Value, json};

use super::health::{Subject, uncached};
use super::overload;
use super::snapshot::{NamedLane, Snapshot, WorkerSnapshot};
use crate::message::Response;
use crate::observe::{BOUNDS_US, Outcome, RouteStats, Times};
use crate::scheduler::{HeldThread, Holds, SlowRoute};

/// The answer.
pub(super) fn stats(Subject(handle): Subject) -> Response {
    let text = describe(&Snapshot::of(&handle)).to_string();
    uncached(Response::ok("application/json", text))
}

/// The snapshot. Times of handlers are in microseconds, all counters go on from the start: who
/// wants rates takes the difference of two.
pub(super) fn describe(snapshot: &Snapshot) -> Value {
    let connections = snapshot.connections();
    let (stats, pool) = (&snapshot.stats, &snapshot.pool);
    let mean_load = snapshot.mean_load();
    let routes = snapshot.routes.iter().zip(&snapshot.holds);
    json!({
        "phase": snapshot.phase.to_string(),
        "uptime_s": snapshot.uptime.as_secs_f64(),
        "served": stats.served,
        "cut": stats.cut,
        "log_lines_dropped": snapshot.dropped_lines,
        "connections": {
            "open": stats.connections,
            "idle": connections.idle,
            "in_head": connections.in_head,
            "handling": connections.handling,
            "transferring": connections.transferring,
            "accepted": stats.accepted,
            "refused": stats.refused,
            "refused_peers": stats.refused_peers,
            "displaced": stats.displaced,
            "peers": snapshot.peers,
        },
        "bodies": {
            "limit": snapshot.bodies.limit,
            "held": snapshot.bodies.held,
        },
        "detached": stats.detached,
        "restarts": stats.restarts,
        "holds": {
            "inline": stats.holds.inline,
            "async": stats.holds.r#async,
            "blocking": stats.holds.blocking,
            "other": stats.holds.other,
            "longest_us": stats.holds.longest.as_micros() as u64,
            "longest_blocking_us": stats.holds.longest_blocking.as_micros() as u64,
        },
        "budgets": snapshot.budgets.iter().map(overload::budget).collect::<Vec<_>>(),
        "lanes": snapshot.lanes().iter().map(lane).collect::<Vec<_>>(),
        "blocking_pool": {
            "threads": pool.threads,
            "idle": pool.idle,
            "queued": pool.queued,
            "overloaded": pool.is_overloaded,
        },
        "workers": snapshot.workers.iter().map(|one| worker(one, mean_load)).collect::<Vec<_>>(),
        "bounds_us": BOUNDS_US,
        "ran": times(&snapshot.ran()),
        "waited": times(&snapshot.waited()),
        "routes": routes.map(route).collect::<Vec<_>>(),
        "slow": snapshot.slow.iter().map(slow).collect::<Vec<_>>(),
    })
}

fn lane((name, _, lane): &NamedLane) -> Value {
    json!({
        "lane": name,
        "running": lane.running,
        "queued": lane.queued,
        "finished": lane.finished,
        "shed": lane.shed,
        "turned_away": overload::turned_away(lane),
        "timed_out": lane.timed_out,
        "cancelled": lane.cancelled,
        "panicked": lane.panicked,
    })
}

fn worker(worker: &WorkerSnapshot, mean_load: u64) -> Value {
    let stats = &worker.stats;
    json!({
        "connections": stats.connections,
        "in_flight": worker.in_flight,
        "served": stats.served,
        "busy_percent": stats.busy_percent,
        "load": stats.load(),
        "skew": worker.skew(mean_load),
        "turn_us": stats.turn.as_micros() as u64,
        "given": stats.given,
        "restarts": stats.restarts,
    })
}

fn route((route, holds): (&RouteStats, &Holds)) -> Value {
    let outcomes = Outcome::ALL.iter().zip(route.outcomes);
    let outcomes = outcomes.map(|(outcome, count)| (outcome.name().to_owned(), count.into()));
    json!({
        "route": &*route.name.template,
        "method": &*route.name.method,
        "lane": route.name.lane(),
        "outcomes": Value::Object(outcomes.collect()),
        "bytes": route.bytes,
        "ran": times(&route.ran),
        "waited": times(&route.waited),
        "holds": { "worker": holds.workers, "blocking": holds.blocking },
    })
}

fn slow(route: &SlowRoute) -> Value {
    json!({
        "route": &*route.route,
        "held": match route.thread {
            HeldThread::Worker => "a worker",
            HeldThread::Blocking => "a thread of the pool",
        },
        "holds": route.holds,
        "longest_us": route.longest.as_micros() as u64,
        "moved": route.is_moved,
    })
}

fn times(times: &Times) -> Value {
    let quantile = |share| times.quantile(share).map(|time| time.as_micros() as u64);
    json!({
        "count": times.count(),
        "sum_us": times.sum_us,
        "p50_us": quantile(0.5),
        "p90_us": quantile(0.9),
        "p99_us": quantile(0.99),
        "buckets": times.buckets,
    })
}
