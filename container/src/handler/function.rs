//! Functions of up to eight arguments as handlers: the one macro of the crate.
//!
//! All arguments but the last are made from the head; the last may take the body. Arguments are
//! made before an async function's future is, so that a rejection costs no future.

use std::future::Future;

use super::argument::{Context, FromHead, FromRequest, Needs};
use super::endpoint::Reply;
use super::response::IntoResponse;
use crate::message::{Request, Response};

/// A plain function whose arguments can be made from a request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run as a plain handler",
    note = "`inline(f)` and `blocking(f)` take a plain `fn` of at most 8 extractors that returns \
            something that implements `IntoResponse`; an `async fn` needs neither"
)]
pub trait Function<Args>: Send + Sync + 'static {
    /// Makes the arguments and calls it.
    fn call(&self, request: Request, context: &Context) -> Response;

    /// What the arguments ask for.
    fn needs() -> Needs;
}

/// An async function whose arguments can be made from a request.
pub trait AsyncFunction<Args>: Send + Sync + 'static {
    /// Makes the arguments and calls it.
    fn call(&self, request: Request, context: &Context) -> Reply;

    /// What the arguments ask for.
    fn needs() -> Needs;
}

impl<F, R> Function<()> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn call(&self, _request: Request, _context: &Context) -> Response {
        self().into_response()
    }

    fn needs() -> Needs {
        Needs::none()
    }
}

impl<F, U, R> AsyncFunction<()> for F
where
    F: Fn() -> U + Send + Sync + 'static,
    U: Future<Output = R> + 'static,
    R: IntoResponse,
{
    fn call(&self, _request: Request, _context: &Context) -> Reply {
        let future = self();
        Reply::Later(Box::pin(async move { future.await.into_response() }))
    }

    fn needs() -> Needs {
        Needs::none()
    }
}

/// Makes the arguments, or returns the rejection as `$reject` wraps it.
macro_rules! arguments {
    ($request:ident, $context:ident, $reject:expr, [$($head:ident),*], $last:ident) => {
        $(let $head = match $head::from_head(&$request, $context) {
            Ok(argument) => argument,
            Err(rejection) => return $reject(rejection.into_response()),
        };)*
        let $last = match $last::from_request($request, $context) {
            Ok(argument) => argument,
            Err(rejection) => return $reject(rejection.into_response()),
        };
    };
}

macro_rules! functions {
    ([$($head:ident),*], $last:ident) => {
        #[allow(non_snake_case)]
        impl<F, R, Via, $($head,)* $last> Function<(Via, $($head,)* $last)> for F
        where
            F: Fn($($head,)* $last) -> R + Send + Sync + 'static,
            R: IntoResponse,
            $($head: FromHead,)*
            $last: FromRequest<Via>,
        {
            fn call(&self, request: Request, context: &Context) -> Response {
                let reject = |response: Response| response;
                arguments!(request, context, reject, [$($head),*], $last);
                self($($head,)* $last).into_response()
            }

            fn needs() -> Needs {
                let mut needs = Needs::none();
                $($head::describe(&mut needs);)*
                $last::describe(&mut needs);
                needs
            }
        }

        #[allow(non_snake_case)]
        impl<F, U, R, Via, $($head,)* $last> AsyncFunction<(Via, $($head,)* $last)> for F
        where
            F: Fn($($head,)* $last) -> U + Send + Sync + 'static,
            U: Future<Output = R> + 'static,
            R: IntoResponse,
            $($head: FromHead,)*
            $last: FromRequest<Via>,
        {
            fn call(&self, request: Request, context: &Context) -> Reply {
                arguments!(request, context, Reply::Ready, [$($head),*], $last);
                let future = self($($head,)* $last);
                Reply::Later(Box::pin(async move { future.await.into_response() }))
            }

            fn needs() -> Needs {
                let mut needs = Needs::none();
                $($head::describe(&mut needs);)*
                $last::describe(&mut needs);
                needs
            }
        }
    };
}

functions!([], A1);
functions!([A1], A2);
functions!([A1, A2], A3);
functions!([A1, A2, A3], A4);
functions!([A1, A2, A3, A4], A5);
functions!([A1, A2, A3, A4, A5], A6);
functions!([A1, A2, A3, A4, A5, A6], A7);
functions!([A1, A2, A3, A4, A5, A6, A7], A8);
