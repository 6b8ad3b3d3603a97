//! `SharedGate`: a budget for a part of what several routes do. Must not know what the part is.

use std::sync::{Arc, OnceLock};

use super::admission::{Admission, Gates, Permits};
use super::gate::{Gate, GateStats};
use super::queue::Ticket;
use super::shed::Stage;
use super::turned_away;
use crate::handler::{Budget, Patience, Priority, Problem};
use crate::reactor::{self, Deadline};

/// A budget that handlers of several routes, on all workers, go through for a part of what they do:
/// so many at once, so many more wait, and not for ever. Clones are the same gate.
///
/// A budget that a whole route has is better written into the routing table:
/// [`Handler::concurrency`](crate::Handler::concurrency).
///
/// ```
/// use container::extract::State;
/// use container::handler::Patience;
/// use container::scheduler::SharedGate;
/// use container::testing::Server;
/// use container::{Problem, Router, spawn_blocking};
///
/// async fn hash(State(gate): State<SharedGate>) -> Result<&'static str, Problem> {
///     let permit = gate.enter().await?;
///     // The thread holds the permit, even when nobody waits for it any more.
///     let hashed = spawn_blocking(move || { let _permit = permit; "hashed" }).await;
///     Ok(hashed.expect("the pool has room").expect("it does not panic"))
/// }
///
/// let gate = SharedGate::new(1, 16, Patience::default());
/// let server = Server::new(Router::new().get("/", hash).post("/", hash).state(gate));
/// assert!(server.exchange("POST / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("hashed"));
/// ```
#[derive(Clone)]
pub struct SharedGate {
    shared: Arc<Shared>,
}

struct Shared {
    budget: Budget,
    patience: Patience,
    /// There from the first use on: a gate needs the clock of its workers.
    gates: OnceLock<Gates>,
}

/// The right to be inside a [`SharedGate`], on any thread; dropping it lets the next one in.
#[must_use = "dropping it gives it back"]
pub struct SharedPermit {
    permits: Permits,
}

impl SharedGate {
    /// At most `concurrency` inside, and `queue` more that wait with this patience.
    ///
    /// # Panics
    /// When `concurrency` is 0: nobody could ever get in.
    pub fn new(concurrency: usize, queue: usize, patience: Patience) -> Self {
        let mut budget = Budget::default();
        budget.limit(concurrency);
        budget.queue = queue;
        SharedGate {
            shared: Arc::new(Shared {
                budget,
                patience,
                gates: OnceLock::new(),
            }),
        }
    }

    /// Waits to be let in, at most as long as the request may take. Dropping the future leaves the
    /// queue.
    ///
    /// # Errors
    /// With a 503 that says when to try again, when there is no room or the wait is too long.
    pub async fn enter(&self) -> Result<SharedPermit, Problem> {
        let ticket = Ticket::new(Priority::Normal, Deadline::current().at());
        let mut admission = self.gates().enter(ticket);
        loop {
            match admission {
                Admission::In(permits) => return Ok(SharedPermit { permits }),
                Admission::Wait(entering) => admission = entering.wait().await,
                Admission::Shed(shed) => return Err(turned_away(shed)),
            }
        }
    }

    /// What it is doing; `None` before anybody has used it.
    pub fn stats(&self) -> Option<GateStats> {
        self.shared.gates.get()?.stats(Stage::Route)
    }

    fn gates(&self) -> &Gates {
        let Shared {
            budget,
            patience,
            gates,
        } = &*self.shared;
        let clock = reactor::clock;
        gates.get_or_init(|| Gates::new(Gate::new(Stage::Route, budget, *patience, &clock())))
    }
}

impl Drop for SharedPermit {
    fn drop(&mut self) {
        // Whoever has one decides when the work is done.
        std::mem::take(&mut self.permits).complete();
    }
}
