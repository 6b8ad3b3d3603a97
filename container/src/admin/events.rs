//! `/-/events`: the snapshot each second, as server-sent events.

use std::time::Duration;

use super::health::Subject;
use super::snapshot::Snapshot;
use super::stats::describe;
use crate::handler::{Sse, SseEvent};
use crate::reactor::sleep;
use crate::scheduler::local_body;

/// How often a snapshot is sent: as often as a person can read it.
const INTERVAL: Duration = Duration::from_secs(1);

/// The answer; it ends when its reader goes, or the container that serves it drains.
pub(super) async fn events(Subject(handle): Subject) -> Sse {
    Sse::new(local_body(async move |out| {
        loop {
            out.send(SseEvent::new(describe(&Snapshot::of(&handle))))
                .await?;
            sleep(INTERVAL).await;
        }
    }))
}
