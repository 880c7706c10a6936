#!/usr/bin/env bash
# Installs the Debian packages that building or testing needs and that are not there yet.
# usage: packages.sh build|test|deb
set -euo pipefail

case "${1:-}" in
    build) packages=(gcc libc6-dev) ;;
    test) packages=(gcc libc6-dev python3-minimal python3-venv curl redis-server redis-tools influxdb victoria-metrics openssl
                    xvfb xauth x11-xkb-utils openbox twm xterm systemd dbus-daemon i3lock
                    valgrind tmux openssh-client pinentry-curses chromium-headless-shell fonts-dejavu-core mmdebstrap) ;;
    deb) packages=(gcc libc6-dev dpkg-dev) ;;
    *) echo "usage: $0 build|test|deb" >&2; exit 64 ;;
esac

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "install by hand: ${missing[*]} (there is no apt-get here)" >&2
    exit 69
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
fi
echo "installing ${missing[*]}"
# The servers are for the tests, which start their own: policy-rc.d keeps those of the packages from starting.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}
# Nor after the next start of the machine.
disable() {
    for package in "${missing[@]}"; do
        "${as_root[@]}" systemctl disable "$package.service" >/dev/null 2>&1 || true
    done
}
install 2>/dev/null || { "${as_root[@]}" apt-get update -q >/dev/null; install; }
disable
