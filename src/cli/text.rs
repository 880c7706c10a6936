//! Text for terminals.

pub use crate::event::without_controls as printable;
use serde_json::Value;

/// The same of every text that a value from elsewhere contains.
pub fn printable_value(value: &mut Value) {
    match value {
        Value::String(text) => *text = printable(text),
        Value::Array(values) => values.iter_mut().for_each(printable_value),
        Value::Object(values) => {
            *values = std::mem::take(values)
                .into_iter()
                .map(|(name, mut value)| {
                    printable_value(&mut value);
                    (printable(&name), value)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Rows in columns as wide as their widest cell; a line each.
pub fn table<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> String {
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).chain([head[i].len()]).max().unwrap_or(0);
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        for (i, cell) in cells.into_iter().enumerate() {
            line += &format!("{cell:<width$}  ", width = width(i));
        }
        line.trim_end().to_owned() + "\n"
    };
    let rows = rows.iter().map(|row| line(std::array::from_fn(|i| row[i].as_str())));
    std::iter::once(line(*head)).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_change_others_do_not_reach_a_terminal() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}\u{9b}2J\nb – 字"), "a\u{fffd}]0;x\u{fffd}\u{fffd}2J\u{fffd}b – 字");
        let unseen = "\u{200b}\u{200f}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{2028}\u{2029}\u{ad}\u{e0041}";
        assert_eq!(printable(unseen), "\u{fffd}".repeat(12));
        assert_eq!(printable("é e\u{301} שלום عربي 👩 ❤\u{fe0f}"), "é e\u{301} שלום عربي 👩 ❤\u{fe0f}");
        let mut value = serde_json::json!({ "a\u{7}": ["\u{1b}[2J", { "b": "\n" }, 3, null] });
        printable_value(&mut value);
        assert_eq!(value, serde_json::json!({ "a\u{fffd}": ["\u{fffd}[2J", { "b": "\u{fffd}" }, 3, null] }));
    }
}
