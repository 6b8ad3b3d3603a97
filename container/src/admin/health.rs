//! Whether a container lives, and whether it wants traffic.

use std::convert::Infallible;
use std::time::Duration;

use http::HeaderValue;

use crate::extract::Rejection;
use crate::handler::{Context, FromHead};
use crate::message::{Request, Response, StatusCode, header};
use crate::scheduler::Phase;
use crate::server::{Handle, WorkerStats};

/// How long all workers may be held before it counts as death: many times what the watchdog names,
/// since who asks may end the process for it, and what returns within seconds is better left alone.
const HELD_MAX: Duration = Duration::from_secs(5);

/// The container that is watched, where it is not the one that serves; as a state.
#[derive(Clone)]
pub(super) struct Watched(pub(super) Handle);

/// The container that is watched, as an argument: the state, else the one that serves.
pub(super) struct Subject(pub(super) Handle);

/// Whether anybody serves in the container that is watched, as an argument; the best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// A worker does.
    Served,
    /// All workers are held, by turns that have lasted too long.
    Held,
    /// .. and have been for [`HELD_MAX`].
    Stuck,
    /// All workers have died or ended.
    Dead,
}

impl FromHead for Subject {
    type Rejection = Rejection;

    fn from_head(request: &Request, context: &Context) -> Result<Self, Rejection> {
        match context.state::<Watched>() {
            Some(Watched(handle)) => Ok(Subject(handle.clone())),
            None => Handle::from_head(request, context).map(Subject),
        }
    }
}

impl FromHead for Service {
    type Rejection = Infallible;

    fn from_head(_request: &Request, context: &Context) -> Result<Self, Infallible> {
        Ok(match context.state::<Watched>() {
            Some(Watched(handle)) => Service::of(&handle.workers()),
            // The worker that answers does.
            None => Service::Served,
        })
    }
}

impl Service {
    /// What the best of these workers does.
    fn of(workers: &[WorkerStats]) -> Service {
        let services = workers.iter().map(Service::of_worker);
        services.min().unwrap_or(Service::Dead)
    }

    fn of_worker(worker: &WorkerStats) -> Service {
        if worker.is_gone {
            Service::Dead
        } else if worker.turn >= HELD_MAX {
            Service::Stuck
        } else if worker.is_held {
            Service::Held
        } else {
            Service::Served
        }
    }

    /// In a few words.
    fn describe(self) -> &'static str {
        match self {
            Service::Served => "alive",
            Service::Held | Service::Stuck => "all workers are held",
            Service::Dead => "no worker lives",
        }
    }
}

/// 200 as long as a worker serves, or will when a turn of some seconds is over; else 503.
pub(super) fn live(service: Service) -> Response {
    say(service <= Service::Held, service.describe())
}

/// 200 when the container wants traffic and a worker serves, else 503; and its phase, or what keeps
/// it from serving.
pub(super) fn ready(Subject(handle): Subject, service: Service) -> Response {
    // Read once: the answer must not contradict itself.
    let phase = handle.phase();
    if phase == Phase::Running && service != Service::Served {
        return say(false, service.describe());
    }
    say(phase == Phase::Running, &phase.to_string())
}

fn say(is_well: bool, text: &str) -> Response {
    let status = if is_well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let answer = Response::ok("text/plain; charset=utf-8", format!("{text}\n"));
    uncached(answer.with_status(status))
}

/// The same, not to be kept by anybody: it is true only now.
pub(super) fn uncached(response: Response) -> Response {
    response.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker whose present turn has lasted so many milliseconds; `None`: one that is gone.
    fn worker(turn: Option<u64>) -> WorkerStats {
        let turn = turn.map(Duration::from_millis);
        WorkerStats {
            connections: 0,
            requests: 0,
            busy_percent: 0,
            turn: turn.unwrap_or_default(),
            is_held: turn >= Some(Duration::from_millis(100)),
            is_gone: turn.is_none(),
            served: 0,
            given: 0,
            restarts: 0,
        }
    }

    #[test]
    fn a_container_is_as_well_as_the_best_of_its_workers() {
        let check = |turns: &[Option<u64>], expected: Service, is_live: bool| {
            let workers: Vec<_> = turns.iter().copied().map(worker).collect();
            let service = Service::of(&workers);
            assert_eq!(service, expected, "{turns:?}");
            let status = live(service).status();
            assert_eq!(status == StatusCode::OK, is_live, "{turns:?}");
        };
        check(&[Some(0)], Service::Served, true);
        check(&[Some(99)], Service::Served, true);
        check(&[Some(100)], Service::Held, true);
        check(&[Some(4_999)], Service::Held, true);
        check(&[Some(5_000)], Service::Stuck, false);
        check(&[None], Service::Dead, false);
        check(&[Some(60_000), Some(0)], Service::Served, true);
        check(&[None, Some(0)], Service::Served, true);
        check(&[None, Some(100)], Service::Held, true);
        check(&[None, Some(60_000)], Service::Stuck, false);
        check(&[], Service::Dead, false);
    }
}
