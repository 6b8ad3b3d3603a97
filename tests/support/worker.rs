//! Work that belongs on a worker, without a container.

use container::reactor::{Clock, Reactor};
use container::scheduler::{BlockingConfig, BlockingPool};

/// Runs what belongs on a worker, to its end.
///
/// # Panics
/// When the system has no event queue.
pub fn on_worker<T>(work: impl Future<Output = T>) -> T {
    let pool = BlockingPool::new(BlockingConfig::default());
    pool.enter();
    let reactor = Reactor::new(Clock::real()).expect("the system has an event queue");
    let result = reactor.block_on(work).expect("it runs");
    pool.close();
    result
}
