//! The whole server in memory, with a clock that the test moves. Nothing of the container imports
//! this module.
//!
//! ```
//! use container::testing::Server;
//! use container::{Router, sleep};
//! use std::time::Duration;
//!
//! let router = Router::new().get("/slow", async || {
//!     sleep(Duration::from_secs(5)).await;
//!     "done"
//! });
//! let server = Server::new(router);
//! let mut client = server.connect();
//! client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
//! assert_eq!(client.received(), "");
//! server.advance(Duration::from_secs(5));
//! assert!(client.received().ends_with("\r\n\r\ndone"));
//! ```

mod server;
mod stream;

pub use server::{Client, Server};
pub use stream::{Faults, MemoryStream};
