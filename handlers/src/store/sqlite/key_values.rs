//! Names and values in SQLite.

use rusqlite::OptionalExtension;

use super::Sqlite;
use super::failure::is_unique;
use super::text::Text;
use crate::store::{KeyValues, Pending, StoreError, Unique};

impl KeyValues for Sqlite {
    fn value(&self, key: String) -> Pending<Option<String>> {
        self.read(move |connection| {
            let mut query =
                connection.prepare_cached("SELECT value FROM key_values WHERE key = ?1")?;
            Ok(query.query_row([Text(key)], |row| row.get(0)).optional()?)
        })
    }

    fn count(&self) -> Pending<u64> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT count(*) FROM key_values")?;
            let count: i64 = query.query_row([], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    fn add(&self, entries: Vec<(String, String)>) -> Pending<()> {
        self.write(move |transaction| {
            let mut query = transaction
                .prepare_cached("INSERT INTO key_values (key, value) VALUES (?1, ?2)")?;
            for (key, value) in entries {
                match query.execute((Text(&key), Text(value))) {
                    Err(error) if is_unique(&error) => {
                        return Err(StoreError::Taken(Unique::Key(key)));
                    }
                    added => added?,
                };
            }
            Ok(())
        })
    }

    fn change(&self, key: String, value: String) -> Pending<bool> {
        self.write(move |transaction| {
            let mut query =
                transaction.prepare_cached("UPDATE key_values SET value = ?2 WHERE key = ?1")?;
            Ok(query.execute((Text(key), Text(value)))? > 0)
        })
    }

    fn remove(&self, key: String) -> Pending<bool> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached("DELETE FROM key_values WHERE key = ?1")?;
            Ok(query.execute([Text(key)])? > 0)
        })
    }
}
