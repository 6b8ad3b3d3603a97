//! Revoked logins in SQLite.

use super::Sqlite;
use super::text::Text;
use crate::store::{Pending, Sessions, UnixTime};

impl Sessions for Sqlite {
    fn revoke(&self, id: String, expires: UnixTime) -> Pending<()> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "INSERT INTO revoked (id, expires) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?;
            query.execute((Text(id), expires.0))?;
            Ok(())
        })
    }

    fn is_revoked(&self, id: String) -> Pending<bool> {
        self.read(move |connection| {
            let mut query = connection.prepare_cached("SELECT 1 FROM revoked WHERE id = ?1")?;
            Ok(query.exists([Text(id)])?)
        })
    }

    fn forget_expired(&self, now: UnixTime, most: u32) -> Pending<u64> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "DELETE FROM revoked WHERE id IN \
                 (SELECT id FROM revoked WHERE expires < ?1 LIMIT ?2)",
            )?;
            Ok(query.execute((now.0, most))? as u64)
        })
    }
}
