//! The server: joins the protocol, the scheduler and the sockets.
//!
//! | file | is |
//! |---|---|
//! | `builder` | what a container is made from |
//! | `container` | a running container: its threads, from start to report |
//! | `thread` | a worker's thread, and one worker on it after another |
//! | `worker`, `date` | what the connections of one thread share; the Date field |
//! | `keeper` | the end of a container, phase by phase, each with its deadline |
//! | `wind_up` | what a worker does in each of them |
//! | `listeners` | the sockets it listens at, also for successors |
//! | `acceptor`, `spread` | where connections come from, and who gets them |
//! | `relief` | who takes those of a worker that is away |
//! | `descriptors` | how many connections there are descriptors for |
//! | `entrance`, `displacing` | whether a new connection gets in; who makes room for it |
//! | `connection` | one connection |
//! | `service` | from a request to a reply |
//! | `detach`, `background` | work that goes on after the answer; work beside all requests |
//! | `handle`, `signal` | how a container is stopped |

mod acceptor;
pub(crate) mod background;
mod builder;
pub(crate) mod connection;
mod container;
mod date;
mod descriptors;
mod detach;
mod displacing;
pub(crate) mod entrance;
mod handle;
mod keeper;
mod listeners;
mod relief;
pub(crate) mod service;
mod signal;
mod spread;
mod thread;
pub(crate) mod wind_up;
pub(crate) mod worker;

pub use builder::Builder;
pub use container::{Container, Report};
pub use detach::detach;
pub use handle::Handle;
pub(crate) use handle::OwnHandle;
pub use keeper::LeftBehind;
pub use spread::WorkerStats;
