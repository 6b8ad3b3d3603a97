//! Functions of up to eight arguments as handlers: the one macro of the crate.
//!
//! What a handler must be is cut into small traits, so that the compiler's message names the part
//! that is not right: [`Function`] by the number of its arguments alone, [`Arguments`] by what
//! they are, [`Awaitable`] for async functions, and `IntoResponse` for the result.

use std::future::Future;

use super::argument::{Context, FromHead, FromRequest, Needs};
use super::response::IntoResponse;
use crate::message::{Request, Response};

/// A function of at most eight arguments, whatever they are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "handlers are functions of at most 8 arguments: an `async fn` as it is, a plain `fn` as \
            `inline(f)` or `blocking(f)`",
    note = "a closure that captures cannot be an async closure: write it as a plain closure that \
            clones what it captured and returns an `async move` block"
)]
pub trait Function<Args>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    fn call(&self, arguments: Args) -> Self::Output;
}

/// Arguments that can be made from a request: all but the last from its head, the last one from
/// the head or from all of it.
pub trait Arguments<Via>: Sized {
    /// Makes them.
    ///
    /// # Errors
    /// With the answer of the first that cannot be made; boxed, because it is large and rare.
    fn extract(request: Request, context: &Context) -> Result<Self, Box<Response>>;

    /// What they ask for.
    fn needs() -> Needs;
}

/// What an async function returns.
#[diagnostic::on_unimplemented(
    message = "a plain function that returns `{Self}` has to say where it runs",
    label = "a plain function: say where it runs",
    note = "`inline(f)` runs it on the worker, if it returns at once; `blocking(f)` runs it on a \
            thread of the pool, if it may wait; an `async fn` is a handler as it is"
)]
pub trait Awaitable: 'static {
    /// What awaiting it gives.
    type Output;

    /// The future it is.
    fn into_future(self) -> impl Future<Output = Self::Output> + 'static;
}

#[diagnostic::do_not_recommend]
impl<U: Future + 'static> Awaitable for U {
    type Output = U::Output;

    fn into_future(self) -> impl Future<Output = U::Output> + 'static {
        self
    }
}

impl<F, R> Function<()> for F
where
    F: Fn() -> R + Send + Sync + 'static,
{
    type Output = R;

    fn call(&self, (): ()) -> R {
        self()
    }
}

impl Arguments<()> for () {
    fn extract(_request: Request, _context: &Context) -> Result<Self, Box<Response>> {
        Ok(())
    }

    fn needs() -> Needs {
        Needs::none()
    }
}

fn refusal(rejection: impl IntoResponse) -> Box<Response> {
    Box::new(rejection.into_response())
}

macro_rules! functions {
    ([$($head:ident),*], $last:ident) => {
        #[allow(non_snake_case)]
        impl<F, R, $($head,)* $last> Function<($($head,)* $last,)> for F
        where
            F: Fn($($head,)* $last) -> R + Send + Sync + 'static,
        {
            type Output = R;

            fn call(&self, ($($head,)* $last,): ($($head,)* $last,)) -> R {
                self($($head,)* $last)
            }
        }

        #[allow(non_snake_case)]
        impl<Via, $($head,)* $last> Arguments<Via> for ($($head,)* $last,)
        where
            $($head: FromHead,)*
            $last: FromRequest<Via>,
        {
            fn extract(request: Request, context: &Context) -> Result<Self, Box<Response>> {
                $(let $head = $head::from_head(&request, context)
                    .map_err(refusal)?;)*
                let $last = $last::from_request(request, context)
                    .map_err(refusal)?;
                Ok(($($head,)* $last,))
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
