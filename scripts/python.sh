#!/usr/bin/env bash
# Makes the virtual environment of the tests that read exported records with other programs: target/python.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=tests/python/requirements.txt
venv=target/python

cmp -s "$wanted" "$venv/installed.txt" && exit 0
echo "installing what $wanted names into $venv"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check --only-binary :all: -r "$wanted"
cp "$wanted" "$venv/installed.txt"
