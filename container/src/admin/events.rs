//! `/-/events`: the snapshot each second, as server-sent events.

use std::time::Duration;

use super::health::Subject;
use super::snapshot::Snapshot;
use super::stats::describe;
use crate::extract::State;
use crate::handler::{Patience, Problem, Sse, SseEvent};
use crate::reactor::sleep;
use crate::scheduler::{SharedGate, local_body};

/// How often a snapshot is sent: as often as a person can read it.
const INTERVAL: Duration = Duration::from_secs(1);

/// Who may read at once: each keeps a connection for as long as a page is open, and health and
/// metrics are asked for at the same address.
const READERS_MAX: usize = 32;

/// Those who read, as a state.
#[derive(Clone)]
pub(super) struct Readers(SharedGate);

impl Readers {
    /// Nobody yet; who finds no place is to ask again, and does not wait.
    pub(super) fn new() -> Self {
        Readers(SharedGate::new(READERS_MAX, 0, Patience::default()))
    }
}

/// The answer; it ends when its reader goes, or the container that serves it drains. 503 where
/// [`READERS_MAX`] read.
pub(super) async fn events(
    Subject(handle): Subject,
    State(Readers(gate)): State<Readers>,
) -> Result<Sse, Problem> {
    let place = gate.enter().await?;
    Ok(Sse::new(local_body(async move |out| {
        let _place = place;
        loop {
            out.send(SseEvent::new(describe(&Snapshot::of(&handle))))
                .await?;
            sleep(INTERVAL).await;
        }
    })))
}
