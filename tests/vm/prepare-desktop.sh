#!/bin/sh
# Makes ready, in target/vm/desktop, the desktop's disk (Debian with systemd, udev, logind, Xorg, openbox, xterm, Redis)
# and its initramfs; prepare.sh comes first. Needs root or sudo.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/target/vm
log=$out/prepare-desktop.log
desktop=$out/desktop
disk_size=1500M
packages='systemd-sysv udev dbus dbus-user-session libpam-systemd sudo kmod kbd procps acl cpio
    xserver-xorg-core xserver-xorg-input-libinput xinit xauth x11-common x11-xserver-utils x11-utils xfonts-base
    openbox xterm xtrlock i3lock xss-lock dunst polkitd lsof redis-server redis-tools sqlite3
    openssh-client gpg gpg-agent pinentry-curses'
. "$here/lib.sh"

# Debian's or Ubuntu's own sources, as apt here has them.
sources() {
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' "Created-By: Packages" "Origin: $1"
}

make_root() {
    . /etc/os-release
    case $ID in
    debian) origin=Debian ;;
    ubuntu) origin=Ubuntu ;;
    *) fail "the desktop is Debian or Ubuntu, as the host is" ;;
    esac
    sources "$origin" >sources.list
    [ -s sources.list ] || { apt_update && sources "$origin" >sources.list; }
    # 3D drivers are not used and are most of the size.
    as_root mmdebstrap --quiet --variant=minbase --include="$(echo $packages | tr ' ' ,)" \
        --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' --dpkgopt='path-exclude=/usr/lib/*/dri/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        "$VERSION_CODENAME" root sources.list >>"$log" 2>&1
}

# The kernel's modules, without those for hardware that the machine has not.
add_modules() {
    mkdir kernel
    for deb in "$out"/packages/linux-*.deb; do dpkg -x "$deb" kernel; done
    version=$(ls kernel/lib/modules)
    modules=kernel/lib/modules/$version
    rm -rf "$modules"/kernel/sound "$modules"/kernel/net
    find "$modules"/kernel/drivers -mindepth 1 -maxdepth 1 \
        ! -name gpu ! -name block ! -name char ! -name input ! -name hid ! -name usb ! -name virtio ! -name video -exec rm -rf {} +
    find "$modules"/kernel/drivers/gpu/drm -mindepth 1 -maxdepth 1 ! -name '*.ko' ! -name tiny ! -name ttm -exec rm -rf {} +
    as_root cp -r --no-preserve=ownership "kernel/lib/modules" root/usr/lib/
    as_root depmod -b "$PWD/root" "$version"
    copy_modules "$version" base/modules order virtio_pci virtio_blk ext4 crc32c_generic
}

make_initramfs() {
    mkdir -p base/bin busybox
    dpkg -x "$out"/packages/busybox-static_*.deb busybox
    cp "$(find busybox -path '*/bin/busybox' -type f)" base/bin/busybox
    install -m 0755 "$here/desktop/init" base/init
    install -m 0755 "$here/guest/insert" base/bin/insert
    pack_initramfs base initramfs.cpio
}

make_disk() {
    as_root cp -r --no-preserve=ownership "$here/desktop/files/." root/
    as_root install -m 0755 "$here/guest/serve" root/usr/local/bin/serve
    as_root sh "$here/desktop/customise" "$PWD/root"
    truncate -s "$disk_size" disk.raw
    as_root mkfs.ext4 -q -F -d root disk.raw >>"$log" 2>&1
}

# Its modules are those of the kernel that it is booted with.
stamp=$(ls "$out/packages" && find "$here/prepare-desktop.sh" "$here/lib.sh" "$here/prepare.sh" "$here/guest" "$here/desktop" -type f ! -name '*.rs' | sort | xargs cat | sha256sum)
: >"$log"
install_tools mmdebstrap:mmdebstrap mkfs.ext4:e2fsprogs
[ "$(cat "$desktop/stamp" 2>/dev/null)" = "$stamp" ] && exit

work=$(mktemp -d "$out/work.XXXXXX")
trap 'as_root rm -rf "$work"' EXIT
cd "$work"
echo 'tests/vm: preparing a desktop'
make_root || { echo "tests/vm: mmdebstrap failed, see $log" >&2 && exit 1; }
add_modules
make_initramfs
make_disk
# A saved state belongs to its disk.
rm -rf "$desktop"
mkdir "$desktop"
mv initramfs.cpio disk.raw "$desktop"
echo "$stamp" >"$desktop/stamp"
