#!/usr/bin/env python3
"""Queries records with DuckDB, in the agent's SQLite file or in files that `seclyzer export --format parquet` wrote.

Tables: keystroke, mouse, app, score, decision, with the columns of docs/contract.md. Times are UTC.
"""
import argparse
import sqlite3
import sys
from pathlib import Path

import duckdb
import pandas

TABLES = {"keystroke": "keystroke_features", "mouse": "mouse_features", "app": "app_transitions", "score": "scores",
          "decision": "decisions"}
TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}
BY_DAY = """SELECT CAST(make_timestamp(window_end) AS DATE) AS day,
                   count(*) AS windows, count(dwell_mean) AS with_values,
                   round(median(dwell_mean)) AS dwell_ms, round(median(flight_mean)) AS flight_ms,
                   round(quantile_cont(typing_speed_wpm, 0.9)) AS fast_wpm
            FROM keystroke WHERE NOT degraded GROUP BY day ORDER BY day"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the agent's database, or a folder with seclyzer-KIND.parquet")
    parser.add_argument("--sql", default=BY_DAY, help="the query; default: typing by day")
    parser.add_argument("--csv", action="store_true", help="print the answer as CSV")
    return parser.parse_args()


def take_sqlite(database, path):
    """Copies the tables. DuckDB's own reader of SQLite is an extension that it would have to download."""
    source = sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True)
    source.execute("BEGIN")  # One state of the database for all tables.
    for kind, table in TABLES.items():
        types = dict(source.execute("SELECT name, type FROM pragma_table_info(?)", [table]).fetchall())
        if not types:
            raise sqlite3.DatabaseError(f"has no table {table}")
        columns = ", ".join(f'"{name}" {TYPES[declared]}' for name, declared in types.items())
        database.execute(f"CREATE TABLE {kind} ({columns})")
        reals = {name: "float64" for name, declared in types.items() if declared == "REAL"}
        for rows in pandas.read_sql_query(f"SELECT * FROM {table}", source, dtype=reals, chunksize=10_000):
            database.register("rows", rows)
            database.execute(f"INSERT INTO {kind} SELECT * FROM rows")


def take_parquet(database, folder):
    files = [folder / f"seclyzer-{kind}.parquet" for kind in TABLES]
    if not any(file.exists() for file in files):
        sys.exit(f"{folder}: contains no seclyzer-KIND.parquet; `seclyzer export --format parquet` writes them")
    for kind, file in zip(TABLES, files):
        if file.exists():
            database.read_parquet(str(file)).create_view(kind)


def main():
    args = arguments()
    # Nothing is fetched, unless the query says INSTALL.
    database = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        (take_parquet if args.source.is_dir() else take_sqlite)(database, args.source)
    except (sqlite3.Error, duckdb.Error) as error:
        sys.exit(f"{args.source}: {error}")
    try:
        answer = database.sql(args.sql)
    except duckdb.Error as error:
        sys.exit(str(error))
    print(answer.df().to_csv(index=False), end="") if args.csv else answer.show()


if __name__ == "__main__":
    main()
