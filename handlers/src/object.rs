//! `Object`: a value that is made from an object in JSON, and from nothing else.

use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A value that was written as an object in JSON, no member of which is there twice. By itself serde
/// takes arrays for structs too, and the last of equal members for a map.
pub(crate) struct Object<T>(pub(crate) T);

/// The members of one.
struct Members;

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = deserializer.deserialize_map(Members)?;
        let value = T::deserialize(Value::Object(members));
        value.map(Object).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.contains_key(&name) {
                let detail = format_args!("the member `{name}` is there twice");
                return Err(A::Error::custom(detail));
            }
            members.insert(name, access.next_value()?);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: i64,
        y: i64,
    }

    #[test]
    fn only_an_object_is_one() {
        let check = |json: &str, expected: Result<Point, &str>| {
            let read = serde_json::from_str(json).map(|Object::<Point>(point)| point);
            match (read, expected) {
                (Ok(point), Ok(expected)) => assert_eq!(point, expected, "{json}"),
                (Err(error), Err(said)) => {
                    assert!(error.to_string().contains(said), "{json}: {error}");
                }
                (read, _) => panic!("{json}: {read:?}"),
            }
        };
        check(r#"{"x": 1, "y": 2}"#, Ok(Point { x: 1, y: 2 }));
        check(r#"{"y": 2, "more": [], "x": 1}"#, Ok(Point { x: 1, y: 2 }));
        check("[1, 2]", Err("expected an object"));
        check("1", Err("expected an object"));
        check("null", Err("expected an object"));
        check(r#"{"x": 1}"#, Err("missing field `y`"));
        check(r#"{"x": 1, "y": 2, "x": 1}"#, Err("`x` is there twice"));
        check(r#"{"x": 1, "a": 1, "y": 2, "a": 2}"#, Err("`a` is there"));
        check(r#"{"x": 1, "y": 2, "\u0078": 1}"#, Err("`x` is there"));
    }
}
