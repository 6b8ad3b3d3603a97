//! Revoked logins.

use handlers::store::{Stores, UnixTime};

use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases![logins_are_revoked_and_forgotten];

async fn logins_are_revoked_and_forgotten(stores: Stores) {
    let sessions = &stores.sessions;
    let is_revoked = async |id: &str| sessions.is_revoked(id.to_owned()).await;
    assert_eq!(is_revoked("a").await, Ok(false));
    for (id, expires) in [("a", 10), ("a", 10), ("b", 20), ("c", 30)] {
        let revoked = sessions.revoke(id.to_owned(), UnixTime(expires)).await;
        assert_eq!(revoked, Ok(()), "twice is as good as once");
    }
    assert_eq!(is_revoked("a").await, Ok(true));
    assert_eq!(is_revoked("A").await, Ok(false));
    // One that expires at this moment has not expired before it.
    assert_eq!(sessions.forget_expired(UnixTime(20)).await, Ok(1));
    assert_eq!(is_revoked("a").await, Ok(false));
    assert_eq!(is_revoked("b").await, Ok(true));
    assert_eq!(sessions.forget_expired(UnixTime(i64::MAX)).await, Ok(2));
    assert_eq!(sessions.forget_expired(UnixTime(i64::MAX)).await, Ok(0));
}
