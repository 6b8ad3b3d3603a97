//! The limit on file descriptors: each connection needs one.

use rlimit::Resource;

/// Raises the process's own limit to what the system allows. Gives the limit; without it the
/// server runs too, with fewer connections.
pub(crate) fn raise() -> Option<u64> {
    let raised = Resource::NOFILE.get().and_then(|(_, hard)| {
        Resource::NOFILE.set(hard, hard)?;
        Ok(hard)
    });
    raised
        .inspect_err(|error| log::warn!("cannot raise the limit on file descriptors: {error}"))
        .ok()
}
