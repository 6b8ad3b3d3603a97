//! `/-/metrics`: what is told to Prometheus.

use super::exposition::{Exposition, Kind, MEDIA_TYPE};
use super::health::{Subject, uncached};
use super::overload;
use super::snapshot::{NamedLane, Snapshot, WorkerSnapshot};
use crate::message::Response;
use crate::observe::{Outcome, RouteStats};
use crate::scheduler::{Holds, LaneStats, Phase};

/// What is told of a lane: the metric, its kind, what it means, and the number.
type LaneMetric = (&'static str, Kind, &'static str, fn(&LaneStats) -> u64);

const LANE_METRICS: [LaneMetric; 7] = [
    (
        "container_handlers_running",
        Kind::Gauge,
        "Handlers that run now.",
        |lane| lane.running,
    ),
    (
        "container_requests_queued",
        Kind::Gauge,
        "Requests that wait now, for a permit or for a thread.",
        |lane| lane.queued,
    ),
    (
        "container_handlers_finished_total",
        Kind::Counter,
        "Handlers that have ended, in whatever way, be it that their arguments could not be made.",
        |lane| lane.finished,
    ),
    (
        "container_requests_shed_total",
        Kind::Counter,
        "Requests refused for want of room.",
        |lane| lane.shed,
    ),
    (
        "container_requests_timed_out_total",
        Kind::Counter,
        "Requests whose deadline passed.",
        |lane| lane.timed_out,
    ),
    (
        "container_requests_cancelled_total",
        Kind::Counter,
        "Requests whose client went before the answer.",
        |lane| lane.cancelled,
    ),
    (
        "container_handlers_panicked_total",
        Kind::Counter,
        "Handlers that panicked.",
        |lane| lane.panicked,
    ),
];

/// What is told of a worker, as of a lane.
type WorkerMetric = (&'static str, Kind, &'static str, fn(&WorkerSnapshot) -> u64);

const WORKER_METRICS: [WorkerMetric; 7] = [
    (
        "container_worker_connections",
        Kind::Gauge,
        "Open connections of a worker.",
        |worker| worker.stats.connections,
    ),
    (
        "container_worker_requests_in_flight",
        Kind::Gauge,
        "Requests that a worker is dealing with.",
        |worker| worker.in_flight,
    ),
    (
        "container_worker_busy_percent",
        Kind::Gauge,
        "The share of the time in which a worker was busy, as last measured.",
        |worker| worker.stats.busy_percent,
    ),
    (
        "container_worker_load",
        Kind::Gauge,
        "Requests in handlers or waiting for them, and the busy per cent: who has less gets more.",
        |worker| worker.stats.load(),
    ),
    (
        "container_worker_answers_total",
        Kind::Counter,
        "Requests that a worker answered.",
        |worker| worker.stats.served,
    ),
    (
        "container_worker_connections_given_total",
        Kind::Counter,
        "Connections that a worker accepted and gave to others with less to do.",
        |worker| worker.stats.given,
    ),
    (
        "container_worker_restarts_total",
        Kind::Counter,
        "How often a worker was replaced because it had died.",
        |worker| worker.stats.restarts,
    ),
];

/// The answer.
pub(super) fn metrics(Subject(handle): Subject) -> Response {
    let text = expose(&Snapshot::of(&handle));
    uncached(Response::ok(MEDIA_TYPE, text))
}

fn expose(snapshot: &Snapshot) -> String {
    let mut text = Exposition::new();
    life(&mut text, snapshot);
    connections(&mut text, snapshot);
    lanes(&mut text, &snapshot.lanes());
    overload::expose(&mut text, snapshot);
    pool(&mut text, snapshot);
    workers(&mut text, snapshot);
    holds(&mut text, snapshot);
    routes(&mut text, &snapshot.routes);
    text.finish()
}

fn life(text: &mut Exposition, snapshot: &Snapshot) {
    text.metric(
        "container_phase",
        Kind::Gauge,
        "1 for the phase that the container is in.",
    );
    for phase in Phase::ALL {
        let name = phase.to_string();
        text.sample(&[("phase", &name)], u64::from(phase == snapshot.phase));
    }
    text.metric(
        "container_uptime_seconds",
        Kind::Gauge,
        "Since the container was made.",
    )
    .seconds(&[], snapshot.uptime);
    let dropped = "Lines of the log, of requests and others, that were dropped: not taken in time, or refused.";
    text.metric("container_log_lines_dropped_total", Kind::Counter, dropped)
        .sample(&[], snapshot.dropped_lines);
}

fn connections(text: &mut Exposition, snapshot: &Snapshot) {
    let connections = snapshot.connections();
    text.metric(
        "container_connections",
        Kind::Gauge,
        "Open connections by what happens on them.",
    )
    .sample(&[("state", "idle")], connections.idle)
    .sample(&[("state", "in_head")], connections.in_head)
    .sample(&[("state", "handling")], connections.handling)
    .sample(&[("state", "transferring")], connections.transferring);
    let stats = &snapshot.stats;
    let accepted = "Connections accepted, those that were refused not counted.";
    text.metric(
        "container_connections_accepted_total",
        Kind::Counter,
        accepted,
    )
    .sample(&[], stats.accepted);
    let refused = "Connections refused: the worker was full, or their peer had as many as it may.";
    text.metric(
        "container_connections_refused_total",
        Kind::Counter,
        refused,
    )
    .sample(
        &[("by", "worker")],
        stats.refused.saturating_sub(stats.refused_peers),
    )
    .sample(&[("by", "peer")], stats.refused_peers);
    let displaced = "Connections closed to make room for new ones: idle, or with half a head.";
    text.metric(
        "container_connections_displaced_total",
        Kind::Counter,
        displaced,
    )
    .sample(&[], stats.displaced);
    text.metric(
        "container_answers_total",
        Kind::Counter,
        "Requests answered.",
    )
    .sample(&[], stats.served);
    let cut = "Requests cut off: by the end of the drain, or with a worker that died.";
    text.metric("container_requests_cut_total", Kind::Counter, cut)
        .sample(&[], stats.cut);
    let detached = "Work given to `detach` that has not ended.";
    text.metric("container_detached_running", Kind::Gauge, detached)
        .sample(&[], stats.detached);
}

fn lanes(text: &mut Exposition, lanes: &[NamedLane]) {
    for (name, kind, help, number) in LANE_METRICS {
        text.metric(name, kind, help);
        for (lane, _, stats) in lanes {
            text.sample(&[("lane", lane)], number(stats));
        }
    }
}

fn pool(text: &mut Exposition, snapshot: &Snapshot) {
    let pool = &snapshot.pool;
    text.metric(
        "container_blocking_threads",
        Kind::Gauge,
        "Threads of the blocking pool.",
    )
    .sample(
        &[("state", "busy")],
        (pool.threads - pool.idle.min(pool.threads)) as u64,
    )
    .sample(&[("state", "idle")], pool.idle as u64);
    let queued =
        "Work that waits for a thread of the blocking pool, handlers' and what they give it.";
    text.metric("container_blocking_queued", Kind::Gauge, queued)
        .sample(&[], pool.queued as u64);
}

fn workers(text: &mut Exposition, snapshot: &Snapshot) {
    for (name, kind, help, number) in WORKER_METRICS {
        text.metric(name, kind, help);
        for (index, worker) in snapshot.workers.iter().enumerate() {
            let index = index.to_string();
            text.sample(&[("worker", &index)], number(worker));
        }
    }
    let skew = "How far a worker's load is above the mean, or, negative, below it.";
    text.metric("container_worker_load_skew", Kind::Gauge, skew);
    let mean = snapshot.mean_load();
    for (index, worker) in snapshot.workers.iter().enumerate() {
        text.sample(&[("worker", &index.to_string())], worker.skew(mean));
    }
}

fn holds(text: &mut Exposition, snapshot: &Snapshot) {
    let held = "How often a thread was held too long, and by which route; `background` is none.";
    text.metric("container_holds_total", Kind::Counter, held);
    for (route, holds) in snapshot.routes.iter().zip(&snapshot.holds) {
        held_by(text, labels(route), holds);
    }
    let background = [("route", "background"), ("method", "-"), ("lane", "-")];
    held_by(text, background, &snapshot.background_holds);
    let holds = &snapshot.stats.holds;
    let longest = "The longest hold of a thread so far.";
    text.metric("container_longest_hold_seconds", Kind::Gauge, longest)
        .seconds(&[("thread", "worker")], holds.longest)
        .seconds(&[("thread", "blocking")], holds.longest_blocking);
}

fn held_by(text: &mut Exposition, [route, method, lane]: [(&str, &str); 3], holds: &Holds) {
    for (thread, count) in [("worker", holds.workers), ("blocking", holds.blocking)] {
        text.sample(&[route, method, lane, ("thread", thread)], count);
    }
}

fn routes(text: &mut Exposition, routes: &[RouteStats]) {
    let requests =
        "Requests that have ended: by the class of their status, gone (the client went) or cut.";
    text.metric("container_requests_total", Kind::Counter, requests);
    for route in routes {
        for (outcome, count) in Outcome::ALL.iter().zip(route.outcomes) {
            let [template, method, lane] = labels(route);
            let status = ("status", outcome.name());
            text.sample(&[template, method, lane, status], count);
        }
    }
    let bytes = "Bytes of the bodies of answers.";
    text.metric("container_answer_bytes_total", Kind::Counter, bytes);
    for route in routes {
        text.sample(&labels(route), route.bytes);
    }
    let waited = "How long requests waited for a permit or a thread.";
    text.metric("container_request_waited_seconds", Kind::Histogram, waited);
    for route in routes {
        text.times(&labels(route), &route.waited);
    }
    text.metric(
        "container_request_ran_seconds",
        Kind::Histogram,
        "How long handlers ran; those that never began are not among them.",
    );
    for route in routes {
        text.times(&labels(route), &route.ran);
    }
}

fn labels(route: &RouteStats) -> [(&'static str, &str); 3] {
    [
        ("route", &route.name.template),
        ("method", &route.name.method),
        ("lane", route.name.lane()),
    ]
}
