#!/bin/sh
# Makes ready, in target/vm, what the tests' virtual machine boots from: an uncompressed Linux kernel and an initramfs
# with busybox and the modules for input devices. Nothing but a few tools is installed; kernel and busybox are only
# unpacked.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/target/vm
log=$out/prepare.log
modules='virtio_pci virtio_console evdev uinput uhid hid_generic virtio_input'
ps2_modules='psmouse'
usb_modules='xhci_pci usbhid hid_generic'
. "$here/lib.sh"

# The package of the newest kernel: what Debian's or Ubuntu's meta package depends on.
kernel_package() {
    for meta in linux-image-amd64 linux-image-generic; do
        apt-cache depends "$meta" 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p'
    done | head -n 1
}

# Downloads packages into the working folder and unpacks them there in root/.
unpack() {
    apt-get download "$@" >>"$log" 2>&1 || { apt_update && apt-get download "$@" >>"$log" 2>&1; } || {
        echo "tests/vm: apt-get download $* failed, see $log" >&2
        return 1
    }
    for deb in ./*.deb; do dpkg -x "$deb" root; done
}

number_at() { # OFFSET BYTES, of the kernel image
    od -A n -t "u$2" -j "$1" -N "$2" "$image" | tr -d ' '
}

# A bzImage says in its header where its compressed kernel lies. Booting that kernel unpacked saves 4 s each time.
unpack_kernel() {
    image=$1
    start=$((($(number_at 497 1) + 1) * 512 + $(number_at 584 4)))
    size=$(($(number_at 588 4) - 4)) # behind it stands its unpacked size
    tail -c +$((start + 1)) "$image" | head -c "$size" >kernel.packed
    case $(od -A n -t x1 -N 4 kernel.packed | tr -d ' ') in
    fd377a58) xz -dc --single-stream kernel.packed ;;
    28b52ffd) zstd -dcq kernel.packed ;;
    *) echo "tests/vm: unknown compression of $image" >&2 && return 1 ;;
    esac >vmlinux
}

make_initramfs() {
    mkdir -p base/bin base/etc
    cp "$(find root -path '*/bin/busybox' -type f)" base/bin/busybox
    install -m 0755 "$here/guest/init" base/init
    install -m 0755 "$here/guest/permit" base/bin/permit
    for script in serve as-user insert; do install -m 0755 "$here/guest/$script" "base/bin/$script"; done
    printf '%s\n' root:x:0:0::/root:/bin/sh agent:x:1000:1000::/home/agent:/bin/sh >base/etc/passwd
    printf '%s\n' root:x:0: input:x:104:agent agent:x:1000: >base/etc/group
    echo '127.0.0.1 localhost' >base/etc/hosts
    pack_initramfs base initramfs.cpio
}

mkdir -p "$out"
stamp=$(find "$here/prepare.sh" "$here/lib.sh" "$here/guest" -type f ! -name '*.rs' | sort | xargs cat | sha256sum)
[ "$(uname -m)" = x86_64 ] || fail 'it is prepared for x86_64 only'
command -v apt-get >/dev/null || fail 'no apt-get'
: >"$log"
install_tools qemu-system-x86_64:qemu-system-x86 cpio:cpio modprobe:kmod xz:xz-utils zstd:zstd
[ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && exit

work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir root
kernel=$(kernel_package)
[ -n "$kernel" ] || { apt_update && kernel=$(kernel_package); }
[ -n "$kernel" ] || { echo 'tests/vm: apt knows no kernel package' >&2 && exit 1; }
version=${kernel#linux-image-}
packages="busybox-static $kernel"
# Ubuntu keeps the modules in a package of their own.
apt-cache show "linux-modules-$version" >/dev/null 2>&1 && packages="$packages linux-modules-$version"
echo "tests/vm: preparing a guest with $packages"
# shellcheck disable=SC2086 # a list of words
unpack $packages
unpack_kernel "root/boot/vmlinuz-$version"
[ -d root/lib/modules ] || ln -s usr/lib root/lib
depmod -b "$PWD/root" "$version"
# shellcheck disable=SC2086 # lists of words
{
    copy_modules "$version" base/modules order $modules
    copy_modules "$version" base/modules ps2 $ps2_modules
    copy_modules "$version" base/modules usb $usb_modules
}
make_initramfs
# The desktop is prepared from the same kernel.
rm -rf "$out/packages"
mkdir "$out/packages"
mv ./*.deb "$out/packages"
mv vmlinux initramfs.cpio "$out"
echo "$stamp" >"$out/stamp"
