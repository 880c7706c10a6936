//! The contract's textual form of an event: one JSON object.
//!
//! What does not fit is a [`Reject`], which says why but never what: its text may be a password.

mod object;

use super::{Action, Button, Control, Event, GapReason, Key, KeySet, Layout, Micros, Scope, Stamped};
use object::{Field, Name, Object};
use serde_json::{Value, json};

/// No number in an event may be larger than this in magnitude.
const LARGEST: f64 = 1e6;
/// 9999-12-31T23:59:59.999999Z: later times have no ISO 8601 form of four-digit years.
const LATEST_US: Micros = 253_402_300_799_999_999;
/// An application's name may have so many bytes.
pub const LONGEST_NAME: usize = 256;

/// Why an event was dropped before it reached the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Reject {
    #[error("not a JSON object")]
    NotAnObject,
    #[error("`type` or `event` is missing or none that exists")]
    UnknownType,
    #[error("`ts` is not a positive whole number of microseconds")]
    BadTime,
    #[error("a field is missing or of the wrong type")]
    BadField,
    #[error("`key` names no key")]
    UnknownKey,
    #[error("a number lies beyond ±1,000,000")]
    OutOfRange,
    #[error("a name is empty or longer than 256 bytes")]
    BadName,
    #[error("no motion at all")]
    NoMotion,
    #[error("longer than any event")]
    TooLong,
}

impl Reject {
    /// A short name for counters.
    pub fn name(self) -> &'static str {
        match self {
            Reject::NotAnObject => "not_an_object",
            Reject::UnknownType => "unknown_type",
            Reject::BadTime => "bad_time",
            Reject::BadField => "bad_field",
            Reject::UnknownKey => "unknown_key",
            Reject::OutOfRange => "out_of_range",
            Reject::BadName => "bad_name",
            Reject::NoMotion => "no_motion",
            Reject::TooLong => "too_long",
        }
    }
}

/// Parses one event object. Fields that the contract does not know are ignored.
pub fn parse(text: &[u8]) -> Result<Stamped, Reject> {
    let text = std::str::from_utf8(text).map_err(|_| Reject::NotAnObject)?;
    let mut object = Object::default();
    if object.read(text).is_some() {
        return stamped(&object);
    }
    let value: Value = serde_json::from_str(text).map_err(|_| Reject::NotAnObject)?;
    stamped(&Object::of(value.as_object().ok_or(Reject::NotAnObject)?))
}

fn stamped(object: &Object<'_>) -> Result<Stamped, Reject> {
    let kind = object.text(Name::Type).ok_or(Reject::UnknownType)?;
    let ts_us = match object.whole(Name::Ts) {
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

fn keystroke(object: &Object<'_>) -> Result<Event, Reject> {
    let name = text(object, Name::Key)?;
    let action = action(object)?;
    let key = Key::named(name).ok_or(Reject::UnknownKey)?;
    Ok(Event::Key { key, action })
}

fn mouse(object: &Object<'_>) -> Result<Event, Reject> {
    match text(object, Name::Event)? {
        "move" if object.has(Name::Dx) || object.has(Name::Dy) => {
            let part = |name| if object.has(name) { number(object, name) } else { Ok(0.0) };
            match (part(Name::Dx)?, part(Name::Dy)?) {
                (0.0, 0.0) => Err(Reject::NoMotion),
                (dx, dy) => Ok(Event::Move { dx, dy }),
            }
        }
        "move" => Ok(Event::MoveTo { x: number(object, Name::X)?, y: number(object, Name::Y)? }),
        "scroll" => match number(object, Name::ScrollDelta)? {
            0.0 => Err(Reject::NoMotion),
            delta => Ok(Event::Scroll { delta }),
        },
        "touch" => Ok(Event::Touch),
        _ => {
            let action = action(object)?;
            let button = match object.field(Name::Button) {
                Field::Absent => return Err(Reject::BadField),
                Field::Text(name) => Button::named(name),
                // rdev numbers the buttons that it has no name for.
                Field::Whole(number) => Button::named(&number.to_string()),
                Field::Decimal(number) => Button::named(&Value::from(number).to_string()),
                Field::Other(other) => Button::named(&other.to_string()),
            };
            Ok(Event::Button { button, action })
        }
    }
}

fn focus(object: &Object<'_>) -> Result<Event, Reject> {
    if text(object, Name::Event)? != "focus" {
        return Err(Reject::UnknownType);
    }
    match object.field(Name::App) {
        Field::Other(Value::Null) => Ok(Event::Focus { app: None }),
        Field::Text(name) if name.is_empty() || name.len() > LONGEST_NAME => Err(Reject::BadName),
        Field::Text(name) => Ok(Event::Focus { app: Some(name.into()) }),
        _ => Err(Reject::BadField),
    }
}

fn gap(object: &Object<'_>) -> Result<Event, Reject> {
    let scope = match object.has(Name::Scope).then(|| object.text(Name::Scope)) {
        None | Some(Some("all")) => Scope::All,
        Some(Some("keystroke")) => Scope::Keystroke,
        Some(Some("mouse")) => Scope::Mouse,
        Some(Some("app")) => Scope::App,
        Some(_) => return Err(Reject::BadField),
    };
    Ok(Event::Gap { scope, reason: GapReason::Told })
}

fn control(object: &Object<'_>, ts_us: Micros) -> Result<Control, Reject> {
    match text(object, Name::Event)? {
        "unlock" => Ok(Control::Unlock),
        "lock" => Ok(Control::Lock),
        "guest" => match object.whole(Name::Until) {
            Some(until_us) if until_us > ts_us && until_us <= LATEST_US => Ok(Control::Guest { until_us }),
            _ => Err(Reject::BadField),
        },
        _ => Err(Reject::UnknownType),
    }
}

/// `letters` alone is enough: without the other lists the letters with Shift are the same but for the number row, the
/// marks are those of the US keyboard without Shift, AltGr writes no letter and there are no dead keys.
fn layout(object: &Object<'_>) -> Result<Event, Reject> {
    let letters = key_set(object, Name::Letters)?.ok_or(Reject::BadField)?;
    let alone = Layout::of_letters(letters);
    let marks = key_set(object, Name::Marks)?.unwrap_or(Key::US_MARKS);
    let shift_letters = key_set(object, Name::ShiftLetters)?.unwrap_or(alone.shift);
    let shift_marks = key_set(object, Name::ShiftMarks)?.unwrap_or_default();
    let accents = key_set(object, Name::Accents)?.unwrap_or_default();
    Ok(Event::Layout(Box::new(Layout {
        plain: letters.union(marks),
        shift: shift_letters.union(shift_marks),
        altgr: key_set(object, Name::AltgrLetters)?.unwrap_or_default(),
        accents,
        shift_accents: key_set(object, Name::ShiftAccents)?.unwrap_or(accents),
    })))
}

/// A list of keys' names; `None` if there is none.
fn key_set(object: &Object<'_>, name: Name) -> Result<Option<KeySet>, Reject> {
    if !object.has(name) {
        return Ok(None);
    }
    let key = |name: &Value| {
        let key = Key::named(name.as_str().ok_or(Reject::BadField)?).ok_or(Reject::UnknownKey)?;
        if key.may_write_letters() { Ok(key) } else { Err(Reject::BadField) }
    };
    match object.field(name) {
        Field::Other(Value::Array(list)) => list.iter().map(key).collect::<Result<_, _>>().map(Some),
        _ => Err(Reject::BadField),
    }
}

fn text<'a>(object: &Object<'a>, name: Name) -> Result<&'a str, Reject> {
    object.text(name).ok_or(Reject::BadField)
}

fn number(object: &Object<'_>, name: Name) -> Result<f64, Reject> {
    let value = object.number(name).ok_or(Reject::BadField)?;
    if value.abs() <= LARGEST { Ok(value) } else { Err(Reject::OutOfRange) }
}

fn action(object: &Object<'_>) -> Result<Action, Reject> {
    match text(object, Name::Event)? {
        "press" => Ok(Action::Press),
        "release" => Ok(Action::Release),
        _ => Err(Reject::UnknownType),
    }
}

/// The object that [`parse`] reads back; for traces that the user records. `None` for a key or button without a name.
pub fn to_json(stamped: &Stamped) -> Option<Value> {
    let ts = stamped.ts_us;
    let action = |action| match action {
        Action::Press => "press",
        Action::Release => "release",
    };
    Some(match &stamped.event {
        Event::Key { key, action: a } => {
            json!({"type": "keystroke", "ts": ts, "key": key.kernel_name()?, "event": action(*a)})
        }
        Event::Move { dx, dy } => json!({"type": "mouse", "ts": ts, "event": "move", "dx": dx, "dy": dy}),
        Event::MoveTo { x, y } => json!({"type": "mouse", "ts": ts, "event": "move", "x": x, "y": y}),
        Event::Button { button, action: a } => {
            let button = match button {
                Button::Left => json!("Left"),
                Button::Right => json!("Right"),
                Button::Middle => json!("Middle"),
                Button::Other(number) => json!(number),
            };
            json!({"type": "mouse", "ts": ts, "event": action(*a), "button": button})
        }
        Event::Scroll { delta } => json!({"type": "mouse", "ts": ts, "event": "scroll", "scroll_delta": delta}),
        Event::Touch => json!({"type": "mouse", "ts": ts, "event": "touch"}),
        Event::Focus { app } => json!({"type": "app", "ts": ts, "event": "focus", "app_name": app}),
        Event::Layout(layout) => {
            let names = |keys: KeySet| keys.iter().filter_map(Key::kernel_name).collect::<Vec<_>>();
            json!({"type": "layout", "ts": ts, "letters": names(layout.plain), "shift_letters": names(layout.shift),
                   "altgr_letters": names(layout.altgr), "marks": [], "shift_marks": [],
                   "accents": names(layout.accents), "shift_accents": names(layout.shift_accents)})
        }
        Event::Control(Control::Unlock) => json!({"type": "control", "ts": ts, "event": "unlock"}),
        Event::Control(Control::Lock) => json!({"type": "control", "ts": ts, "event": "lock"}),
        Event::Control(Control::Guest { until_us }) => {
            json!({"type": "control", "ts": ts, "event": "guest", "until": until_us})
        }
        Event::Gap { scope, reason } => {
            json!({"type": "gap", "ts": ts, "scope": scope.name(), "reason": reason.name()})
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_rejected_by_reason() {
        let long = format!(r#"{{"type":"app","ts":1,"event":"focus","app_name":"{}"}}"#, "a".repeat(257));
        for (text, reason) in [
            ("", Reject::NotAnObject),
            ("[1]", Reject::NotAnObject),
            (r#"{"type":"keystroke","ts":1,"key":"a","event":"press""#, Reject::NotAnObject),
            (r#"{"type":"mouse","ts":1,"event":"move","dx":NaN}"#, Reject::NotAnObject),
            (r#"{"ts":1}"#, Reject::UnknownType),
            (r#"{"type":"gamepad","ts":1}"#, Reject::UnknownType),
            (r#"{"type":"keystroke","ts":1,"key":"a","event":"repeat"}"#, Reject::UnknownType),
            (r#"{"type":"app","ts":1,"event":"blur","app_name":"a"}"#, Reject::UnknownType),
            (r#"{"type":"keystroke","key":"a","event":"press"}"#, Reject::BadTime),
            (r#"{"type":"keystroke","ts":0,"key":"a","event":"press"}"#, Reject::BadTime),
            (r#"{"type":"keystroke","ts":-5,"key":"a","event":"press"}"#, Reject::BadTime),
            (r#"{"type":"keystroke","ts":1.0,"key":"a","event":"press"}"#, Reject::BadTime),
            (r#"{"type":"keystroke","ts":true,"key":"a","event":"press"}"#, Reject::BadTime),
            (r#"{"type":"keystroke","ts":9223372036854775807,"key":"a","event":"press"}"#, Reject::BadTime),
            (r#"{"type":"keystroke","ts":1,"event":"press"}"#, Reject::BadField),
            (r#"{"type":"keystroke","ts":1,"key":7,"event":"press"}"#, Reject::BadField),
            (r#"{"type":"keystroke","ts":1,"key":"KEY_NOSUCH","event":"press"}"#, Reject::UnknownKey),
            (r#"{"type":"mouse","ts":1,"event":"move"}"#, Reject::BadField),
            (r#"{"type":"mouse","ts":1,"event":"move","x":"a","y":1}"#, Reject::BadField),
            (r#"{"type":"mouse","ts":1,"event":"move","dx":null}"#, Reject::BadField),
            (r#"{"type":"mouse","ts":1,"event":"move","dx":1000001}"#, Reject::OutOfRange),
            (r#"{"type":"mouse","ts":1,"event":"move","dx":0,"dy":0}"#, Reject::NoMotion),
            (r#"{"type":"mouse","ts":1,"event":"scroll","scroll_delta":0}"#, Reject::NoMotion),
            (r#"{"type":"mouse","ts":1,"event":"press"}"#, Reject::BadField),
            (r#"{"type":"app","ts":1,"event":"focus"}"#, Reject::BadField),
            (r#"{"type":"app","ts":1,"event":"focus","app_name":""}"#, Reject::BadName),
            (&long, Reject::BadName),
            (r#"{"type":"gap","ts":1,"scope":"windows"}"#, Reject::BadField),
            (r#"{"type":"control","ts":1,"event":"open"}"#, Reject::UnknownType),
            (r#"{"type":"control","ts":5,"event":"guest"}"#, Reject::BadField),
            (r#"{"type":"control","ts":5,"event":"guest","until":5}"#, Reject::BadField),
            (r#"{"type":"layout","ts":1}"#, Reject::BadField),
            (r#"{"type":"layout","ts":1,"letters":"abc"}"#, Reject::BadField),
            (r#"{"type":"layout","ts":1,"letters":[7]}"#, Reject::BadField),
            (r#"{"type":"layout","ts":1,"letters":["KEY_NOSUCH"]}"#, Reject::UnknownKey),
            (r#"{"type":"layout","ts":1,"letters":["KEY_ENTER"]}"#, Reject::BadField),
            (r#"{"type":"layout","ts":1,"letters":["a"],"accents":["KEY_SPACE"]}"#, Reject::BadField),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(reason), "{text}");
        }
        assert_eq!(parse(b"{\"type\":\"app\",\"\xff\":1}"), Err(Reject::NotAnObject));
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_event() {
        let key = Key::named("KEY_Q").expect("a key");
        for event in [
            Event::Key { key, action: Action::Press },
            Event::Move { dx: -3.0, dy: 0.5 },
            Event::MoveTo { x: 12.0, y: 7.0 },
            Event::Button { button: Button::Left, action: Action::Release },
            Event::Scroll { delta: -0.125 },
            Event::Touch,
            Event::Focus { app: Some("org.example \"Mail\"".into()) },
            Event::Focus { app: None },
            Event::Gap { scope: Scope::Mouse, reason: GapReason::Told },
            Event::Control(Control::Unlock),
            Event::Control(Control::Lock),
            Event::Control(Control::Guest { until_us: 1_790_000_000_000_002 }),
            Event::Layout(Box::new(Layout::US)),
            Event::Layout(Box::new(Layout {
                altgr: [key].into_iter().collect(),
                accents: Key::US_MARKS,
                shift_accents: [key].into_iter().collect(),
                ..Layout::US
            })),
        ] {
            let stamped = Stamped { ts_us: 1_790_000_000_000_001, event };
            let text = to_json(&stamped).expect("a name for everything").to_string();
            assert_eq!(parse(text.as_bytes()), Ok(stamped), "{text}");
        }
    }
}
