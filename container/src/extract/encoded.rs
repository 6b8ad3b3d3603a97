//! Values in the URL encoding of HTML forms, and which member a mistake is in: the decoder itself says
//! only what is wrong. Knows nothing of requests and answers.

use std::cell::Cell;
use std::fmt;

use serde::de::value::Error;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// A value out of its encoding.
///
/// # Errors
/// With what is wrong, and the name of the member whose value it is, if it is of one.
pub(super) fn decode<T: DeserializeOwned>(encoded: &[u8]) -> Result<T, String> {
    if !is_utf8(encoded) {
        return Err("not UTF-8".to_owned());
    }
    let member = Cell::new(None);
    let watched = Watched {
        inner: serde_html_form::Deserializer::from_bytes(encoded),
        member: &member,
    };
    T::deserialize(watched).map_err(|error| match name(encoded, member.get()) {
        Some(name) => format!("`{name}`: {error}"),
        None => error.to_string(),
    })
}

/// Whether all of it is UTF-8 when it is decoded. The parser puts U+FFFD for what is not, which would
/// make different values one. A `%` without two digits stands for itself (URL Standard, section 1.3).
fn is_utf8(encoded: &[u8]) -> bool {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, behind @ ..] = rest {
        let escaped = behind.first_chunk().filter(|_| *first == b'%');
        match escaped.and_then(|digits| byte(*digits)) {
            Some(byte) => {
                decoded.push(byte);
                rest = &behind[2..];
            }
            None => {
                decoded.push(*first);
                rest = behind;
            }
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// The byte that two hexadecimal digits stand for.
fn byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    Some((high? << 4 | low?) as u8)
}

/// The name of the member at this place among those of different names.
fn name(encoded: &[u8], place: Option<usize>) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_html_form::from_bytes(encoded).ok()?;
    let mut names: Vec<String> = Vec::new();
    for (name, _) in pairs {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().nth(place?)
}

/// Something that is decoded, of which it is known at which member it is.
struct Watched<'m, T> {
    inner: T,
    /// The place of the member whose value is being decoded.
    member: &'m Cell<Option<usize>>,
}

impl<'de> Deserializer<'de> for Watched<'_, serde_html_form::Deserializer<'de>> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Watched { inner, member } = self;
        inner.deserialize_map(Watched {
            inner: visitor,
            member,
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.inner.deserialize_seq(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.inner.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Members {
            inner: members,
            count: 0,
            member: self.member,
        })
    }
}

/// The members of a value, counted.
struct Members<'m, A> {
    inner: A,
    /// How many there were.
    count: usize,
    member: &'m Cell<Option<usize>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.member.set(Some(self.count));
        let value = self.inner.next_value_seed(seed)?;
        self.member.set(None);
        self.count += 1;
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Search {
        page: Option<u8>,
        #[serde(default)]
        tag: Vec<u8>,
    }

    #[test]
    fn mistakes_are_named_where_they_are_in_a_member() {
        let check = |encoded: &str, expected: &str| {
            let told = decode::<Search>(encoded.as_bytes()).expect_err("it is wrong");
            assert!(told.starts_with(expected), "{encoded}: {told}");
        };
        check("page=x", "`page`: ");
        check("other=1&page=256", "`page`: ");
        check("page=1&page=2", "`page`: ");
        check("tag=1&page=1&tag=x", "`tag`: ");
        check("tag=1&tag=2&%70age=-1", "`page`: ");
        let told = decode::<(u8, u8)>(b"a=1").expect_err("it is wrong");
        assert!(!told.contains('`'), "{told}");
    }

    #[test]
    fn values_have_the_shapes_that_they_have_without_it() {
        let search: Search = decode(b"tag=1&page=3&tag=2&more=x").expect("it fits");
        assert_eq!((search.page, search.tag), (Some(3), vec![1, 2]));
        let map: BTreeMap<String, String> = decode(b"b=2&a=1+1").expect("it fits");
        assert_eq!(map["a"], "1 1");
        let pairs: Vec<(String, u8)> = decode(b"b=2&b=1").expect("it fits");
        assert_eq!(pairs, [("b".to_owned(), 2), ("b".to_owned(), 1)]);
        decode::<()>(b"").expect("it fits");
    }
}
