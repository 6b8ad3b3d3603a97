//! `local_body`: a body that an async function writes, as a task of its worker.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use crate::message::{Body, BodyError, BodySender};
use crate::reactor::spawn_local;

/// Bytes that wait to be sent: what an answer's task makes ahead of its client.
const LOCAL_BODY_BUFFER: usize = 16 << 10;

/// The body of an answer, of unknown length, that `produce` sends piece by piece.
///
/// It runs as a task of this worker: like an async handler it need not be `Send`, waits where the
/// client is slow, and is dropped when nobody wants the rest. `Ok` ends the answer; an error or a
/// panic breaks it. The handler's permit and deadline are over when it has returned the head.
///
/// ```
/// use container::{Body, Router, local_body, sleep};
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// async fn countdown() -> Body {
///     let step = Rc::new(Duration::from_secs(1));
///     local_body(async move |out| {
///         for left in (0..10).rev() {
///             out.send(format!("{left}\n")).await?;
///             sleep(*step).await;
///         }
///         Ok(())
///     })
/// }
/// let router = Router::new().get("/countdown", countdown);
/// ```
///
/// # Panics
/// Outside a worker's thread: a `blocking` handler has [`Body::written_by`].
pub fn local_body<F>(produce: F) -> Body
where
    F: AsyncFnOnce(&mut BodySender) -> Result<(), BodyError> + 'static,
{
    let (mut sender, body) = Body::channel(LOCAL_BODY_BUFFER);
    spawn_local(async move {
        let closed = sender.closed();
        match unless(closed, produce(&mut sender)).await {
            Some(Ok(())) => sender.finish(),
            Some(Err(error)) => sender.abort(error),
            None => {}
        }
    });
    body
}

/// What `work` gives; `None` if `end` comes first.
async fn unless<T>(end: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut end, mut work) = (pin!(end), pin!(work));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}
