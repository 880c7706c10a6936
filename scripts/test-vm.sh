#!/usr/bin/env bash
# Runs the agent in virtual machines: on a real kernel's input devices, or on a whole desktop.
# usage: test-vm.sh devices|desktop CARGO SECLYZER_BINARY [TESTS]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=$2
export SECLYZER_BIN=$3

case "$1" in
    devices) prepare=(tests/vm/prepare.sh); tests=(--skip desktop_) ;;
    desktop) prepare=(tests/vm/prepare.sh tests/vm/prepare-desktop.sh); tests=("${4:-desktop_}") ;;
    *) echo "usage: $0 devices|desktop CARGO SECLYZER_BINARY [TESTS]" >&2; exit 64 ;;
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
if [ "$1" = desktop ]; then
    SECLYZER_DEB=$(scripts/deb.sh "$cargo" | tail -n 1)
    export SECLYZER_DEB
fi
# `cargo test --test vm` does not build examples.
"$cargo" build --locked --features vm-tests --example vm-uinput
"$cargo" test --locked --features vm-tests --test vm -- "${tests[@]}"
