//! Names and values in PostgreSQL.

use std::collections::HashSet;

use super::Postgres;
use crate::store::{KeyValues, Pending, StoreError, Unique};

/// Adds all entries, unless one is there already, and gives the first of those that are. In the
/// order of the keys, since two who add the same ones in different orders would wait for each other.
const ADD: &str = "\
    WITH entries AS ( \
        SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS e (key, value, place) \
    ), taken AS ( \
        SELECT key FROM key_values JOIN entries USING (key) ORDER BY place LIMIT 1 \
    ), added AS ( \
        INSERT INTO key_values (key, value) \
        SELECT key, value FROM entries WHERE NOT EXISTS (SELECT FROM taken) ORDER BY key \
    ) SELECT key FROM taken";

/// How often that is tried. Again is needed when somebody adds a key between the look and the
/// insertion, and a third time when it is taken out and added once more.
const ATTEMPTS: u32 = 5;

impl KeyValues for Postgres {
    fn value(&self, key: String) -> Pending<Option<String>> {
        let database = self.clone();
        Box::pin(async move {
            let text = "SELECT value FROM key_values WHERE key = $1";
            let row = database.query_one(text, &[&key]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    fn count(&self) -> Pending<u64> {
        let database = self.clone();
        Box::pin(async move {
            let text = "SELECT count(*) FROM key_values";
            database.query_count(text, &[]).await
        })
    }

    fn add(&self, entries: Vec<(String, String)>) -> Pending<()> {
        let database = self.clone();
        Box::pin(async move {
            if let Some(key) = repeated(&entries) {
                return Err(taken(key.to_owned()));
            }
            let (keys, values): (Vec<String>, Vec<String>) = entries.into_iter().unzip();
            for _ in 0..ATTEMPTS {
                match database.query_one(ADD, &[&keys, &values]).await {
                    Ok(None) => return Ok(()),
                    Ok(Some(row)) => return Err(taken(row.try_get(0)?)),
                    // Added by somebody else at this moment; which it is, the next look tells.
                    Err(StoreError::Taken(Unique::Key(_))) => {}
                    Err(error) => return Err(error),
                }
            }
            let reason = "others add and remove the same keys all the time";
            Err(StoreError::Unavailable(reason.to_owned()))
        })
    }

    fn change(&self, key: String, value: String) -> Pending<bool> {
        let database = self.clone();
        Box::pin(async move {
            let text = "UPDATE key_values SET value = $2 WHERE key = $1 RETURNING TRUE";
            let row = database.query_one(text, &[&key, &value]).await?;
            Ok(row.is_some())
        })
    }

    fn remove(&self, key: String) -> Pending<bool> {
        let database = self.clone();
        Box::pin(async move {
            let text = "DELETE FROM key_values WHERE key = $1 RETURNING TRUE";
            let row = database.query_one(text, &[&key]).await?;
            Ok(row.is_some())
        })
    }
}

/// The first key that is there for the second time.
fn repeated(entries: &[(String, String)]) -> Option<&str> {
    let mut seen = HashSet::new();
    let mut keys = entries.iter().map(|(key, _)| key.as_str());
    keys.find(|key| !seen.insert(*key))
}

fn taken(key: String) -> StoreError {
    StoreError::Taken(Unique::Key(key))
}
