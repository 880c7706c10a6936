"""What other programs read in exported files.

Reads a JSON object from standard input: a file's name without its ending to a list of columns. Prints one: the same name
to an object of a reader's name to an object of a column's name to [values that are there, their sum].
"""
import json
import sys

import duckdb
import pandas
import polars
import pyarrow.parquet


def sums(base, columns):
    found = {}

    # A column of nulls has no type in CSV and JSON.
    def note(reader, count_and_sum):
        found[reader] = {column: [float(value or 0) for value in count_and_sum(column)] for column in columns}

    readers = {"parquet": pandas.read_parquet, "csv": pandas.read_csv,
               "jsonl": lambda path: pandas.read_json(path, lines=True)}
    for form, read in readers.items():
        frame = read(f"{base}.{form}")
        note(f"pandas {form}", lambda column: (frame[column].count(), frame[column].sum()))
    readers = {"parquet": polars.read_parquet, "csv": lambda path: polars.read_csv(path, infer_schema_length=None),
               "jsonl": lambda path: polars.read_ndjson(path, infer_schema_length=None)}
    for form, read in readers.items():
        table = read(f"{base}.{form}")
        note(f"polars {form}", lambda column: (table[column].count(), table[column].cast(polars.Float64).sum()))
    for form, read in {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}.items():
        both = ", ".join(f'count("{column}"), sum(CAST("{column}" AS DOUBLE))' for column in columns)
        row = duckdb.sql(f"SELECT {both} FROM {read}('{base}.{form}')").fetchall()[0]
        note(f"duckdb {form}", lambda column: row[2 * columns.index(column):][:2])
    return found


def check_parquet(base):
    """Types, metadata, and every value against the JSON lines."""
    file = pyarrow.parquet.ParquetFile(f"{base}.parquet")
    assert file.metadata.metadata[b"seclyzer.contract_version"] == b"3", file.metadata.metadata
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert types["timestamp"] == "timestamp[us, tz=UTC]", types["timestamp"]
    assert types["window_end"] == "int64" and types["user"] == "string" and types["degraded"] == "bool", types
    rows = file.read().to_pylist()
    with open(f"{base}.jsonl") as lines:
        objects = [json.loads(line) for line in lines]
    assert len(rows) == len(objects)
    for row, expected in zip(rows, objects):
        assert list(row) == list(expected), "the columns' order"
        row["timestamp"] = row["timestamp"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert row == expected, (row, expected)


files = json.load(sys.stdin)
for base in files:
    check_parquet(base)
print(json.dumps({base: sums(base, columns) for base, columns in files.items()}))
