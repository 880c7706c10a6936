#!/usr/bin/env bash
# Makes the virtual environment of the tests that run programs in Python: target/python.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=(examples/consumers/requirements.txt tests/python/requirements.txt)
venv=target/python

cat "${wanted[@]}" | cmp -s - "$venv/installed.txt" && exit 0
echo "installing what ${wanted[*]} name into $venv"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check --only-binary :all: "${wanted[@]/#/--requirement=}"
cat "${wanted[@]}" >"$venv/installed.txt"
