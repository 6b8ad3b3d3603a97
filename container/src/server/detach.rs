//! `detach`: work that goes on after the answer, and that a drain waits for.

use std::future::Future;
use std::rc::Rc;

use super::worker::{Seat, SeatKind, Worker};

/// Runs `work` on the current worker after the handler has answered. A drain waits for it; what has
/// not ended by the end of the drain is cut and counted. It has no deadline and no client that could
/// go.
///
/// [`spawn_local`](crate::spawn_local) is for tasks that nobody needs to wait for.
///
/// ```
/// use container::{Router, detach, sleep, testing::Server};
/// use std::time::Duration;
///
/// async fn order() -> &'static str {
///     let notify = async { sleep(Duration::from_secs(1)).await };
///     if let Err(notify) = detach(notify) {
///         // As much goes on already as the server takes: so before the answer.
///         notify.await;
///     }
///     "ordered"
/// }
///
/// let server = Server::new(Router::new().post("/orders", order));
/// let answer = server.exchange("POST /orders HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert!(answer.ends_with("ordered"));
/// assert_eq!(server.stats().detached, 1);
/// ```
///
/// # Errors
/// With the work itself, when [`Config::detached`](crate::Config::detached) of them have not ended.
///
/// # Panics
/// Outside a worker's thread, such as on one of the blocking pool.
pub fn detach<F: Future<Output = ()> + 'static>(work: F) -> Result<(), F> {
    let worker = Worker::current().expect("detach belongs on a worker of a container");
    let counters = &worker.counters;
    let running = counters.detached.read() - counters.detached_ended.read();
    if running >= worker.config.detached as u64 {
        return Err(work);
    }
    let detached = Detached::new(&worker);
    worker.reactor.spawn_detached(Box::pin(async move {
        work.await;
        drop(detached);
    }));
    Ok(())
}

/// A detached future's seat and its count.
struct Detached {
    seat: Seat,
}

impl Detached {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.counters.detached.add(1);
        Detached {
            seat: worker.sit(SeatKind::Detached),
        }
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        self.seat.worker().counters.detached_ended.add(1);
    }
}
