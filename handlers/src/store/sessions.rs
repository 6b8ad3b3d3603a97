//! `Sessions`: which logins have been revoked.

use super::{Pending, UnixTime};

/// Which logins have been revoked before they expired.
pub trait Sessions: Send + Sync {
    /// Revokes the login with this id, which would have expired at `expires`. Twice is as good as
    /// once.
    fn revoke(&self, id: String, expires: UnixTime) -> Pending<()>;

    /// Whether the login with this id was revoked.
    fn is_revoked(&self, id: String) -> Pending<bool>;

    /// Forgets at most `most` logins that expired before `now`, and says how many.
    fn forget_expired(&self, now: UnixTime, most: u32) -> Pending<u64>;
}
