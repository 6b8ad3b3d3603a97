//! `Field`: a member of a request's body that should be a text. What it is instead is found out with
//! the rest of what is wrong, not before it.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A member that should be a text.
#[derive(Default, Clone)]
pub(super) enum Field {
    /// It is not there.
    #[default]
    Missing,
    /// It is something else.
    NoText,
    /// It is one.
    Text(String),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) => Field::Text(text),
            _ => Field::NoText,
        })
    }
}
