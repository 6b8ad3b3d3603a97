//! The request's body, whole or as it comes, and the request itself.

use std::convert::Infallible;

use bytes::Bytes;
use http::header;

use super::rejection::Rejection;
use crate::handler::{BodyMode, Context, FromRequest, Needs};
use crate::message::{Body, BodyReader, Request};

/// The whole body. Not copied.
impl FromRequest for Bytes {
    type Rejection = Rejection;

    fn from_request(request: Request, _context: &Context) -> Result<Self, Rejection> {
        whole(request.into_body())
    }

    fn describe(needs: &mut Needs) {
        needs.body(BodyMode::Buffered);
    }
}

/// The whole body.
impl FromRequest for Vec<u8> {
    type Rejection = Rejection;

    fn from_request(request: Request, _context: &Context) -> Result<Self, Rejection> {
        whole(request.into_body()).map(Vec::from)
    }

    fn describe(needs: &mut Needs) {
        needs.body(BodyMode::Buffered);
    }
}

/// The whole body, which has to be UTF-8 whatever its content type says.
impl FromRequest for String {
    type Rejection = Rejection;

    fn from_request(request: Request, context: &Context) -> Result<Self, Rejection> {
        let bytes = Vec::from_request(request, context)?;
        String::from_utf8(bytes).map_err(|_| Rejection::NotUtf8)
    }

    fn describe(needs: &mut Needs) {
        needs.body(BodyMode::Buffered);
    }
}

/// The body as it arrives; in a plain function, the whole body.
impl FromRequest for Body {
    type Rejection = Infallible;

    fn from_request(request: Request, _context: &Context) -> Result<Self, Infallible> {
        Ok(request.into_body())
    }

    fn describe(needs: &mut Needs) {
        needs.body(BodyMode::Live);
    }
}

/// The body as it arrives, in a `blocking` handler; in others the whole body.
impl FromRequest for BodyReader {
    type Rejection = Infallible;

    fn from_request(request: Request, _context: &Context) -> Result<Self, Infallible> {
        Ok(request.into_body().into_reader())
    }

    fn describe(needs: &mut Needs) {
        needs.body_reader();
    }
}

/// Everything; the body as it arrives, or whole in a plain function.
impl FromRequest for Request {
    type Rejection = Infallible;

    fn from_request(request: Request, _context: &Context) -> Result<Self, Infallible> {
        Ok(request)
    }

    fn describe(needs: &mut Needs) {
        needs.body(BodyMode::Live);
    }
}

/// All of a body that was asked for whole.
pub(super) fn whole(body: Body) -> Result<Bytes, Rejection> {
    body.into_full().map_err(|_| Rejection::BodyNotWhole)
}

/// The media type of the body without its parameters, as sent; empty when it has none.
pub(super) fn media_type(request: &Request) -> &str {
    let content_type = request.header_str(header::CONTENT_TYPE.as_str());
    let essence = content_type.unwrap_or_default().split(';').next();
    essence.unwrap_or_default().trim()
}
