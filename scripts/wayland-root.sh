#!/bin/sh
# Makes ready, in target/wayland/NAME, a root directory with Wayland compositors, which the tests run without a screen.
# It is kept until its list of packages changes. Where the machine has Debian it is of Debian 13, the first with all of
# them, from the mirror that the machine has; elsewhere of the machine's own release. Needs root or sudo.
# usage: wayland-root.sh root|gnome
set -eu
out=$(cd "$(dirname "$0")/.." && pwd)/target/wayland
name=${1:-}
case $name in
root) packages='sway labwc kwin-wayland swaylock wtype xwayland xterm' ;;
gnome) packages='gnome-shell mutter python3-gi gir1.2-gtk-4.0' ;;
*) echo "usage: $0 root|gnome" >&2 && exit 64 ;;
esac
packages="$packages foot fonts-dejavu-core dbus dbus-user-session libglib2.0-bin"
root=$out/$name
log=$out/$name.log
PATH=$PATH:/usr/sbin:/sbin

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian's or Ubuntu's own sources, as apt here has them.
sources() {
    case $ID in
    debian) origin=Debian release=trixie ;;
    *) origin=Ubuntu release='$(RELEASE)' ;;
    esac
    apt-get indextargets --format "deb \$(REPO_URI) $release \$(COMPONENT)" "Created-By: Packages" "Origin: $origin" \
        "Codename: $VERSION_CODENAME"
}

make_root() {
    . /etc/os-release
    sources >"$work/sources.list"
    [ -s "$work/sources.list" ] || { as_root apt-get update && sources >"$work/sources.list"; }
    as_root mmdebstrap --variant=apt --mode=root --aptopt='APT::Install-Recommends "false"' \
        --include="$(echo "$packages" | tr ' ' ,)" --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/help/*' \
        "$([ "$ID" = debian ] && echo trixie || echo "$VERSION_CODENAME")" "$work/root" "$work/sources.list"
    # Whoever runs the tests may remove it with the rest of target.
    as_root chown -R "$(id -u):$(id -g)" "$work/root"
}

stamp=$(sha256sum <"$0")
[ "$(cat "$root/stamp" 2>/dev/null)" = "$stamp" ] && exit
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
trap 'as_root rm -rf "$work"' EXIT
echo "tests: preparing Wayland compositors in target/wayland/$name"
make_root >"$log" 2>&1 || { echo "tests: mmdebstrap failed, see $log" >&2 && exit 1; }
echo "$stamp" >"$work/root/stamp"
rm -rf "$root"
mv "$work/root" "$root"
echo "tests: $(du -sh "$root" | cut -f1) in target/wayland/$name"
