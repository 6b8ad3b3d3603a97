//! Seeing what a container does: the access log, and what is counted by route.
//!
//! | file | is |
//! |---|---|
//! | `config` | what is observed |
//! | `observer` | a container's [`Observation`], and each worker's part of it |
//! | `record` | what is known of one request while it is being dealt with |
//! | `access_log`, `entry`, `formats` | a line for each request, in three formats |
//! | `line_queue`, `line_sink` | lines on their way to where they are written |
//! | `text`, `timestamp` | the pieces that lines are made of |
//! | `metrics`, `histogram` | what is counted by route, without locked instructions |
//! | `server_timing` | answers that say how long they took |
//!
//! Nothing here knows a connection, and nothing here looks at the monotonic clock while requests
//! are served: who observes is told the time. What all of it costs a request: two looks at the
//! clock, eight counters, and a copy of its line.

mod access_log;
mod config;
mod entry;
mod formats;
mod histogram;
mod line_queue;
mod line_sink;
mod metrics;
mod observer;
mod record;
mod server_timing;
mod text;
mod timestamp;

pub use access_log::{AccessLog, Format};
pub use config::{Config, Metrics, RequestIds, ServerTiming, Traces};
pub use histogram::{BOUNDS_US, Histogram, Times};
pub use line_queue::{LineQueue, LineWriter, Notice, Worth};
pub use metrics::{Outcome, RouteName, RouteStats, WorkerMetrics};
pub use observer::{Observation, Observer};
pub use record::Record;
pub use server_timing::server_timing;
