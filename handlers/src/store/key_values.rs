//! `KeyValues`: names and values.

use super::Pending;

/// Names and values, each name once.
pub trait KeyValues: Send + Sync {
    /// The value of a key.
    fn value(&self, key: String) -> Pending<Option<String>>;

    /// How many keys there are.
    fn count(&self) -> Pending<u64>;

    /// Adds keys with their values, all or none: if one is there already, it is
    /// [`StoreError::Taken`](super::StoreError::Taken) by it.
    fn add(&self, entries: Vec<(String, String)>) -> Pending<()>;

    /// Gives a key another value; `false` if there is no such key.
    fn change(&self, key: String, value: String) -> Pending<bool>;

    /// Takes a key out; `false` if there is no such key.
    fn remove(&self, key: String) -> Pending<bool>;
}
