//! The fields of an event's object, borrowed from its text or from the [`Value`] that it was parsed to.

mod plain;

use serde_json::{Map, Value};

/// The fields that events have, `Until` the last.
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
    Until,
}

const NAMES: usize = Name::Until as usize + 1;

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
            b"until" => Name::Until,
            _ => return None,
        })
    }
}

/// What a field holds.
#[derive(Clone, Copy, Default)]
pub enum Field<'a> {
    #[default]
    Absent,
    Text(&'a str),
    Whole(i64),
    Decimal(f64),
    Other(&'a Value),
}

impl<'a> Field<'a> {
    fn of(value: &'a Value) -> Field<'a> {
        match value {
            Value::String(text) => Field::Text(text),
            Value::Number(number) => number.as_i64().map_or(Field::Other(value), Field::Whole),
            _ => Field::Other(value),
        }
    }
}

/// Each field with what it held last.
#[derive(Default)]
pub struct Object<'a>([Field<'a>; NAMES]);

impl<'a> Object<'a> {
    /// Takes the fields of a text that is written as nearly all events are; `None`: it is not known what it is.
    pub fn read(&mut self, text: &'a str) -> Option<()> {
        plain::read(text, self)
    }

    pub fn of(map: &'a Map<String, Value>) -> Object<'a> {
        let mut object = Object::default();
        for (name, value) in map {
            object.set(name, Field::of(value));
        }
        object
    }

    pub fn has(&self, name: Name) -> bool {
        !matches!(self.field(name), Field::Absent)
    }

    pub fn field(&self, name: Name) -> Field<'a> {
        self.0[name as usize]
    }

    pub fn text(&self, name: Name) -> Option<&'a str> {
        match self.field(name) {
            Field::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn whole(&self, name: Name) -> Option<i64> {
        match self.field(name) {
            Field::Whole(number) => Some(number),
            _ => None,
        }
    }

    pub fn number(&self, name: Name) -> Option<f64> {
        match self.field(name) {
            Field::Whole(number) => Some(number as f64),
            Field::Decimal(number) => Some(number),
            Field::Other(value) => value.as_f64(),
            Field::Absent | Field::Text(_) => None,
        }
    }

    /// Fields that no event has are passed over.
    fn set(&mut self, name: &str, field: Field<'a>) {
        if let Some(name) = Name::of(name) {
            self.0[name as usize] = field;
        }
    }
}
