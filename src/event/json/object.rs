//! The fields of an event's object, read in one pass over the text and borrowed from it.
//!
//! What is accepted is what serde_json accepts as a [`Value`], to the last detail: of several fields with one name the
//! last one counts, and a field that no event has must be as well-formed as the others.

mod plain;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// The fields that events have, `ShiftAccents` the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Type,
    Ts,
    Event,
    Key,
    Dx,
    Dy,
    X,
    Y,
    ScrollDelta,
    Button,
    App,
    Scope,
    Letters,
    ShiftLetters,
    AltgrLetters,
    Marks,
    ShiftMarks,
    Accents,
    ShiftAccents,
}

const NAMES: usize = Name::ShiftAccents as usize + 1;

impl Name {
    /// Compared as bytes, which the compiler tells apart by length and letter instead of name by name.
    fn of(text: &str) -> Option<Name> {
        Some(match text.as_bytes() {
            b"type" => Name::Type,
            b"ts" => Name::Ts,
            b"event" => Name::Event,
            b"key" => Name::Key,
            b"dx" => Name::Dx,
            b"dy" => Name::Dy,
            b"x" => Name::X,
            b"y" => Name::Y,
            b"scroll_delta" => Name::ScrollDelta,
            b"button" => Name::Button,
            b"app_name" => Name::App,
            b"scope" => Name::Scope,
            b"letters" => Name::Letters,
            b"shift_letters" => Name::ShiftLetters,
            b"altgr_letters" => Name::AltgrLetters,
            b"marks" => Name::Marks,
            b"shift_marks" => Name::ShiftMarks,
            b"accents" => Name::Accents,
            b"shift_accents" => Name::ShiftAccents,
            _ => return None,
        })
    }
}

/// What a field holds. Nearly all are texts or numbers, for which no memory is allocated.
#[derive(Default)]
pub enum Field<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Whole(i64),
    Decimal(f64),
    Other(Value),
}

/// Each field with what it held last.
#[derive(Default)]
pub struct Object<'a>([Field<'a>; NAMES]);

impl<'a> Object<'a> {
    /// `None`: it is no JSON, or no object.
    pub fn read(text: &'a str) -> Option<Object<'a>> {
        let mut object = Object::default();
        match plain::read(text, &mut object) {
            Some(()) => Some(object),
            None => serde_json::from_str(text).ok(),
        }
    }

    pub fn has(&self, name: Name) -> bool {
        !matches!(self.field(name), Field::Absent)
    }

    pub fn field(&self, name: Name) -> &Field<'a> {
        &self.0[name as usize]
    }

    pub fn text(&self, name: Name) -> Option<&str> {
        match self.field(name) {
            Field::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn whole(&self, name: Name) -> Option<i64> {
        match *self.field(name) {
            Field::Whole(number) => Some(number),
            _ => None,
        }
    }

    pub fn number(&self, name: Name) -> Option<f64> {
        match self.field(name) {
            Field::Whole(number) => Some(*number as f64),
            Field::Decimal(number) => Some(*number),
            Field::Other(value) => value.as_f64(),
            Field::Absent | Field::Text(_) => None,
        }
    }

    fn set(&mut self, name: Name, field: Field<'a>) {
        self.0[name as usize] = field;
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object::default();
                while let Some(FieldName(name)) = map.next_key()? {
                    match name {
                        Some(name) => object.set(name, map.next_value()?),
                        None => map.next_value::<Ignored>().map(drop)?,
                    }
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

struct FieldName(Option<Name>);

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = FieldName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<FieldName, E> {
                Ok(FieldName(Name::of(text)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Field<'de>, E> {
                Ok(Field::Other(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Field<'de>, E> {
                Ok(Field::Whole(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Field<'de>, E> {
                Ok(i64::try_from(value).map_or_else(|_| Field::Other(value.into()), Field::Whole))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Field<'de>, E> {
                Ok(Field::Decimal(value))
            }

            fn visit_unit<E>(self) -> Result<Field<'de>, E> {
                Ok(Field::Other(Value::Null))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Field<'de>, A::Error> {
                Value::deserialize(SeqAccessDeserializer::new(seq)).map(Field::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field<'de>, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(Field::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Any value: checked as a [`Value`] is (serde's own `IgnoredAny` lets texts and numbers pass that are none), and kept
/// nowhere.
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Ignored;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Ignored, E> {
                Ok(Ignored)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Ignored, E> {
                Ok(Ignored)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Ignored, E> {
                Ok(Ignored)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Ignored, E> {
                Ok(Ignored)
            }

            fn visit_unit<E>(self) -> Result<Ignored, E> {
                Ok(Ignored)
            }

            fn visit_str<E>(self, _: &str) -> Result<Ignored, E> {
                Ok(Ignored)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Ignored, A::Error> {
                while seq.next_element::<Ignored>()?.is_some() {}
                Ok(Ignored)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ignored, A::Error> {
                while map.next_entry::<Ignored, Ignored>()?.is_some() {}
                Ok(Ignored)
            }
        }
        deserializer.deserialize_any(Any)
    }
}
