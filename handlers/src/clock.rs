//! What time it is: the system's time, which goes with virtual time where that is moved.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

use container::reactor;

/// The system's time at an instant, from which virtual time goes on.
static ORIGIN: LazyLock<(SystemTime, Instant)> =
    LazyLock::new(|| (SystemTime::now(), Instant::now()));

/// The system's time. On a worker in virtual time that goes on as its clock does.
pub(crate) fn now() -> SystemTime {
    if !reactor::clock().is_virtual() {
        return SystemTime::now();
    }
    let ((time, instant), now) = (*ORIGIN, reactor::now());
    match now.checked_duration_since(instant) {
        Some(later) => time + later,
        None => time - instant.duration_since(now),
    }
}
