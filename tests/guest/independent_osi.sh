#!/bin/bash
# Compares introspection with an independent tool: drgn, with the kernel's debug package, on the dump of memory that
# panda-analyze memdump writes, at moments that the guest marks. CTest does not run it, because the package has hundreds
# of megabytes; it is kept in the cache. It needs Debian's package python3-drgn.
#
# usage: independent_osi.sh BUILD [GUEST]
#   GUEST is a directory that tools/guest/build.sh made of a Debian kernel; default: the build's own.
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
. "$repository/tools/common.sh"
command -v drgn >/dev/null || skip "drgn is not installed (package python3-drgn)"
guest=${2:-$build/libexec/panda/guest}
package=$(sed -n 's/^kernel=\([^=]*\)=.*/\1/p' "$guest/build-info")
version=$(sed -n 's/^kernel=[^=]*=//p' "$guest/build-info")

# debug_kernel: prints the path of the kernel's vmlinux with debugging information, which it fetches once.
debug_kernel() {
    local directory=$panda_cache/debug/${package#linux-image-}_$version work state suite
    if [ ! -e "$directory/vmlinux" ]; then
        with_lock debug
        state='guest-debug'
        for suite in bullseye bookworm trixie; do
            private_apt_update $state-$suite amd64 "$(source_line deb $suite)" \
                "$(source_line deb $suite-security security)" || continue
            private_apt $state-$suite amd64 apt-cache madison "$package-dbg" | grep -qF " $version " || continue
            work=$(mktemp -d "$panda_cache/debug.XXXXXX")
            (cd "$work" && retry private_apt $state-$suite amd64 apt-get -qq download "$package-dbg=$version" >&2)
            dpkg-deb --fsys-tarfile "$work"/*.deb |
                tar -x -C "$work" --strip-components=5 "./usr/lib/debug/boot/vmlinux-${package#linux-image-}"
            mkdir -p "$directory"
            mv "$work/vmlinux-${package#linux-image-}" "$directory/vmlinux"
            rm -rf "$work"
            break
        done
    fi
    [ -e "$directory/vmlinux" ] || die "Debian has no $package-dbg of version $version any more"
    echo "$directory/vmlinux"
}

vmlinux=$(debug_kernel)
record_population guest "$(readlink -f "$guest")"
for number in 1 2; do
    moment=$(marked_moment guest $number)
    panda-analyze memdump --quiet --force --format elf --at "$moment" -o guest.core guest.capnp
    drgn -q -c guest.core -s "$vmlinux" "$repository/tests/guest/independent/list.drgn.py" >found ||
        fail "drgn does not read the dump"
    /usr/bin/python3 "$repository/tests/guest/independent/compare.py" found guest.capnp "$moment" ||
        fail "drgn and introspection differ"
done
