//! One key's value: from TOML, from a variable's text, and in a form that may be shown.

use super::keys::Kind;
use super::{Secret, Switch};
use std::num::IntErrorKind;
use toml::de::{DeInteger, DeValue};

/// A value of the kind that its key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Texts, paths and choices.
    Text(String),
    Secret(Secret),
    Flag(bool),
    Switch(Switch),
    Whole(u32),
    List(Vec<String>),
}

impl Value {
    /// The value that stands in a file. The error says what is wrong and what would be right.
    pub fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Value, String> {
        match (kind, value) {
            (Kind::Switch, DeValue::String(text)) if text == "auto" => Ok(Value::Switch(Switch::Auto)),
            (Kind::Switch, DeValue::Boolean(on)) => Ok(Value::Switch(if *on { Switch::On } else { Switch::Off })),
            (Kind::Flag, DeValue::Boolean(on)) => Ok(Value::Flag(*on)),
            (Kind::Whole { .. }, DeValue::Integer(number)) => whole(kind, number),
            (Kind::List, DeValue::Array(items)) => {
                let texts: Result<Vec<String>, String> = items
                    .iter()
                    .map(|item| match item.get_ref() {
                        DeValue::String(text) => printable(text).map(str::to_owned),
                        other => Err(format!("found {} in the list; {}", type_name(other), kind.expects())),
                    })
                    .collect();
                texts.map(Value::List)
            }
            (Kind::Text | Kind::Secret | Kind::Path | Kind::Choice(_), DeValue::String(text)) => textual(kind, text),
            (_, other) => Err(format!("found {}; {}", type_name(other), kind.expects())),
        }
    }

    /// The value that a variable holds. Flags may be 1 and 0, a list may be separated by commas.
    pub fn from_text(kind: Kind, text: &str) -> Result<Value, String> {
        match (kind, text) {
            (Kind::Flag, "true" | "1") => Ok(Value::Flag(true)),
            (Kind::Flag, "false" | "0") => Ok(Value::Flag(false)),
            (Kind::Switch, "true" | "1") => Ok(Value::Switch(Switch::On)),
            (Kind::Switch, "false" | "0") => Ok(Value::Switch(Switch::Off)),
            (Kind::Switch, "auto") => Ok(Value::Switch(Switch::Auto)),
            (Kind::Flag | Kind::Switch, _) => Err(format!("{} does not fit; {}", quoted(text), kind.expects())),
            (Kind::Whole { .. }, _) => whole_from(kind, text, 10),
            (Kind::List, _) if text.starts_with('[') => match DeValue::parse(text) {
                Ok(array) => Value::from_toml(kind, array.get_ref()),
                Err(_) => Err(format!("not a list; {}, or one,two", kind.expects())),
            },
            (Kind::List, _) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| printable(item).map(str::to_owned)).collect::<Result<_, _>>().map(Value::List)
            }
            (Kind::Text | Kind::Secret | Kind::Path | Kind::Choice(_), _) => textual(kind, text),
        }
    }

    /// Whether it is as if the key were not set.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Text(text) => text.is_empty(),
            Value::Secret(secret) => secret.expose().is_empty(),
            _ => false,
        }
    }

    /// The value as it may be shown: a secret is masked.
    pub fn shown(&self) -> toml::Value {
        match self {
            Value::Text(text) => text.as_str().into(),
            Value::Secret(secret) if secret.expose().is_empty() => "".into(),
            Value::Secret(_) => "***".into(),
            Value::Flag(on) => (*on).into(),
            Value::Switch(Switch::On) => true.into(),
            Value::Switch(Switch::Off) => false.into(),
            Value::Switch(Switch::Auto) => "auto".into(),
            Value::Whole(number) => i64::from(*number).into(),
            Value::List(items) => items.clone().into(),
        }
    }
}

fn textual(kind: Kind, text: &str) -> Result<Value, String> {
    let text = printable(text)?;
    match kind {
        Kind::Secret => Ok(Value::Secret(Secret::new(text))),
        Kind::Choice(choices) if !choices.contains(&text) => {
            Err(format!("{} does not fit; {}", quoted(text), kind.expects()))
        }
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// Texts end up in headers, tags and log lines: a control character has no place in any of them.
pub(super) fn printable(text: &str) -> Result<&str, String> {
    if text.chars().any(char::is_control) {
        return Err("holds a line break or another control character; a text without one".into());
    }
    Ok(text)
}

fn whole(kind: Kind, number: &DeInteger<'_>) -> Result<Value, String> {
    whole_from(kind, number.as_str(), number.radix())
}

fn whole_from(kind: Kind, digits: &str, radix: u32) -> Result<Value, String> {
    let Kind::Whole { min, max, .. } = kind else { unreachable!("asked for kinds that are whole numbers") };
    let number = i64::from_str_radix(digits, radix);
    let problem = match &number {
        Ok(number) if *number < i64::from(min) => "is too small",
        Ok(number) if *number > i64::from(max) => "is too large",
        Ok(number) => return Ok(Value::Whole(u32::try_from(*number).expect("within the kind's range"))),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => "is too large",
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => "is too small",
        Err(_) => return Err(format!("{} is no whole number; {}", quoted(digits), kind.expects())),
    };
    let told = number.map_or_else(|_| clipped(digits), |number| number.to_string());
    Err(format!("{told} {problem}; {}", kind.expects()))
}

/// The beginning of what was written, for an error. Never asked for a secret.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", clipped(text))
}

pub(super) fn clipped(text: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
