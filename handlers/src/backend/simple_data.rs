//! `/api/simple_data`: names and values, in a store that all workers share.

use std::sync::Arc;

use container::extract::{Json, Query, State};
use container::{Handler, Problem, Router, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answers::{Done, done};
use super::body::JsonBody;
use super::errors::refused;
use super::faults::Faults;
use super::field::Field;
use super::{Backend, operations, rules};

/// The most keys there may be. Counted before some are added, so that clients that add at the same
/// moment may get a few more in.
const KEYS_MAX: u64 = 1000;

/// Which keys are meant.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(!default)]
pub(super) struct Keys {
    /// A key, of 128 characters at most; several of them where keys are added.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    key: Vec<String>,
}

/// What a key is to have for a value.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(!default, example = json!({ "value": "fish" }))]
pub(super) struct Change {
    /// 4,096 characters at most.
    #[schemars(with = "String", length(max = 4096))]
    value: Field,
}

/// All methods of the one path.
pub(super) fn router() -> Router {
    Router::new()
        .get("/simple_data", find.annotate(operations::find_value()))
        .put("/simple_data", add_empty.annotate(operations::add_keys()))
        .post("/simple_data", add.annotate(operations::add_values()))
        .patch("/simple_data", change.annotate(operations::change_value()))
        .delete("/simple_data", remove.annotate(operations::remove_key()))
}

async fn find(
    State(backend): State<Arc<Backend>>,
    Query(keys): Query<Keys>,
) -> Result<String, Problem> {
    let key = keys.one()?;
    let value = backend.stores.key_values.value(key.clone()).await;
    value.map_err(refused)?.ok_or_else(|| unknown(&key))
}

async fn add_empty(
    State(backend): State<Arc<Backend>>,
    Query(keys): Query<Keys>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let keys = keys.some()?;
    let entries = keys.into_iter().map(|key| (key, String::new()));
    backend.add_entries(entries.collect()).await
}

async fn add(
    State(backend): State<Arc<Backend>>,
    JsonBody(members): JsonBody<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut faults = Faults::default();
    let mut entries = vec![];
    for (key, value) in members {
        faults.check(&shown(&key), &key, rules::key);
        match value {
            Value::String(value) => {
                faults.check(&shown(&key), &value, rules::value);
                entries.push((key, value));
            }
            _ => faults.add(&shown(&key), "must be a text"),
        }
    }
    if entries.is_empty() {
        faults.add("the object", "must have a member");
    }
    faults.check_none()?;
    backend.add_entries(entries).await
}

async fn change(
    State(backend): State<Arc<Backend>>,
    Query(keys): Query<Keys>,
    JsonBody(change): JsonBody<Change>,
) -> Result<Json<Value>, Problem> {
    let key = keys.one()?;
    let mut faults = Faults::default();
    let value = faults.required("value", change.value, rules::value);
    faults.check_none()?;
    let changed = backend.stores.key_values.change(key.clone(), value.clone());
    if changed.await.map_err(refused)? {
        Ok(Json(json!({ key: value })))
    } else {
        Err(unknown(&key))
    }
}

async fn remove(
    State(backend): State<Arc<Backend>>,
    Query(keys): Query<Keys>,
) -> Result<Json<Done>, Problem> {
    let key = keys.one()?;
    let removed = backend.stores.key_values.remove(key.clone());
    if removed.await.map_err(refused)? {
        Ok(done(format!("the key `{key}` is removed")))
    } else {
        Err(unknown(&key))
    }
}

impl Backend {
    /// Adds keys with their values, all or none.
    async fn add_entries(
        &self,
        entries: Vec<(String, String)>,
    ) -> Result<(StatusCode, Json<Value>), Problem> {
        let store = &self.stores.key_values;
        let count = store.count().await.map_err(refused)?;
        if count.saturating_add(entries.len() as u64) > KEYS_MAX {
            let detail = format!("there may be no more than {KEYS_MAX} keys");
            return Err(Problem::bad_request(detail));
        }
        let members = entries.iter().cloned();
        let added = members.map(|(key, value)| (key, Value::String(value)));
        let added = Value::Object(added.collect());
        store.add(entries).await.map_err(refused)?;
        Ok((StatusCode::CREATED, Json(added)))
    }
}

impl Keys {
    /// The only one.
    fn one(self) -> Result<String, Problem> {
        let mut keys = self.some()?;
        match (keys.pop(), keys.pop()) {
            (Some(key), None) => Ok(key),
            _ => Err(Problem::bad_request("only one key can be meant here")),
        }
    }

    /// One or more.
    fn some(self) -> Result<Vec<String>, Problem> {
        let mut faults = Faults::default();
        if self.key.is_empty() {
            faults.add("key", "is missing");
        }
        for key in &self.key {
            faults.check("key", key, rules::key);
        }
        faults.check_none()?;
        Ok(self.key)
    }
}

/// A key as it stands in what is said about it.
fn shown(key: &str) -> String {
    format!("`{key}`")
}

fn unknown(key: &str) -> Problem {
    Problem::bad_request(format!("there is no key `{key}`"))
}
