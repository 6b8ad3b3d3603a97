//! Background work: what a container does beside its requests, for as long as it runs.

use std::rc::Rc;
use std::time::Duration;

use super::worker::{SeatKind, Worker};
use crate::handler::{CatchPanic, Context};
use crate::reactor::timeout;
use crate::router::{Hook, Routes};
use crate::scheduler::Phase;

/// How long work that has failed is let rest: what fails all the time costs next to nothing, and
/// fills no log.
const PAUSE: Duration = Duration::from_secs(1);

/// Begins all background work on this worker. Each holds a seat, so that a drain waits for it.
pub(crate) fn begin(worker: &Rc<Worker>, routes: &Routes) {
    for work in routes.background() {
        let (work, context) = (work.clone(), routes.context().clone());
        let seat = worker.sit(SeatKind::Background);
        worker.reactor.spawn_detached(Box::pin(async move {
            run(seat.worker(), &work, &context).await;
            drop(seat);
        }));
    }
}

/// Runs it to its end: anew when it fails, but not in a drain.
async fn run(worker: &Worker, work: &Hook, context: &Context) {
    while worker.phase() < Phase::Draining {
        // The call that makes the future may panic too.
        let attempt = async { work.run(context.clone()).await };
        let fault = match CatchPanic::new(Box::pin(attempt)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => format!("it panicked: {}", panicked.message),
        };
        log::error!("background work failed: {fault}");
        let drained = worker.lifecycle.reached(Phase::Draining);
        // Either way the loop looks at the phase.
        let _ = timeout(PAUSE, drained).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::testing::Server;
    use crate::{Router, draining, sleep};

    use super::*;

    /// A server whose background work counts its beginnings and does `then`.
    fn check<U>(
        then: impl Fn(usize) -> U + Copy + Send + Sync + 'static,
    ) -> (Server, impl Fn() -> usize)
    where
        U: Future<Output = Result<(), &'static str>> + 'static,
    {
        let begun = Arc::new(AtomicUsize::new(0));
        let count = begun.clone();
        let router = Router::new()
            .background(move |_context| then(count.fetch_add(1, Ordering::Relaxed) + 1));
        let server = Server::new(Router::new().nest("/inner", router));
        server.run();
        (server, move || begun.load(Ordering::Relaxed))
    }

    #[test]
    fn work_that_ends_is_not_begun_again() {
        let (server, begun) = check(async |_| Ok(()));
        server.advance(PAUSE * 3);
        assert_eq!((begun(), server.tasks()), (1, 0));
    }

    #[test]
    fn work_that_fails_or_panics_is_begun_again_after_a_pause() {
        let (server, begun) = check(async |time| match time {
            1 => Err("no luck"),
            2 => panic!("in the work"),
            _ => Ok(()),
        });
        assert_eq!(begun(), 1);
        server.advance(PAUSE - Duration::from_millis(1));
        assert_eq!(begun(), 1);
        server.advance(Duration::from_millis(1));
        assert_eq!(begun(), 2);
        server.advance(PAUSE * 3);
        assert_eq!((begun(), server.tasks()), (3, 0));
    }

    #[test]
    fn a_drain_waits_for_its_end_and_begins_nothing_anew() {
        let (server, begun) = check(async |_| {
            draining().await;
            sleep(PAUSE).await;
            Err("too late")
        });
        server.drain();
        assert_eq!(server.tasks(), 2, "the work, and the end that waits for it");
        server.advance(PAUSE);
        assert_eq!((begun(), server.tasks()), (1, 0));
    }
}
