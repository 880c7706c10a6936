#!/usr/bin/env bash
# Runs the agent in virtual machines: on a real kernel's input devices, or on a whole desktop.
# usage: test-vm.sh devices|desktop SECLYZER_BINARY
set -euo pipefail
cd "$(dirname "$0")/.."

case "$1" in
    devices) prepare=(tests/vm/prepare.sh); choice=(--skip desktop_) ;;
    desktop) prepare=(tests/vm/prepare.sh tests/vm/prepare-desktop.sh); choice=(desktop_) ;;
    *) echo "usage: $0 devices|desktop SECLYZER_BINARY" >&2; exit 64 ;;
esac

for step in "${prepare[@]}"; do
    status=0
    "$step" || status=$?
    if [ "$status" = 77 ]; then
        echo "warning: no virtual machine can be run here; the tests in it were left out" >&2
        exit 0
    elif [ "$status" != 0 ]; then
        exit "$status"
    fi
done
# `cargo test --test vm` does not build examples.
cargo build --locked --features vm-tests --example vm-uinput
SECLYZER_BIN=$2 cargo test --locked --features vm-tests --test vm -- "${choice[@]}"
