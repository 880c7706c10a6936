#!/usr/bin/env bash
# Runs the agent where it can read a device, and a demonstration where it cannot.
# usage: run.sh SECLYZER_BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
seclyzer=$1

if reason=$("$seclyzer" devices 2>&1 >/dev/null); then
    echo "Reading your devices. Type and move the mouse: a record is printed every 5 s. Ctrl-C stops the agent."
    exec "$seclyzer" run --show
fi

database=$PWD/target/demo/seclyzer.db
cat <<BANNER
------------------------------------------------------------------------------
 No input device can be read: ${reason#seclyzer: }
 For the remedy run: $seclyzer doctor
 Instead, a trace of simulated typing is replayed at 20 times its speed, through
 the same pipeline, into a database of its own: $database
------------------------------------------------------------------------------
BANNER
rm -rf target/demo
SECLYZER_STORE_PATH=$database SECLYZER_REDIS_ENABLED=false SECLYZER_INFLUX_ENABLED=false SECLYZER_LOG_LEVEL=warn \
    "$seclyzer" replay examples/demo.jsonl --speed 20 --show
cat <<AFTER
------------------------------------------------------------------------------
 The records are in that database, under the origin \`trace\`. To look at them:
   export SECLYZER_STORE_PATH=$database
   $seclyzer report --origin trace --since 2026-09-21 -o target/demo/report.html
   $seclyzer export --origin trace --format csv -o target/demo
 A browser shows the page, target/demo/report.html. With the package sqlite3:
   sqlite3 -box $database 'SELECT time, total_keys, dwell_mean, typing_speed_wpm FROM latest_keystroke'
 In a new terminal, or after \`unset SECLYZER_STORE_PATH\`, the commands use your own database.
------------------------------------------------------------------------------
AFTER
