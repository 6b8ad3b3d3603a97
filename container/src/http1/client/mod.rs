//! The client's side of HTTP/1: requests out, answers in. No socket, no clock, like the server's.
//!
//! | file | is |
//! |---|---|
//! | `connection` | [`ClientConnection`]: the machine and its state |
//! | `event` | what the machine tells its driver |
//! | `head` | answer heads: bytes to [`ResponseHead`] |
//! | `framing` | how an answer's body ends (RFC 9112, section 6.3) |
//! | `request` | request heads: parts to bytes |
//! | `error` | what a server did wrong, and what a driver did |

mod connection;
mod error;
mod event;
mod framing;
mod head;
mod request;

pub use connection::{ClientConnection, INTERIM_MAX, PIPELINE_MAX};
pub use error::{RequestError, ResponseError};
pub use event::{ClientEvent, ClientStep};
pub use framing::AnswerTo;
pub use head::ResponseHead;
