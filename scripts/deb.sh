#!/usr/bin/env bash
# Makes a Debian package of the release binary that is there.
# usage: deb.sh CARGO
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=$1
version=3.8.0
tools=$PWD/target/tools

scripts/packages.sh deb
if [ "$("$tools/bin/cargo-deb" --version 2>/dev/null)" != "cargo-deb $version" ]; then
    "$cargo" install --quiet --locked --root "$tools" "cargo-deb@$version"
fi
rm -rf target/packaging
"$cargo" run --quiet --locked --example packaging -- target/packaging
"$tools/bin/cargo-deb" deb --no-build --locked
