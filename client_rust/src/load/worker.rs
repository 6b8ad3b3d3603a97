//! One thread of the load: a reactor, its share of the connections, and what they share.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use container::reactor::{self, Clock, Reactor};

use super::link::Link;
use super::plan::{Plan, share};
use super::supply::{Batch, Supply};
use super::tally::Tally;
use crate::failure::Failure;

/// Bytes read at once: many pipelined answers, or a good piece of a large one.
const READ_BUFFER: usize = 64 << 10;

/// A connection whose server is gone stops here, and not after its timeout times its requests.
const FAILURES_IN_ROW_MAX: u32 = 100;

/// What the connections of a thread share.
pub(super) struct Worker {
    /// What to do.
    pub(super) plan: Arc<Plan>,
    /// What was seen.
    pub(super) tally: RefCell<Tally>,
    /// Whatever is read is read into this; what is left of it is copied by its connection.
    pub(super) buffer: RefCell<Vec<u8>>,
    /// What is to be sent next.
    supply: Supply,
    /// Whatever was begun before this is not counted.
    counted_from: Instant,
    /// Connections that have not given up.
    active: Cell<u64>,
    /// Requests done by all workers, for the progress bar.
    done: Arc<AtomicU64>,
}

/// Runs the share of worker `index` to its end.
pub(super) fn run(
    plan: Arc<Plan>,
    index: u32,
    start: Instant,
    done: Arc<AtomicU64>,
) -> io::Result<Tally> {
    let connections = share(plan.connections.into(), index, plan.workers);
    let worker = Rc::new(Worker {
        tally: RefCell::new(Tally::new()),
        buffer: RefCell::new(vec![0; READ_BUFFER]),
        supply: Supply::new(&plan, index, start),
        counted_from: start + plan.warm_up,
        active: Cell::new(connections),
        done,
        plan,
    });
    Reactor::new(Clock::real())?.block_on(async {
        let spawn = |_| reactor::spawn_local(Rc::clone(&worker).run_connection());
        let tasks: Vec<_> = (0..connections).map(spawn).collect();
        for task in tasks {
            // A task that panicked has said so; the workers' count will not add up.
            task.await
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
        io::Result::Ok(())
    })??;
    let mut tally = worker.tally.replace(Tally::new());
    tally.finish();
    Ok(tally)
}

impl Worker {
    /// Sends batches over one connection at a time until none is left.
    async fn run_connection(self: Rc<Self>) {
        let mut link = None;
        let mut failures_in_row = 0;
        let mut now = Instant::now();
        while let Some(batch) = self.supply.next(now).await {
            match self.run_batch(&mut link, batch).await {
                Ok(()) => failures_in_row = 0,
                Err(_) => failures_in_row += 1,
            }
            self.done.fetch_add(batch.count.into(), Ordering::Relaxed);
            if failures_in_row == FAILURES_IN_ROW_MAX {
                self.give_up();
                return;
            }
            // The end of one batch is the start of the next: one look at the clock for both.
            now = link.as_ref().map_or_else(Instant::now, Link::finished);
        }
    }

    /// Sends one batch and counts what became of it, on the connection there is or on a new one.
    async fn run_batch(&self, link: &mut Option<Link>, batch: Batch) -> Result<(), Failure> {
        let mut answered = 0;
        let outcome = self.try_batch(link, batch, &mut answered).await;
        if let Err(failure) = outcome {
            let unanswered = u64::from(batch.count - answered);
            self.tally.borrow_mut().failed(failure, unanswered);
        }
        drop_unusable(link);
        outcome
    }

    async fn try_batch(
        &self,
        link: &mut Option<Link>,
        batch: Batch,
        answered: &mut u32,
    ) -> Result<(), Failure> {
        let deadline = reactor::now() + self.plan.timeout;
        // Where a batch had to wait until it was due, the server may have closed meanwhile.
        drop_unusable(link);
        let link = match link {
            Some(link) => link,
            None => {
                let made = Link::connect(self.plan.address, deadline).await?;
                self.tally.borrow_mut().connected += 1;
                link.insert(made)
            }
        };
        link.exchange(self, batch, deadline, answered).await
    }

    /// Counts the answer to one request of a batch.
    pub(super) fn answered(&self, batch: Batch, status: u16, finished: Instant) {
        let latency = finished.saturating_duration_since(batch.start);
        let counted = batch.start >= self.counted_from;
        self.tally.borrow_mut().answered(status, latency, counted);
    }

    /// One connection stops for good: its part of what is left is not sent. The last one to stop
    /// takes all that is left.
    fn give_up(&self) {
        let active = self.active.get();
        self.active.set(active - 1);
        if active == 1 && self.plan.total.is_some() {
            let unsent = self.supply.give_up(u64::MAX);
            self.tally.borrow_mut().failed(Failure::NotSent, unsent);
            self.done.fetch_add(unsent, Ordering::Relaxed);
        }
    }
}

fn drop_unusable(link: &mut Option<Link>) {
    if !link.as_ref().is_some_and(Link::is_reusable) {
        *link = None;
    }
}
