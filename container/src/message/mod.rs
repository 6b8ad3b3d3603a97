//! What an HTTP message is (RFC 9110): request, response, body.
//!
//! There is no wire format here: nothing in this module knows how a message is framed, parsed or
//! written. The protocol machine (`http1`) makes requests and writes responses; handlers see only
//! these types.
//!
//! | file | is |
//! |---|---|
//! | `request`, `response` | a head, a body, and what the server knows beside them |
//! | `head`, `fields` | a request's head as it was received |
//! | `body`, `body_error` | bytes, whole or piece by piece; why they ended too early |
//! | `channel`, `pieces` | where pieces come from, always bounded |
//! | `reader`, `writer`, `waiting` | bodies for plain functions, which wait on their threads |
//! | `secret_paths` | paths that nobody is to read, however they are written |
//! | `request_id`, `trace`, `unique` | what a request is called, here and by others |

mod body;
mod body_error;
mod channel;
mod fields;
mod head;
mod pieces;
mod reader;
mod request;
mod request_id;
mod response;
mod secret_paths;
mod trace;
mod unique;
pub(crate) mod waiting;
mod writer;

pub use body::{Body, BodyLength, Frame};
pub use body_error::BodyError;
pub use bytes::Bytes;
pub use channel::{BodySender, SendError};
pub use fields::{Field, Fields};
pub use head::{HeadError, RequestHead};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
pub(crate) use pieces::Filler;
pub use reader::BodyReader;
pub use request::{PathParameters, Request};
pub use request_id::{RequestId, X_REQUEST_ID};
pub use response::{Response, ResponseFields};
pub use secret_paths::SecretPaths;
pub use trace::{TRACEPARENT, TRACESTATE, TraceContext};
pub use writer::BodyWriter;
