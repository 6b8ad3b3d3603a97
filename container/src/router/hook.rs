//! `Hook`: what an application does when its container starts and stops, and beside its requests.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::handler::{Context, LocalFuture};

/// An async function that the server runs once when the container starts, or once when it stops, or
/// meanwhile.
#[derive(Clone)]
pub struct Hook {
    /// What runs.
    function: Arc<dyn Fn(Context) -> LocalFuture<Result<(), HookError>> + Send + Sync>,
}

/// A hook failed: what it said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookError {
    /// The `Display` of the hook's own error.
    message: String,
}

/// What a hook may return: nothing, or a `Result` whose error can be shown.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a hook",
    note = "hooks return `()` or `Result<(), E>` where `E: Display`"
)]
pub trait IntoHookResult {
    /// The result it is.
    ///
    /// # Errors
    /// When the hook failed.
    fn into_hook_result(self) -> Result<(), HookError>;
}

impl Hook {
    pub(super) fn new<F, U>(function: F) -> Self
    where
        F: Fn(Context) -> U + Send + Sync + 'static,
        U: Future<Output: IntoHookResult> + 'static,
    {
        Hook {
            function: Arc::new(move |context| {
                let future = function(context);
                Box::pin(async move { future.await.into_hook_result() })
            }),
        }
    }

    /// Begins to run it; the future stays on the thread that polls it.
    pub fn run(&self, context: Context) -> LocalFuture<Result<(), HookError>> {
        (self.function)(context)
    }
}

impl IntoHookResult for () {
    fn into_hook_result(self) -> Result<(), HookError> {
        Ok(())
    }
}

impl<E: fmt::Display> IntoHookResult for Result<(), E> {
    fn into_hook_result(self) -> Result<(), HookError> {
        self.map_err(|error| HookError {
            message: error.to_string(),
        })
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hook").finish_non_exhaustive()
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for HookError {}
