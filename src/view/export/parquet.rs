//! Parquet: groups of rows with a piece a column, each written at once. What is kept in memory is one group.

use super::Writer;
use super::columns::{Column, Type};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type as Field;
use rusqlite::types::Value;
use seclyzer::record::{Kind, SCHEMA};
use std::io::{self, Write};
use std::sync::Arc;

/// 20 MB of the widest kind.
const GROUP: usize = 16_384;
/// The contract's version, among a file's metadata.
const VERSION_KEY: &str = "seclyzer.contract_version";

/// Values of a column that are not written yet: those that are no nulls, and which are there.
enum Values {
    Text(Vec<ByteArray>),
    Whole(Vec<i64>),
    Real(Vec<f64>),
    Boolean(Vec<bool>),
}

struct Piece<'a> {
    column: &'a Column,
    values: Values,
    /// 1 for a value, 0 for a null.
    is_there: Vec<i16>,
}

pub struct Parquet<'a> {
    file: SerializedFileWriter<&'a mut (dyn Write + Send)>,
    pieces: Vec<Piece<'a>>,
    rows: usize,
}

impl<'a> Parquet<'a> {
    pub fn begin(kind: Kind, columns: &'a [Column], out: &'a mut (dyn Write + Send)) -> io::Result<Parquet<'a>> {
        let metadata = vec![
            KeyValue::new(VERSION_KEY.into(), SCHEMA.to_string()),
            KeyValue::new("seclyzer.kind".into(), kind.name().to_owned()),
        ];
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("seclyzer ", env!("CARGO_PKG_VERSION")).into())
            .set_key_value_metadata(Some(metadata))
            .build();
        let file = SerializedFileWriter::new(out, schema(kind, columns)?, Arc::new(properties))?;
        Ok(Parquet { file, pieces: columns.iter().map(Piece::new).collect(), rows: 0 })
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.file.next_row_group()?;
        for piece in &mut self.pieces {
            let column = group.next_column()?.ok_or_else(|| io::Error::other("a column is missing"))?;
            piece.write(column)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Writer for Parquet<'_> {
    fn write(&mut self, row: Vec<Value>) -> io::Result<()> {
        self.pieces.iter_mut().zip(row).try_for_each(|(piece, value)| piece.push(value))?;
        self.rows += 1;
        if self.rows == GROUP { self.write_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.file.close()?;
        Ok(())
    }
}

impl<'a> Piece<'a> {
    fn new(column: &'a Column) -> Piece<'a> {
        let values = match column.kind {
            Type::Text => Values::Text(Vec::new()),
            Type::Integer | Type::Time => Values::Whole(Vec::new()),
            Type::Real => Values::Real(Vec::new()),
            Type::Boolean => Values::Boolean(Vec::new()),
        };
        Piece { column, values, is_there: Vec::new() }
    }

    fn push(&mut self, value: Value) -> io::Result<()> {
        let is_there = value != Value::Null;
        match (&mut self.values, value) {
            (_, Value::Null) if self.column.may_be_null => {}
            (Values::Text(values), Value::Text(text)) => values.push(text.into_bytes().into()),
            (Values::Whole(values), Value::Integer(whole)) => values.push(whole),
            (Values::Real(values), Value::Real(real)) => values.push(real),
            (Values::Boolean(values), Value::Integer(is)) => values.push(is != 0),
            _ => return Err(super::not_of_its_type(self.column)),
        }
        if self.column.may_be_null {
            self.is_there.push(is_there.into());
        }
        Ok(())
    }

    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let is_there = self.column.may_be_null.then_some(&self.is_there[..]);
        match &mut self.values {
            Values::Text(values) => {
                column.typed::<ByteArrayType>().write_batch(values, is_there, None)?;
                values.clear();
            }
            Values::Whole(values) => {
                column.typed::<Int64Type>().write_batch(values, is_there, None)?;
                values.clear();
            }
            Values::Real(values) => {
                column.typed::<DoubleType>().write_batch(values, is_there, None)?;
                values.clear();
            }
            Values::Boolean(values) => {
                column.typed::<BoolType>().write_batch(values, is_there, None)?;
                values.clear();
            }
        }
        self.is_there.clear();
        column.close()
    }
}

fn schema(kind: Kind, columns: &[Column]) -> Result<Arc<Field>, ParquetError> {
    let fields = columns.iter().map(|column| {
        let (physical, logical) = match column.kind {
            Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Type::Integer => (Physical::INT64, None),
            Type::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
            Type::Real => (Physical::DOUBLE, None),
            Type::Boolean => (Physical::BOOLEAN, None),
        };
        let repetition = if column.may_be_null { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let field = Field::primitive_type_builder(&column.name, physical);
        field.with_logical_type(logical).with_repetition(repetition).build().map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    Field::group_type_builder(kind.name()).with_fields(fields).build().map(Arc::new)
}
