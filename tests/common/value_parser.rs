//! The contract's rules for one event's object, written over the whole of it as a `Value`: what the parser must agree
//! with, whatever the text.

use seclyzer::event::json::{LONGEST_NAME, Reject};
use seclyzer::event::{Action, Button, Control, Event, GapReason, Key, KeySet, Layout, Micros, Scope, Stamped};
use serde_json::{Map, Value};

const LARGEST: f64 = 1e6;
const LATEST_US: Micros = 253_402_300_799_999_999;

pub fn parse(text: &[u8]) -> Result<Stamped, Reject> {
    let value: Value = serde_json::from_slice(text).map_err(|_| Reject::NotAnObject)?;
    let object = value.as_object().ok_or(Reject::NotAnObject)?;
    let kind = object.get("type").and_then(Value::as_str).ok_or(Reject::UnknownType)?;
    let ts_us = match object.get("ts").and_then(Value::as_i64) {
        Some(ts) if ts > 0 && ts <= LATEST_US => ts,
        _ => return Err(Reject::BadTime),
    };
    let event = match kind {
        "keystroke" => keystroke(object)?,
        "mouse" => mouse(object)?,
        "app" => focus(object)?,
        "gap" => gap(object)?,
        "layout" => layout(object)?,
        "control" => Event::Control(control(object, ts_us)?),
        _ => return Err(Reject::UnknownType),
    };
    Ok(Stamped { ts_us, event })
}

fn keystroke(object: &Map<String, Value>) -> Result<Event, Reject> {
    let name = text(object, "key")?;
    let action = action(object)?;
    let key = Key::named(name).ok_or(Reject::UnknownKey)?;
    Ok(Event::Key { key, action })
}

fn mouse(object: &Map<String, Value>) -> Result<Event, Reject> {
    match text(object, "event")? {
        "move" if object.contains_key("dx") || object.contains_key("dy") => {
            let part = |field| if object.contains_key(field) { number(object, field) } else { Ok(0.0) };
            match (part("dx")?, part("dy")?) {
                (0.0, 0.0) => Err(Reject::NoMotion),
                (dx, dy) => Ok(Event::Move { dx, dy }),
            }
        }
        "move" => Ok(Event::MoveTo { x: number(object, "x")?, y: number(object, "y")? }),
        "scroll" => match number(object, "scroll_delta")? {
            0.0 => Err(Reject::NoMotion),
            delta => Ok(Event::Scroll { delta }),
        },
        "touch" => Ok(Event::Touch),
        _ => {
            let action = action(object)?;
            let button = match object.get("button").ok_or(Reject::BadField)? {
                Value::String(name) => Button::named(name),
                // rdev numbers the buttons that it has no name for.
                other => Button::named(&other.to_string()),
            };
            Ok(Event::Button { button, action })
        }
    }
}

fn focus(object: &Map<String, Value>) -> Result<Event, Reject> {
    if text(object, "event")? != "focus" {
        return Err(Reject::UnknownType);
    }
    match object.get("app_name").ok_or(Reject::BadField)? {
        Value::Null => Ok(Event::Focus { app: None }),
        Value::String(name) if name.is_empty() || name.len() > LONGEST_NAME => Err(Reject::BadName),
        Value::String(name) => Ok(Event::Focus { app: Some(name.as_str().into()) }),
        _ => Err(Reject::BadField),
    }
}

fn gap(object: &Map<String, Value>) -> Result<Event, Reject> {
    let scope = match object.get("scope").map(Value::as_str) {
        None | Some(Some("all")) => Scope::All,
        Some(Some("keystroke")) => Scope::Keystroke,
        Some(Some("mouse")) => Scope::Mouse,
        Some(Some("app")) => Scope::App,
        Some(_) => return Err(Reject::BadField),
    };
    Ok(Event::Gap { scope, reason: GapReason::Told })
}

/// `letters` alone is enough: without the other lists Shift changes no letter's key, the marks are those of the US
/// keyboard, AltGr writes no letter and there are no dead keys.
fn control(object: &Map<String, Value>, ts_us: Micros) -> Result<Control, Reject> {
    match text(object, "event")? {
        "unlock" => Ok(Control::Unlock),
        "lock" => Ok(Control::Lock),
        "guest" => match object.get("until").and_then(Value::as_i64) {
            Some(until_us) if until_us > ts_us && until_us <= LATEST_US => Ok(Control::Guest { until_us }),
            _ => Err(Reject::BadField),
        },
        _ => Err(Reject::UnknownType),
    }
}

fn layout(object: &Map<String, Value>) -> Result<Event, Reject> {
    let letters = key_set(object, "letters")?.ok_or(Reject::BadField)?;
    let alone = Layout::of_letters(letters);
    let marks = key_set(object, "marks")?.unwrap_or(Key::US_MARKS);
    let shift_letters = key_set(object, "shift_letters")?.unwrap_or(alone.shift);
    let shift_marks = key_set(object, "shift_marks")?.unwrap_or_default();
    let accents = key_set(object, "accents")?.unwrap_or_default();
    Ok(Event::Layout(Box::new(Layout {
        plain: letters.union(marks),
        shift: shift_letters.union(shift_marks),
        altgr: key_set(object, "altgr_letters")?.unwrap_or_default(),
        accents,
        shift_accents: key_set(object, "shift_accents")?.unwrap_or(accents),
    })))
}

/// A list of keys' names; `None` if there is none.
fn key_set(object: &Map<String, Value>, field: &str) -> Result<Option<KeySet>, Reject> {
    let Some(list) = object.get(field) else { return Ok(None) };
    let key = |name: &Value| {
        let key = Key::named(name.as_str().ok_or(Reject::BadField)?).ok_or(Reject::UnknownKey)?;
        if key.may_write_letters() { Ok(key) } else { Err(Reject::BadField) }
    };
    list.as_array().ok_or(Reject::BadField)?.iter().map(key).collect::<Result<_, _>>().map(Some)
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Result<&'a str, Reject> {
    object.get(field).and_then(Value::as_str).ok_or(Reject::BadField)
}

fn number(object: &Map<String, Value>, field: &str) -> Result<f64, Reject> {
    let value = object.get(field).and_then(Value::as_f64).ok_or(Reject::BadField)?;
    if value.abs() <= LARGEST { Ok(value) } else { Err(Reject::OutOfRange) }
}

fn action(object: &Map<String, Value>) -> Result<Action, Reject> {
    match text(object, "event")? {
        "press" => Ok(Action::Press),
        "release" => Ok(Action::Release),
        _ => Err(Reject::UnknownType),
    }
}
