#!/usr/bin/env bash
# Runs the agent in virtual machines: on a real kernel's input devices, and on a whole desktop.
# usage: test-vm.sh CARGO SECLYZER_BINARY [TESTS]    all tests, or those with this in their name
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=$1
export SECLYZER_BIN=$2
tests=("${@:3}")

# Status 77: this machine cannot.
prepare() {
    local status=0
    "tests/vm/$1" || status=$?
    if [ "$status" = 77 ]; then
        echo "warning: $2" >&2
        return 1
    fi
    [ "$status" = 0 ] || exit "$status"
}

prepare prepare.sh "no virtual machine can be run here; the tests in it were left out" || exit 0
if prepare prepare-desktop.sh "no desktop can be made here; the tests on it were left out"; then
    SECLYZER_DEB=$(scripts/deb.sh "$cargo" | tail -n 1)
    export SECLYZER_DEB
else
    tests+=(--skip desktop_)
fi
# `cargo test --test vm` does not build examples.
"$cargo" build --locked --features vm-tests --example vm-uinput
"$cargo" test --locked --features vm-tests --test vm -- "${tests[@]}"
