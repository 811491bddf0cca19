#!/bin/bash
# Fetches Debian's QEMU source, applies this project's patches, builds qemu-system-x86_64 and puts it into the cache.
#
# usage: build.sh [--print-directory] [--update] [--quiet]
#   The last line of standard output (none with --quiet) is the directory of the result, $PANDA_CACHE/qemu-HASH:
#     bin/qemu-system-x86_64   finds share/qemu and lib/qemu by itself
#     lib/qemu/                its modules
#     share/qemu/              firmware, option ROMs and key maps, copied from Debian's packages
#     sdk/src, sdk/build       headers of the patched source and headers that the build generated
#     sdk/cflags               what compiles a file that includes them; for gcc @FILE
#     build-info               version, patches and options, for people
#   HASH covers the Debian version, the patches, the options below and the host's release, so another clone with the
#   same patches builds nothing, needs no network, and returns at once.
#   --print-directory   only says where the result is or would be
#   --update            looks for a newer 10.0.x; without it the version found first is kept
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/common.sh"
. "$here/source.sh"

# What Debian's own qemu-system-x86 has, but for what cannot be recorded (accelerators of the host, and devices of which
# another process or the host's kernel writes to the guest's memory: vhost, Xen, RDMA, Spice, the host's GPU) and for disks
# on network storage. What needs libraries of the desktop is in modules, which are loaded when they are used.
# shellcheck disable=SC2054  # commas of the linker flag and of the audio drivers
configure_options=(
    --target-list=x86_64-softmmu --without-default-features --enable-tcg --enable-plugins --enable-system
    --disable-user --disable-docs --disable-install-blobs --disable-download --enable-modules --libdir=lib
    # machines
    --enable-fdt=system --enable-tpm --enable-numa --enable-seccomp --enable-zstd --enable-gnutls --enable-nettle
    # disks and file systems
    --enable-virtfs --enable-attr --enable-cap-ng --enable-vvfat --enable-qcow1 --enable-qed --enable-vdi --enable-vmdk
    --enable-vpc --enable-vhdx --enable-parallels --enable-bochs --enable-cloop --enable-dmg --enable-bzip2
    --enable-linux-aio --enable-linux-io-uring --enable-curl --enable-replication
    # networks
    --enable-slirp --enable-l2tpv3 --enable-colo-proxy
    # screens and sound
    --enable-pixman --enable-vnc --enable-vnc-jpeg --enable-png --enable-curses --enable-iconv --enable-sdl
    --enable-alsa --enable-pa --enable-pipewire --enable-oss --audio-drv-list=pa,pipewire,alsa,oss,sdl
    # USB devices of the host
    --enable-libusb --enable-usb-redir --enable-smartcard --enable-libudev
    # The engine is a shared object that calls back into QEMU.
    --extra-ldflags=-Wl,--export-dynamic
)
# Raise it when what is installed changes without a change of the options above.
layout=1

result_directory() {
    local hash
    hash=$({
        echo "layout $layout, host $(host_release), qemu $(cat "$version_file")"
        printf '%s\n' "${configure_options[@]}"
        cat "$here"/patches/*.patch
    } | sha256sum)
    echo "$panda_cache/qemu-${hash:0:16}"
}

# Builds source $1 in $2; everything that it prints goes to a log.
compile() {
    local log=$panda_cache/qemu-build.log
    mkdir -p "$2/tools"
    # Debian's meson is a Python program; a python3 of the user's own (pyenv, conda) must not get to run it.
    if [ -e "$panda_cache/deps/usr/bin/meson" ]; then
        export PYTHONPATH=$panda_cache/deps/usr/lib/python3/dist-packages
        printf '#!/bin/sh\nexec /usr/bin/python3 "%s" "$@"\n' "$panda_cache/deps/usr/bin/meson" >"$2/tools/meson"
        chmod +x "$2/tools/meson"
        export PATH=$2/tools:$PATH
    fi
    say "configuring and building QEMU, about seven minutes on two cores (log: $log)"
    if ! (cd "$2" && "$1/configure" --python=/usr/bin/python3 "${configure_options[@]}" &&
        ninja ${PANDA_JOBS:+-j "$PANDA_JOBS"} qemu-system-x86_64 modules) >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "QEMU does not build; the whole log is $log"
    fi
}

# Firmware that Debian packages apart from QEMU, and QEMU's own option ROMs.
install_firmware() {
    local share=$1/share/qemu ipxe=/usr/lib/ipxe/qemu file
    [ -d "$ipxe" ] || ipxe=/usr/share/qemu # since trixie
    mkdir -p "$share"
    for file in /usr/share/seabios/{bios,bios-256k,bios-microvm}.bin /usr/share/seabios/vgabios*.bin \
        /usr/share/qemu/{kvmvapic,linuxboot,linuxboot_dma,multiboot,multiboot_dma,pvh}.bin /usr/share/qemu/qboot.rom \
        "$ipxe"/{pxe,efi}-*.rom; do
        [ -e "$file" ] || die "$file is missing; run tools/setup.sh"
        cp -L "$file" "$share/"
    done
    cp -RL /usr/share/qemu/keymaps "$share/"
}

# Headers only, in the layout of the source ($1) and build ($2) directories.
install_sdk() {
    local source=$1 build=$2 sdk=$3/sdk
    mkdir -p "$sdk/src" "$sdk/build"
    (cd "$source" && find accel fpu host hw include linux-headers migration monitor plugins system target/i386 tcg \
        \( -name '*.h' -o -name '*.inc' -o -name '*.def' \) -print0 | cpio --quiet -0pdL "$sdk/src")
    (cd "$build" && {
        find . -maxdepth 1 -name '*.h' -print0
        find -L block linux-headers qapi target trace ui \( -name '*.h' -o -name '*.inc' \) -print0
    } | cpio --quiet -0pdL "$sdk/build")
    /usr/bin/python3 "$here/sdk_cflags.py" "$build/compile_commands.json" "$source" "$build" "$4" >"$sdk/cflags"
}

build() {
    local target=$1 work
    work=$(mktemp -d "$panda_cache/qemu-build.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    unpack_patched "$work/src"
    compile "$work/src" "$work/build"
    mkdir -p "$work/result/bin" "$work/result/lib/qemu"
    cp "$work/build/qemu-system-x86_64" "$work/result/bin/"
    cp "$work"/build/*.so "$work/result/lib/qemu/"
    install_firmware "$work/result"
    install_sdk "$work/src" "$work/build" "$work/result" "$target/sdk"
    {
        echo "Debian source package: qemu $(cat "$version_file")"
        echo "host: Debian $(host_release)"
        echo "configure: ${configure_options[*]}"
        (cd "$here" && sha256sum patches/*.patch)
    } >"$work/result/build-info"
    # What is there has no build-info: remains of something else, under the lock nobody's.
    rm -rf "$target"
    mv -T "$work/result" "$target"
    say "QEMU $(cat "$version_file") is ready in $target"
}

main() {
    local print=no update=no quiet=no directory
    for argument in "$@"; do
        case $argument in
        --print-directory) print=yes ;;
        --update) update=yes ;;
        --quiet) quiet=yes ;;
        *) say "unknown argument $argument" && exit 2 ;;
        esac
    done
    if [ "$update" = yes ] || [ ! -e "$version_file" ]; then
        with_lock qemu
        { [ "$update" = no ] && [ -e "$version_file" ]; } || resolve_version
    fi
    directory=$(result_directory)
    if [ "$print" = no ] && [ ! -e "$directory/build-info" ]; then
        [ -n "${panda_lock:-}" ] || with_lock qemu
        [ -e "$directory/build-info" ] || build "$directory"
    fi
    [ "$quiet" = yes ] || echo "$directory"
}

main "$@"
