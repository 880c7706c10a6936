#!/usr/bin/env python3
"""Collects the records that are published on Redis into a pandas DataFrame, until Ctrl-C, SIGTERM or --records.

A channel is live: what is published while nobody listens is missed. count_stream.py misses nothing.
"""
import argparse
import json
import os
import signal
import sys
import time

import pandas
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SHOWN = ["total_keys", "dwell_mean", "flight_mean", "typing_speed_wpm", "total_samples", "speed_mean", "duration_ms"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
                        help="Redis; a URL with a password belongs into $REDIS_URL, which no list of processes shows")
    parser.add_argument("--kind", choices=["keystroke", "mouse", "app"], help="only records of this kind")
    parser.add_argument("--records", type=int, metavar="N", help="end after so many")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the frame to a CSV file")
    return parser.parse_args()


def listen(url, channel):
    """Yields records as they are published; connects again when Redis restarts."""
    was_connected = False
    while True:
        try:
            client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_keepalive=True)
            with client, client.pubsub(ignore_subscribe_messages=True) as subscription:
                subscription.subscribe(channel)
                was_connected = True
                while True:
                    message = subscription.get_message(timeout=5)
                    if message:
                        yield json.loads(message["data"])
        except (redis.ConnectionError, redis.TimeoutError) as error:
            if not was_connected:
                raise
            print(f"waiting for Redis: {error}", file=sys.stderr)
            time.sleep(1)


def show(frame):
    for kind, records in frame.groupby("type"):
        values = records.filter(SHOWN).dropna(axis="columns", how="all")
        print(f"\n{kind}: {len(records)} records, {records['degraded'].sum()} degraded")
        print(values.describe().loc[["count", "mean", "50%"]].round(1).to_string())


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(0o077)  # What is written is how somebody types.
    args = arguments()
    records = []
    try:
        output = open(args.output, "w", newline="") if args.output else None
        for record in listen(args.url, f"seclyzer:features:{args.kind}" if args.kind else "features"):
            records.append(record)
            if len(records) == args.records:
                break
    except KeyboardInterrupt:
        pass
    except (redis.RedisError, ValueError) as error:
        sys.exit(f"Redis: {error} (start it, or name another with --url)")
    except OSError as error:
        sys.exit(str(error))
    print(f"{len(records)} records")
    if records:
        frame = pandas.DataFrame(records)
        frame["timestamp"] = pandas.to_datetime(frame["timestamp"], format="ISO8601")
        show(frame)
        if output:
            frame.to_csv(output, index=False)


if __name__ == "__main__":
    main()
