//! Whether a container lives, and whether it wants traffic.

use std::convert::Infallible;

use http::HeaderValue;

use crate::extract::Rejection;
use crate::handler::{Context, FromHead};
use crate::message::{Request, Response, StatusCode, header};
use crate::server::Handle;

/// The container that is watched, where it is not the one that serves; as a state.
#[derive(Clone)]
pub(super) struct Watched(pub(super) Handle);

/// The container that is watched, as an argument: the state, else the one that serves.
pub(super) struct Subject(pub(super) Handle);

impl FromHead for Subject {
    type Rejection = Rejection;

    fn from_head(request: &Request, context: &Context) -> Result<Self, Rejection> {
        match context.state::<Watched>() {
            Some(Watched(handle)) => Ok(Subject(handle.clone())),
            None => Handle::from_head(request, context).map(Subject),
        }
    }
}

/// 200: who answers lives.
pub(super) fn live() -> Response {
    say(StatusCode::OK, "alive\n".to_owned())
}

/// 200 when the container wants traffic, else 503; and its phase.
pub(super) fn ready(Subject(handle): Subject) -> Result<Response, Infallible> {
    // Read once: the answer must not contradict itself.
    let phase = handle.phase();
    let status = if phase == crate::scheduler::Phase::Running {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok(say(status, format!("{phase}\n")))
}

fn say(status: StatusCode, text: String) -> Response {
    uncached(Response::ok("text/plain; charset=utf-8", text).with_status(status))
}

/// The same, not to be kept by anybody: it is true only now.
pub(super) fn uncached(response: Response) -> Response {
    response.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
