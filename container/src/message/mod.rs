//! What an HTTP message is (RFC 9110): request, response, body.
//!
//! There is no wire format here: nothing in this module knows how a message is framed, parsed or
//! written. The protocol machine (`http1`) makes requests and writes responses; handlers see only
//! these types.

mod body;
mod channel;
mod fields;
mod head;
mod request;
mod response;

pub use body::{Body, BodyError, BodyLength, Frame};
pub use channel::{BodySender, SendError};
pub use fields::{Field, Fields};
pub use head::{HeadError, RequestHead};
pub use request::{PathParameters, Request};
pub use response::{Response, ResponseFields};

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
