#!/usr/bin/env bash
# Runs the agent on a real kernel's input devices and on a desktop, in virtual machines.
# usage: test-vm.sh SECLYZER_BINARY
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
tests/vm/prepare.sh && tests/vm/prepare-desktop.sh || status=$?
if [ "$status" = 77 ]; then
    echo "warning: no virtual machine can be run here; the tests on real devices were left out" >&2
    exit 0
elif [ "$status" != 0 ]; then
    exit "$status"
fi
# `cargo test --test vm` does not build examples.
cargo build --locked --features vm-tests --example vm-uinput
SECLYZER_BIN=$1 cargo test --locked --features vm-tests --test vm
