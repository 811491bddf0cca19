#!/bin/bash
# Compiles a C program for a guest, linked statically: compile.sh amd64|i386 OUTPUT SOURCE…
# For i386, Debian's C library is fetched into the cache. The compiler is the host's.
set -euo pipefail
. "$(dirname "$0")/../common.sh"

# Prints where the library is. It is bookworm's, as the guest's own packages are (see build.sh).
i386_library() {
    local target=$panda_cache/guest-i386-library work package
    if [ ! -e "$target" ]; then
        with_lock guest
    fi
    if [ ! -e "$target" ]; then
        say "fetching the C library for i386"
        [ -e "$panda_cache/apt/guest-i386/sources.list" ] || private_apt_update guest-i386 i386 "$(source_line deb bookworm)"
        work=$(mktemp -d "$panda_cache/guest-library.XXXXXX")
        # shellcheck disable=SC2064
        trap "rm -rf '$work'" EXIT
        (cd "$work" && retry private_apt guest-i386 i386 apt-get -qq download libc6-dev libgcc-12-dev linux-libc-dev >&2) ||
            die "cannot download the C library for i386"
        for package in "$work"/*.deb; do
            dpkg-deb -x "$package" "$work/root"
        done
        mv -T "$work/root" "$target"
    fi
    echo "$target/usr"
}

[ $# -ge 3 ] || { say "usage: compile.sh amd64|i386 OUTPUT SOURCE…" && exit 2; }
architecture=$1 output=$2
shift 2
flags=(-O1 -g -static -pthread -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Werror)
if [ "$architecture" = i386 ]; then
    library=$(i386_library)
    gcc=$(echo "$library"/lib/gcc/i686-linux-gnu/*)
    flags+=(-m32 -nostdinc -isystem "$(gcc -print-file-name=include)" -isystem "$library/include"
        -isystem "$library/include/i386-linux-gnu" -B"$library/lib/i386-linux-gnu/" -B"$gcc/"
        -L"$library/lib/i386-linux-gnu" -L"$gcc")
fi
gcc "${flags[@]}" -o "$output" "$@"
