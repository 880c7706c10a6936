//! CSV: a line of names, then a line a record. A null is an empty field; an empty text would be `""`.

use super::Writer;
use super::columns::{Column, Type};
use super::jsonl::number;
use rusqlite::types::Value;
use seclyzer::record::json::iso8601;
use std::borrow::Cow;
use std::io::{self, Write};

pub struct Csv<'a> {
    columns: &'a [Column],
    out: &'a mut (dyn Write + Send),
}

impl<'a> Csv<'a> {
    pub fn begin(columns: &'a [Column], out: &'a mut (dyn Write + Send)) -> io::Result<Csv<'a>> {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Csv { columns, out })
    }
}

impl Writer for Csv<'_> {
    fn write(&mut self, row: Vec<Value>) -> io::Result<()> {
        let mut line = String::new();
        for (i, (column, value)) in self.columns.iter().zip(&row).enumerate() {
            if i > 0 {
                line.push(',');
            }
            match (column.kind, value) {
                (_, Value::Null) => {}
                (Type::Time, Value::Integer(us)) => line += &iso8601(*us),
                (Type::Boolean, Value::Integer(is)) => line += if *is == 0 { "false" } else { "true" },
                (_, Value::Integer(whole)) => line += &whole.to_string(),
                (_, Value::Real(real)) => line += &number(*real),
                (_, Value::Text(text)) => line += &quoted(text),
                (_, Value::Blob(_)) => return Err(super::not_of_its_type(column)),
            }
        }
        line.push('\n');
        self.out.write_all(line.as_bytes())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// A field as RFC 4180 has it.
fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = !text.is_empty() && !text.contains(['"', ',', '\n', '\r']);
    if is_plain { text.into() } else { format!("\"{}\"", text.replace('"', "\"\"")).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_could_be_taken_for_more_or_less() {
        let fields = [("code", "code"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("", "\"\"")];
        for (text, field) in fields {
            assert_eq!(quoted(text), field);
        }
    }
}
