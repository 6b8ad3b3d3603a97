//! The container with the clients and proxies of the real world, over sockets of this machine.
//!
//! Each of them is a program of the system; where one is absent, its tests say `SKIPPED` and pass.

#[path = "clients/chromium.rs"]
mod chromium;
#[path = "clients/curl.rs"]
mod curl;
#[path = "clients/go.rs"]
mod go;
#[path = "clients/load.rs"]
mod load;
#[path = "clients/proxies.rs"]
mod proxies;
#[path = "clients/proxy.rs"]
mod proxy;
#[path = "clients/python.rs"]
mod python;

use std::future::pending;
use std::time::Duration;

use container::{Sse, SseEvent, local_body};

/// After how long a silence the stream of events is continued, which is when it is noticed that
/// nobody reads it any more.
const SILENCE: Duration = Duration::from_millis(50);

/// A stream of events that does not end after its first one.
fn one_event() -> Sse {
    let events = local_body(async |out| {
        out.send(SseEvent::new("something happened")).await?;
        pending().await
    });
    Sse::new(events).keep_alive(SILENCE)
}
