//! JSON lines: an object a record, the very text that Redis is sent.

use super::Writer;
use super::columns::{Column, Type};
use rusqlite::types::Value;
use seclyzer::record::json::iso8601;
use std::io::{self, Write};

pub struct Jsonl<'a> {
    columns: &'a [Column],
    out: &'a mut (dyn Write + Send),
}

impl<'a> Jsonl<'a> {
    pub fn new(columns: &'a [Column], out: &'a mut (dyn Write + Send)) -> Jsonl<'a> {
        Jsonl { columns, out }
    }
}

impl Writer for Jsonl<'_> {
    fn write(&mut self, row: Vec<Value>) -> io::Result<()> {
        let mut line = String::new();
        for (i, (column, value)) in self.columns.iter().zip(&row).enumerate() {
            line += if i == 0 { "{\"" } else { ",\"" };
            // Letters, digits and underscores: nothing has to be escaped.
            line += &column.name;
            line += "\":";
            match (column.kind, value) {
                (_, Value::Null) => line += "null",
                (Type::Time, Value::Integer(us)) => line += &format!("\"{}\"", iso8601(*us)),
                (Type::Boolean, Value::Integer(is)) => line += if *is == 0 { "false" } else { "true" },
                (_, Value::Integer(whole)) => line += &whole.to_string(),
                (_, Value::Real(real)) => line += &number(*real),
                (_, Value::Text(text)) => line += &serde_json::to_string(text)?,
                (_, Value::Blob(_)) => return Err(super::not_of_its_type(column)),
            }
        }
        line += "}\n";
        self.out.write_all(line.as_bytes())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// The shortest text that is read back as the same finite number.
pub fn number(real: f64) -> String {
    serde_json::Number::from_f64(real).map_or_else(|| "null".into(), |number| number.to_string())
}
