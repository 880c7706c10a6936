#!/usr/bin/env bash
# Runs the agent in virtual machines: on a real kernel's input devices, and on a whole desktop.
# usage: test-vm.sh CARGO SECLYZER_BINARY FEATURE [TESTS]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=$1
export SECLYZER_BIN=$2
feature=$3

tests/vm/prepare.sh
tests/vm/prepare-desktop.sh
SECLYZER_DEB=$(scripts/deb.sh "$cargo" | tail -n 1)
export SECLYZER_DEB
# `cargo test --test vm` does not build examples.
"$cargo" build --locked --features "$feature" --example vm-uinput
# A desktop waits half of its time for what is typed in it: one more than there are processors runs at a time.
"$cargo" test --locked --features "$feature" --test vm -- --test-threads="$(($(nproc) + 1))" "${@:4}"
