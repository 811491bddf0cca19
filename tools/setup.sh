#!/bin/bash
# Installs what building and testing need, on Debian 12 (bookworm) and 13 (trixie). When everything is there, it does
# nothing and needs no network. usage: tools/setup.sh [--print-packages]
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/kernel_headers.sh"

# The one list of packages. The names are the same in both releases.
packages=(
    # compilers and build tools
    build-essential cmake ninja-build pkg-config git
    # the presets "fuzz" and "thread", formatting and lint
    clang-19 libclang-rt-19-dev llvm-19 clang-format-19 clang-tidy-19 shellcheck
    # lifting
    llvm-19-dev
    # libraries of this project
    libcapnp-dev capnproto libzstd-dev libxxhash-dev libboost-program-options-dev libglib2.0-dev nlohmann-json3-dev
    libpcap-dev libdw-dev libelf-dev liblzma-dev zlib1g-dev liblz4-dev
    # building QEMU, and the firmware of its machines
    flex bison python3-venv python3-packaging python3-setuptools python3-wheel
    dpkg-dev seabios qemu-system-data ipxe-qemu
    libpixman-1-dev libslirp-dev libfdt-dev libnuma-dev libseccomp-dev libgnutls28-dev nettle-dev libcap-ng-dev libbz2-dev
    libaio-dev liburing-dev libcurl4-gnutls-dev libjpeg62-turbo-dev libpng-dev libncurses-dev libsdl2-dev
    libasound2-dev libpulse-dev libpipewire-0.3-dev libusb-1.0-0-dev libusbredirparser-dev libcacard-dev libudev-dev
    # building the guest
    cpio kmod libarchive-tools libarchive-dev xz-utils zstd mmdebstrap
    # running the tests
    e2fsprogs python3-minimal strace gdb crash python3-drgn openssl tshark valgrind librsvg2-bin libunicorn-dev
)

# These must be newer than what bookworm has. They come from its backports and are unpacked into the cache instead of
# installed, so that the machine's sources.list stays as it is. Later releases have them in main.
backports=(meson libcatch2-dev)

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "not root and no sudo here; as root, run: $*"
    fi
}

install_packages() {
    local missing=() package
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    retry as_root apt-get -qq update || die "apt-get update failed"
    retry as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2 || die "apt-get install failed"
}

# Unpacks backports into $panda_cache/deps, once.
unpack_backports() {
    local target=$panda_cache/deps package stamp work
    stamp=$target/.panda-$(printf '%s ' "$@" | tr ' ' '-')1
    [ ! -e "$stamp" ] || return 0
    with_lock deps
    [ ! -e "$stamp" ] || return 0
    say "fetching $* from bookworm-backports into $target"
    private_apt_update backports amd64 "$(source_line deb bookworm-backports)"
    work=$(mktemp -d "$panda_cache/deps.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    (cd "$work" && for package in "$@"; do
        retry private_apt backports amd64 apt-get -qq download "$package" || die "cannot download $package"
    done)
    mkdir -p "$target"
    for package in "$work"/*.deb; do
        dpkg-deb -x "$package" "$target"
    done
    touch "$stamp"
}

# Fetches once what the tables of system calls are generated from (analyzers/syscalls): the headers of the newest kernel
# that Debian has, unstable included, because it has the calls of all older kernels.
unpack_kernel_headers() {
    [ ! -e "$panda_cache/kernel-headers/version" ] || return 0
    with_lock kernel-headers
    [ ! -e "$panda_cache/kernel-headers/version" ] || return 0
    kernel_headers "$panda_cache/kernel-headers" kernel-headers "$(source_line deb trixie)" "$(source_line deb sid)"
}

main() {
    local release
    case ${1:-} in
    --print-packages) printf '%s\n' "${packages[@]}" && exit ;;
    '') ;;
    *) say "unknown argument $1" && exit 2 ;;
    esac
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "this project builds on Debian amd64 only"
    release=$(host_release)
    if [ "$release" = bookworm ]; then
        install_packages "${packages[@]}"
        unpack_backports "${backports[@]}"
    else
        install_packages "${packages[@]}" "${backports[@]}"
    fi
    (unpack_kernel_headers)
    say "everything is there"
}

main "$@"
