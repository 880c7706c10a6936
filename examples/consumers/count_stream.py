#!/usr/bin/env python3
"""Counts the records of the Redis stream, each exactly once, as one of any number of consumers of a group.

The counts are in a SQLite file that the consumers share. An entry of the stream is acknowledged only after its record
is in the file. A consumer that is killed in between leaves it to the others, and a record that comes again is in the
file already, by what names it: type, user, host, origin and window_end.

It counts records, not what was typed: the windows of 30 s begin every 5 s and overlap, so that a key or a sample of the
mouse is part of up to six records.
"""
import argparse
import json
import os
import signal
import socket
import sqlite3
import sys
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

STREAM = "seclyzer:stream:features"
BATCH = 50
TABLE = "CREATE TABLE IF NOT EXISTS counted (record TEXT PRIMARY KEY, type TEXT, amount INTEGER)"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
                        help="Redis; a URL with a password belongs into $REDIS_URL, which no list of processes shows")
    parser.add_argument("--file", default="counted.db", help="the SQLite file; default counted.db")
    parser.add_argument("--group", default="count", help="the group that shares the stream; default count")
    parser.add_argument("--name", default=socket.gethostname(), help="this consumer's; default the host's name")
    parser.add_argument("--idle", type=float, default=60, metavar="SECONDS",
                        help="take over what a consumer has not acknowledged for so long; default 60")
    return parser.parse_args()


def count(table, entries):
    """Adds what is not there yet; when it returns, that is on disk."""
    rows = []
    for entry_id, fields in entries:
        try:
            record = json.loads(fields["record"])
            name = [record[key] for key in ("type", "user", "host", "origin", "window_end")]
            rows.append((json.dumps(name), str(record["type"]), record.get("total_keys", record.get("total_samples"))))
        except (KeyError, TypeError, ValueError):
            print(f"{entry_id} contains no record", file=sys.stderr)
    with table:
        table.executemany("INSERT OR IGNORE INTO counted VALUES (?, ?, ?)", rows)


def join_group(client, args):
    try:
        client.xgroup_create(STREAM, args.group, id="0", mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):  # It is there already.
            raise


def follow(client, table, args):
    """Counts what others left, and what is new, again and again."""
    place = "0-0"
    while True:
        place, left, trimmed = client.xautoclaim(
            STREAM, args.group, args.name, int(1000 * args.idle), start_id=place, count=BATCH)
        if trimmed:
            print(f"{len(trimmed)} records were trimmed from the stream before they were counted", file=sys.stderr)
        new = client.xreadgroup(args.group, args.name, {STREAM: ">"}, count=BATCH, block=1 if left else 1000)
        entries = left + (new[0][1] if new else [])
        if entries:
            count(table, entries)
            client.xack(STREAM, args.group, *[entry_id for entry_id, _ in entries])


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(0o077)  # What is written is when somebody typed.
    args = arguments()
    has_joined = False
    try:
        table = sqlite3.connect(args.file, timeout=60)
        table.execute(TABLE)
        client = redis.Redis.from_url(args.url, decode_responses=True, retry=Retry(NoBackoff(), 0))
        while True:
            try:
                join_group(client, args)
                has_joined = True
                follow(client, table, args)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if not has_joined:
                    raise
                print(f"waiting for Redis: {error}", file=sys.stderr)
                time.sleep(1)
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):  # It restarted without its data.
                    raise
    except KeyboardInterrupt:
        for kind, records, amount in table.execute("SELECT type, count(*), sum(amount) FROM counted GROUP BY type"):
            what = {"keystroke": "keys", "mouse": "samples"}.get(kind)
            contain = f", which contain {amount or 0} {what}: windows overlap, so each is in up to six" if what else ""
            print(f"{kind}: {records} records{contain}")
    except (redis.RedisError, ValueError) as error:
        sys.exit(f"Redis: {error} (start it, or name another with --url)")
    except sqlite3.Error as error:
        sys.exit(f"{args.file}: {error}")


if __name__ == "__main__":
    main()
