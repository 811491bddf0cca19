#!/bin/bash
# Builds a small Linux guest for panda-record, without root: a Debian kernel and an initramfs of busybox-static, the
# kernel's modules for QEMU's devices, /init (files/init) and a few workloads.
#
# usage: build.sh [--kernel PACKAGE_OR_FILE] [--architecture amd64|i386] [--suite RELEASE] [--update] [--link PATH]
#                 [--print-directory]
#   The last line of standard output is the directory of the result, $PANDA_CACHE/guest-HASH:
#     vmlinuz, config   from the kernel package
#     initrd            cpio, gzip
#     build-info        what it was made of
#   --kernel        a Debian package (default linux-image-cloud-amd64 of the host's release; linux-image-amd64 has
#                   more drivers, e1000 and IDE among them), a .deb file, or a kernel image (then without modules)
#   --architecture  of the kernel and of busybox; if not given, it follows from the package's name
#   --suite         the Debian release to take the kernel from, for example trixie (default: the host's)
#   --link          makes PATH a symbolic link to the result
#   --update        looks for newer packages; without it the versions that were found first are kept
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../common.sh"
PATH=$PATH:/usr/sbin:/sbin

# Raise this when the result changes although no input has changed.
layout=1
# Drivers for the devices that QEMU's pc machine offers, what they need, some file systems, and what ss asks. Names that the kernel
# does not have as modules (because they are built in or left out) are skipped.
modules=(virtio_pci virtio_blk virtio_net virtio_scsi virtio_console virtio_balloon virtio_input virtio-rng
    ata_piix ahci nvme megaraid_sas mptsas sym53c8xx am53c974 vmw_pvscsi sdhci-pci mmc_block sd_mod sr_mod floppy
    e1000 e1000e igb e100 8139cp ne2k-pci pcnet32 de2104x tulip vmxnet3 cdc_ether
    uhci-hcd ehci-pci xhci-pci usbhid usb-storage uas psmouse evdev mousedev
    ext4 crc32c_generic vfat isofs 9p 9pnet_virtio overlay nls_ascii nls_cp437 af_packet
    inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag)

# The last release with kernels for i386.
suite_of() {
    if [ "$1" = i386 ]; then
        echo bookworm
    else
        host_release
    fi
}

# Prints PACKAGE=VERSION for a package's newest version in the apt state $1. Follows a metapackage (linux-image-amd64)
# to the package with the files.
resolve_package() {
    local state=$1 package=$2 real
    real=$(private_apt "$state" "$architecture" apt-cache depends --important "$package" 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
    package=${real:-$package}
    private_apt "$state" "$architecture" apt-cache show --no-all-versions "$package" 2>/dev/null |
        sed -n "s/^Version: /$package=/p" | head -n 1 | grep . ||
        die "there is no package $2 for $architecture in the Debian release of $state"
}

# Reads the package lists of release $2 into the apt state $1.
update_lists() {
    private_apt_update "$1" "$architecture" "$(source_line deb "$2")" "$(source_line deb "$2-updates")" \
        "$(source_line deb "$2-security" security)"
}

# Writes "kernel=PACKAGE=VERSION" and "busybox=PACKAGE=VERSION" to $1.
resolve() {
    local release
    release=$(suite_of "$architecture")
    say "looking for $kernel${suite:+ of $suite} and busybox-static in Debian $release ($architecture)"
    update_lists "$apt_state" "$release"
    [ "$kernel_state" = "$apt_state" ] || update_lists "$kernel_state" "$suite"
    {
        [ "$kernel_is_file" = yes ] || echo "kernel=$(resolve_package "$kernel_state" "$kernel")"
        echo "busybox=$(resolve_package "$apt_state" busybox-static)"
    } >"$1.new"
    mv "$1.new" "$1"
}

result_directory() {
    local hash
    hash=$({
        echo "layout $layout, $architecture, ${modules[*]}"
        cat "$resolved"
        [ "$kernel_is_file" = no ] || cat "$kernel"
        cat "$here/panda_mark.c"
        (cd "$here/files" && find . -type f | LC_ALL=C sort | xargs sha256sum)
    } | sha256sum)
    echo "$panda_cache/guest-${hash:0:16}"
}

# For the guest's architecture, with the host's compiler and no library.
compile_mark() { # output
    local flags=(-O2 -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables
        -fcf-protection=none "-Wl,--build-id=none" -s -Wall -Wextra -Werror)
    [ "$architecture" = amd64 ] || flags+=(-m32)
    gcc "${flags[@]}" -o "$1" "$here/panda_mark.c" || die "panda-mark does not compile"
}

# unpack_package STATE PACKAGE=VERSION DIRECTORY
unpack_package() {
    mkdir -p "$3" "$panda_cache/packages"
    (cd "$panda_cache/packages" &&
        retry private_apt "$1" "$architecture" apt-get -qq download "$2" >&2) ||
        die "cannot download $2 (if the mirror has a newer one only, use --update)"
    unpack_deb "$panda_cache/packages/${2%%=*}_$(sed 's/.*=//; s/:/%3a/' <<<"$2")_$architecture.deb" "$3"
}

unpack_deb() {
    dpkg-deb -x "$1" "$2" || die "$1 is not a Debian package"
}

# Unpacks the package with the kernel, PACKAGE=VERSION, into a directory. Since 2026 it has no files of its own, but
# depends on packages with the kernel and its modules; the kernel and its configuration are among the modules.
unpack_kernel() {
    local package=${1%%=*} version=${1#*=} part
    unpack_package "$kernel_state" "$1" "$2"
    compgen -G "$2/boot/vmlinuz*" >/dev/null && return 0
    for part in $(private_apt "$kernel_state" "$architecture" apt-cache depends --important "$package=$version" |
        sed -n "s/^ *Depends: \(linux-[a-z]*-${package#linux-image-}\)$/\1/p"); do
        unpack_package "$kernel_state" "$part=$version" "$2"
    done
    mkdir -p "$2/boot"
    cp "$2"/usr/lib/modules/*/{vmlinuz,config} "$2/boot/" 2>/dev/null || true
}

# Copies the modules named above, and what they depend on, from the unpacked package $1 into the tree $2.
install_modules() {
    local version from to module file
    version=$(cd "$1" && find lib/modules usr/lib/modules -mindepth 1 -maxdepth 1 2>/dev/null | head -n 1) || true
    [ -n "$version" ] || return 0
    from=$1/${version%/*} to=$2/lib/modules version=${version##*/}
    # depmod and busybox know the path /lib/modules; packages of some releases use /usr/lib.
    [ -e "$1/lib/modules" ] || ln -s "usr/lib" "$1/lib"
    depmod -b "$1" "$version"
    for module in "${modules[@]}"; do
        { modprobe -C /dev/null -d "$1" -S "$version" -D "$module" 2>/dev/null || true; } |
            sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | sort -u | while read -r file; do
        file=${file#*/lib/modules/}
        mkdir -p "$to/$(dirname "$file")"
        case $file in
        *.xz) xz -dc "$from/$file" >"$to/${file%.xz}" ;;
        *.zst) zstd -qdc "$from/$file" >"$to/${file%.zst}" ;;
        *) cp "$from/$file" "$to/$file" ;;
        esac
    done
    [ -d "$to/$version" ] || return 0
    cp "$from/$version/modules.order" "$from/$version"/modules.builtin* "$to/$version/" 2>/dev/null || true
    depmod -b "$2" "$version"
    rm -f "$to/$version"/modules.*.bin "$to/$version"/modules.{order,devname,softdep,weakdep} \
        "$to/$version"/modules.builtin*
}

# Packs the tree $1 as $2: everything is owned by root, without times, in order, with the two devices that the kernel
# opens before /init mounts a devtmpfs. bsdtar writes device nodes from an mtree description, so root is not needed.
pack() {
    {
        echo '#mtree'
        echo '/set uid=0 gid=0 time=0'
        (cd "$1" && find . -mindepth 1 \( -type d -printf '%p type=dir mode=%m\n' \) -o \
            \( -type f -printf "%p type=file mode=%m content=$1/%P\n" \) | LC_ALL=C sort)
        echo './dev/console type=char device=linux,5,1 mode=0600'
        echo './dev/null type=char device=linux,1,3 mode=0666'
    } >"$2.mtree"
    bsdtar -cf - --format=newc "@$2.mtree" | gzip -9n >"$2"
    rm "$2.mtree"
}

build() {
    local target=$1 work tree package
    work=$(mktemp -d "$panda_cache/guest-build.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    tree=$work/tree
    mkdir -p "$work/result" "$work/kernel" "$tree"/{bin,dev,etc,lib,mnt,proc,root,sys,tmp,usr/share,var}
    chmod 1777 "$tree/tmp"
    say "building the guest"
    package=$(sed -n 's/^kernel=//p' "$resolved")
    if [ -n "$package" ]; then
        unpack_kernel "$package" "$work/kernel"
    elif [[ $kernel == *.deb ]]; then
        unpack_deb "$kernel" "$work/kernel"
    else
        mkdir -p "$work/kernel/boot"
        cp "$kernel" "$work/kernel/boot/vmlinuz"
    fi
    for file in vmlinuz config; do
        cp "$work/kernel/boot/$file"* "$work/result/$file" 2>/dev/null || [ "$file" != vmlinuz ] ||
            die "$kernel holds no boot/vmlinuz"
    done
    unpack_package "$apt_state" "$(sed -n 's/^busybox=//p' "$resolved")" "$work/busybox"
    cp "$(find "$work/busybox" -path '*bin/busybox' | head -n 1)" "$tree/bin/busybox"
    install_modules "$work/kernel" "$tree"
    cp -R "$here/files/." "$tree/"
    compile_mark "$tree/bin/panda-mark"
    find "$tree" -mindepth 1 -not -path "$tree/tmp" -exec chmod u=rwX,go=rX {} +
    pack "$tree" "$work/result/initrd"
    { echo "architecture=$architecture" && cat "$resolved" && echo "source=$kernel"; } >"$work/result/build-info"
    [ -z "$suite" ] || echo "suite=$suite" >>"$work/result/build-info"
    chmod 755 "$work/result"
    rm -rf "$target"
    mv -T "$work/result" "$target"
    say "the guest is ready in $target"
}

main() {
    local print=no update=no directory
    kernel=linux-image-cloud-amd64 architecture='' suite='' kernel_is_file=no link=''
    while [ $# -gt 0 ]; do
        case $1 in
        --kernel | --architecture | --suite | --link)
            [ $# -gt 1 ] || { say "$1 wants a value" && exit 2; }
            printf -v "${1#--}" %s "$2"
            shift
            ;;
        --update) update=yes ;;
        --print-directory) print=yes ;;
        *) say "unknown argument $1" && exit 2 ;;
        esac
        shift
    done
    [[ $kernel != */* && ! -f $kernel ]] || kernel_is_file=yes
    [ $kernel_is_file = no ] || [ -r "$kernel" ] || die "$kernel cannot be read"
    case ${architecture:-${kernel##*/}} in
    amd64 | i386) ;;
    *-686* | *i386*) architecture=i386 ;;
    *) architecture=amd64 ;;
    esac

    apt_state=guest-$architecture kernel_state=guest-${suite:+$suite-}$architecture
    resolved=$panda_cache/$kernel_state-$kernel.versions
    [ $kernel_is_file = no ] || resolved=$panda_cache/$kernel_state.versions
    if [ "$update" = yes ] || [ ! -e "$resolved" ]; then
        with_lock guest
        { [ "$update" = no ] && [ -e "$resolved" ]; } || resolve "$resolved"
    fi
    directory=$(result_directory)
    if [ "$print" = no ] && [ ! -e "$directory/build-info" ]; then
        [ -n "${panda_lock:-}" ] || with_lock guest
        [ -e "$directory/build-info" ] || build "$directory"
    fi
    if [ -n "$link" ]; then
        mkdir -p "$(dirname "$link")"
        ln -sfnT "$directory" "$link"
    fi
    echo "$directory"
}

main "$@"
