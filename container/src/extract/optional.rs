//! Extractors that may fail without refusing the request.
//!
//! A state behind an `Option` or a `Result` is not missed when the table is built.

use std::convert::Infallible;

use crate::handler::{Context, FromHead, FromRequest, Needs};
use crate::message::Request;

/// Whatever the reason for a failure is, it is `None`.
impl<T: FromHead> FromHead for Option<T> {
    type Rejection = Infallible;

    fn from_head(request: &Request, context: &Context) -> Result<Self, Infallible> {
        Ok(T::from_head(request, context).ok())
    }
}

/// The handler decides what a failure means.
impl<T: FromHead> FromHead for Result<T, T::Rejection> {
    type Rejection = Infallible;

    fn from_head(request: &Request, context: &Context) -> Result<Self, Infallible> {
        Ok(T::from_head(request, context))
    }
}

/// The handler decides what a failure means.
impl<T: FromRequest> FromRequest for Result<T, T::Rejection> {
    type Rejection = Infallible;

    fn from_request(request: Request, context: &Context) -> Result<Self, Infallible> {
        Ok(T::from_request(request, context))
    }

    fn describe(needs: &mut Needs) {
        T::describe(needs);
    }
}
