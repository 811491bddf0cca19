# Sourced after common.sh. Fetches the kernel headers from which the tables of system calls are generated.
# shellcheck shell=bash

# Prints the packages with the headers for programs and with the prototypes of system calls, of the newest kernel that
# the apt state $1 knows.
kernel_header_packages() {
    local headers
    headers=$(private_apt "$1" amd64 apt-cache depends --important linux-headers-amd64 |
        sed -n 's/^ *Depends: \(linux-headers-.*\)$/\1/p' | head -n 1)
    [ -n "$headers" ] || die "Debian has no package linux-headers-amd64"
    private_apt "$1" amd64 apt-cache depends --important "$headers" |
        sed -n 's/^ *Depends: \(linux-headers-.*-common\)$/\1/p' | grep -m 1 . || die "$headers needs no common headers"
    echo linux-libc-dev
}

# kernel_headers TARGET NAME LINE…: unpacks them into TARGET, with the apt state NAME and these sources. TARGET gets
# include/ as programs see it; kernel/ with the few headers of the kernel itself that have prototypes, and constants
# that programs get from their C library; and the packages' versions in version. Callers hold a lock.
kernel_headers() {
    local target=$1 name=$2 work package
    say "fetching kernel headers into $target"
    private_apt_update "$name" amd64 "${@:3}"
    work=$(mktemp -d "$panda_cache/kernel-headers.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    mkdir -p "$work/packages" "$work/result/kernel"
    for package in $(kernel_header_packages "$name"); do
        (cd "$work/packages" && retry private_apt "$name" amd64 apt-get -qq download "$package") ||
            die "cannot download $package"
    done
    for package in "$work"/packages/*.deb; do
        dpkg-deb -x "$package" "$work/tree"
        dpkg-deb -W "$package" >>"$work/result/version"
    done
    cp -rL "$work/tree/usr/include" "$work/result/include"
    # The headers of one architecture, or those that all have in common.
    if [ -e "$work/result/include/x86_64-linux-gnu/asm" ]; then
        cp -rL "$work/result/include/x86_64-linux-gnu/asm" "$work/result/include/asm"
    fi
    rm -rf "$work"/result/include/*-linux-gnu*
    (cd "$work"/tree/usr/src/linux-headers-*-common/include &&
        cp --parents linux/{syscalls,socket,net,errno,fs,splice,statfs,syslog}.h asm-generic/syscalls.h "$work/result/kernel/")
    rm -rf "$target"
    chmod 755 "$work/result"
    mv -T "$work/result" "$target"
}
