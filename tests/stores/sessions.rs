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
    let forget = async |now, most| sessions.forget_expired(UnixTime(now), most).await;
    assert_eq!(forget(20, 9).await, Ok(1));
    assert_eq!(is_revoked("a").await, Ok(false));
    assert_eq!(is_revoked("b").await, Ok(true));
    for count in [1, 1, 0] {
        assert_eq!(forget(i64::MAX, 1).await, Ok(count), "one at a time");
    }
}
