#!/bin/bash
# Builds a kernel module for the kernel of a guest that build.sh made: build_module.sh GUEST SOURCE OUTPUT
# SOURCE is a directory with a Makefile for kbuild; its *.ko go to OUTPUT. The kernel's headers are fetched from Debian
# and used where they are unpacked, so root is not needed.
set -euo pipefail
. "$(dirname "$0")/../common.sh"
[ $# = 3 ] || { say "usage: build_module.sh GUEST SOURCE OUTPUT" && exit 2; }
guest=$1 source=$2 output=$3

fact() { sed -n "s/^$1=//p" "$guest/build-info"; }
architecture=$(fact architecture) suite=$(fact suite) kernel=$(fact kernel)
[ -n "$kernel" ] || die "$guest: its kernel does not come from a Debian package, so there are no headers"
state=guest-${suite:+$suite-}$architecture
version=${kernel#*=} headers=${kernel%%=*}
headers=${headers/linux-image-/linux-headers-}
release=${headers#linux-headers-}

work=$(mktemp -d "$panda_cache/module.XXXXXX")
trap 'rm -rf "$work"' EXIT

# download STATE ARCHITECTURE PACKAGE…
download() {
    local state=$1 architecture=$2
    shift 2
    (cd "$work" && retry private_apt "$state" "$architecture" apt-get -qq download "$@" >&2) || die "cannot download $*"
}

say "fetching $headers"
depends=$(private_apt "$state" "$architecture" apt-cache depends --important "$headers=$version" | sed -n 's/^ *Depends: //p')
common=$(grep -e '-common' <<<"$depends") || die "$headers has no common part"
tools=$(grep -e '^linux-kbuild-' <<<"$depends") || die "$headers has no tools"
download "$state" "$architecture" "$headers=$version" "$common"
# The tools run here, whatever the guest's architecture is.
if [ "$architecture" = amd64 ]; then
    download "$state" amd64 "$tools"
else
    [ -e "$panda_cache/apt/guest-amd64/sources.list" ] || private_apt_update guest-amd64 amd64 "$(source_line deb bookworm)"
    download guest-amd64 amd64 "$tools"
fi
for package in "$work"/*.deb; do
    dpkg-deb -x "$package" "$work/root"
done
# The one absolute path in the packages.
sed -i "s|/usr/src/|$work/root/usr/src/|" "$work"/root/usr/src/linux-headers-*/Makefile

cp -R "$source" "$work/module"
# The compiler is the host's. The packages ask for the compiler of their release by name, and those of newer releases
# use options that only newer compilers have. BTF for the module would need pahole.
settings=(CC=gcc CONFIG_DEBUG_INFO_BTF_MODULES=)
gcc -fmin-function-alignment=16 -E - </dev/null >/dev/null 2>&1 || settings+=(CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=)
make -s -C "$work/root/usr/src/linux-headers-$release" M="$work/module" "${settings[@]}" modules >"$work/log" 2>&1 ||
    die "the module does not build: $(grep -m 3 -e error: -e '\*\*\*' "$work/log" || tail -n 3 "$work/log")"
mkdir -p "$output"
cp "$work"/module/*.ko "$output/"
