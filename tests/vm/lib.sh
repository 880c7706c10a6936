# What the scripts that prepare the virtual machines have in common; sourced by them with $here, $out and $log set.
# shellcheck shell=sh disable=SC2154

PATH=$PATH:/usr/sbin:/sbin

fail() {
    echo "tests/vm: the virtual machines cannot be prepared here: $1 (\`make test-host\` does without them)" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1
}

apt_update() {
    as_root apt-get update >>"$log" 2>&1
}

# Installs the packages whose commands are missing; arguments are COMMAND:PACKAGE.
install_tools() {
    missing=
    for tool; do
        command -v "${tool%%:*}" >/dev/null || missing="$missing ${tool#*:}"
    done
    [ -z "$missing" ] && return
    echo "tests/vm: installing$missing"
    # shellcheck disable=SC2086 # a list of words
    apt_install $missing || { apt_update && apt_install $missing; } ||
        fail "apt-get install$missing failed, see $log"
}

# Copies modules of a kernel unpacked in root/, and what they depend on, to a folder. Its file ORDER says in which
# order they are to be inserted.
copy_modules() { # VERSION FOLDER ORDER MODULE...
    version=$1 folder=$2 order=$3
    shift 3
    mkdir -p "$folder"
    for module; do
        modprobe -C /dev/null -d "$PWD/root" -S "$version" --show-depends "$module"
    done >insertions
    awk '$1 == "insmod" && !seen[$2]++ { print $2 }' insertions | while read -r file; do
        name=$(basename "$file")
        case $file in
        *.xz) xz -dc "$file" ;;
        *.zst) zstd -dcq "$file" ;;
        *) cat "$file" ;;
        esac >"$folder/${name%%.ko*}.ko"
        echo "${name%%.ko*}.ko"
    done >"$folder/$order"
}

pack_initramfs() { # FOLDER FILE
    (cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) >"$2"
}
