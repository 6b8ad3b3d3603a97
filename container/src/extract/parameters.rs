//! Path parameters as a serde deserializer: one value, a sequence, or a map by name.
//!
//! Tells two kinds of failures apart: a value that the client got wrong, and a handler whose type
//! does not fit its pattern. Knows nothing of requests and answers.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use crate::message::PathParameters;

/// Why the parameters are not what the handler takes.
#[derive(Debug)]
pub(super) enum Fault {
    /// A value is of the wrong type, which is the client's mistake.
    Value {
        /// The parameter, once it is known.
        name: Option<String>,
        /// What is wrong.
        detail: String,
    },
    /// The handler takes something else than its pattern captures, which is the program's mistake.
    Shape(String),
}

/// All parameters of a request.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'p>(pub(super) &'p PathParameters);

/// One parameter.
#[derive(Clone, Copy)]
struct Parameter<'p> {
    name: &'p str,
    value: &'p str,
}

impl<'p> Parameters<'p> {
    fn iter(self) -> impl ExactSizeIterator<Item = Parameter<'p>> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| Parameter { name, value })
    }

    /// The parameter, where there is one.
    fn single(self) -> Result<Parameter<'p>, Fault> {
        let mut all = self.iter();
        match (all.next(), all.len()) {
            (Some(parameter), 0) => Ok(parameter),
            _ => Err(self.count_fault(1)),
        }
    }

    fn count_is(self, wanted: usize) -> Result<(), Fault> {
        if self.iter().len() == wanted {
            Ok(())
        } else {
            Err(self.count_fault(wanted))
        }
    }

    fn count_fault(self, wanted: usize) -> Fault {
        let captured = self.iter().len();
        Fault::Shape(format!(
            "path parameters: the handler takes {wanted}, its pattern captures {captured}"
        ))
    }
}

/// One value out of all parameters is the value of the only one.
macro_rules! from_single {
    ($($method:ident),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.single()?.$method(visitor)
        })+
    };
}

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = Fault;

    from_single! {
        deserialize_bool, deserialize_char, deserialize_str, deserialize_string, deserialize_bytes,
        deserialize_byte_buf, deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64,
        deserialize_i128, deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64,
        deserialize_u128, deserialize_f32, deserialize_f64, deserialize_identifier,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(SeqDeserializer::new(self.iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.count_is(length)?;
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let named = self.iter().map(|parameter| (parameter.name, parameter));
        visitor.visit_map(MapDeserializer::new(named))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.single()?.deserialize_enum(name, variants, visitor)
    }
}

impl Parameter<'_> {
    /// The same result, with the parameter's name on what is wrong with its value.
    fn named<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|fault| match fault {
            Fault::Value { name: None, detail } => Fault::Value {
                name: Some(self.name.to_owned()),
                detail,
            },
            fault => fault,
        })
    }

    /// The value as what its text says.
    fn parse<T: std::str::FromStr>(self) -> Result<T, Fault> {
        self.value.parse().map_err(|_| Fault::Value {
            name: Some(self.name.to_owned()),
            detail: format!("not a valid {}", std::any::type_name::<T>()),
        })
    }

    /// One parameter cannot be several values.
    fn not_one_value<T>(self) -> Result<T, Fault> {
        Err(Fault::Shape(format!(
            "the path parameter `{}` is one value, and the handler takes it as several",
            self.name
        )))
    }
}

/// Values that are parsed from their text.
macro_rules! parsed {
    ($($method:ident $visit:ident),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.named(visitor.$visit(self.parse()?))
        })+
    };
}

/// Values that are the text itself.
macro_rules! text {
    ($($method:ident),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.named(visitor.visit_str(self.value))
        })+
    };
}

/// What one value cannot be.
macro_rules! not_one_value {
    ($($method:ident($($argument:ty),*)),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, $(_: $argument,)* _: V) -> Result<V::Value, Fault> {
            self.not_one_value()
        })+
    };
}

impl<'de> Deserializer<'de> for Parameter<'_> {
    type Error = Fault;

    parsed! {
        deserialize_bool visit_bool, deserialize_char visit_char, deserialize_i8 visit_i8,
        deserialize_i16 visit_i16, deserialize_i32 visit_i32, deserialize_i64 visit_i64,
        deserialize_i128 visit_i128, deserialize_u8 visit_u8, deserialize_u16 visit_u16,
        deserialize_u32 visit_u32, deserialize_u64 visit_u64, deserialize_u128 visit_u128,
        deserialize_f32 visit_f32, deserialize_f64 visit_f64,
    }

    text! {
        deserialize_any, deserialize_str, deserialize_string, deserialize_identifier,
        deserialize_bytes, deserialize_byte_buf,
    }

    not_one_value! {
        deserialize_seq(), deserialize_tuple(usize), deserialize_map(), deserialize_unit(),
        deserialize_tuple_struct(&'static str, usize), deserialize_unit_struct(&'static str),
        deserialize_struct(&'static str, &'static [&'static str]),
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.named(visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let variant: StrDeserializer<'_, Fault> = self.value.into_deserializer();
        self.named(visitor.visit_enum(variant))
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Parameter<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault::Value {
            name: None,
            detail: message.to_string(),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Fault::Shape(format!(
            "the handler takes the path parameter `{field}`, which its pattern does not capture"
        ))
    }

    fn unknown_field(field: &str, _expected: &'static [&'static str]) -> Self {
        Fault::Shape(format!(
            "the pattern captures the path parameter `{field}`, which the handler does not take"
        ))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Value { name: None, detail } => write!(formatter, "the path: {detail}"),
            Fault::Value {
                name: Some(name),
                detail,
            } => write!(formatter, "the path parameter `{name}`: {detail}"),
            Fault::Shape(detail) => formatter.write_str(detail),
        }
    }
}

impl std::error::Error for Fault {}
