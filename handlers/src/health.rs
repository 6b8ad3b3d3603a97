//! Whether the server lives and wants traffic: the container's own routes, with what they say about
//! themselves.

use container::{Router, admin};

use crate::openapi::{Application, Operation, text};

const HEALTH: Application = Application {
    name: "Health",
    about: "For what restarts the server and what sends it traffic. Never shed.",
};

/// `/-/live` and `/-/ready`.
pub fn router() -> Router {
    let live = Operation::new(HEALTH, "Say whether it lives").answer(
        200,
        "it does",
        text().example("alive\n"),
    );
    let ready = Operation::new(HEALTH, "Say whether it wants traffic")
        .answer(200, "it does", text().example("running\n"))
        .answer(503, "it is about to stop", text().example("draining\n"));
    Router::new()
        .get("/-/live", admin::live().annotate(live))
        .get("/-/ready", admin::ready().annotate(ready))
}
