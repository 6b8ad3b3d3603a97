//! Revoked logins in PostgreSQL.

use super::Postgres;
use crate::store::{Pending, Sessions, UnixTime};

impl Sessions for Postgres {
    fn revoke(&self, id: String, expires: UnixTime) -> Pending<()> {
        let database = self.clone();
        Box::pin(async move {
            let text = "INSERT INTO revoked (id, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            database.query(text, &[&id, &expires.0]).await?;
            Ok(())
        })
    }

    fn is_revoked(&self, id: String) -> Pending<bool> {
        let database = self.clone();
        Box::pin(async move {
            let text = "SELECT 1 FROM revoked WHERE id = $1";
            let row = database.query_one(text, &[&id]).await?;
            Ok(row.is_some())
        })
    }

    fn forget_expired(&self, now: UnixTime, most: u32) -> Pending<u64> {
        let database = self.clone();
        Box::pin(async move {
            let text = "WITH old AS ( \
                            SELECT id FROM revoked WHERE expires < $1 LIMIT $2 \
                            FOR UPDATE SKIP LOCKED \
                        ), gone AS ( \
                            DELETE FROM revoked USING old WHERE revoked.id = old.id RETURNING 1 \
                        ) SELECT count(*) FROM gone";
            database
                .query_count(text, &[&now.0, &i64::from(most)])
                .await
        })
    }
}
