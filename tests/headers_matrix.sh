#!/bin/bash
# Tests that the tables of system calls can be generated from the kernel headers of Debian 13 and newer, and compile. It
# downloads these headers (12 MB each), so CTest does not run it.
#
# usage: headers_matrix.sh [SUITE…]    default: trixie sid
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
. "$repository/tools/common.sh"
. "$repository/tools/kernel_headers.sh"
[ $# -gt 0 ] || set -- trixie sid
scratch=$(mktemp -d "${TMPDIR:-/tmp}/panda-headers.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

for suite in "$@"; do
    (
        with_lock "headers-$suite"
        kernel_headers "$scratch/$suite" "headers-$suite" "$(source_line deb "$suite")"
    )
    output=$scratch/$suite/generated/analyzers/syscalls
    mkdir -p "$output"
    /usr/bin/python3 -B "$repository/analyzers/syscalls/generate/generate.py" --headers "$scratch/$suite" \
        --knowledge "$repository/analyzers/syscalls/knowledge" --compiler "${CC:-cc}" --output "$output"
    printf '#include "analyzers/syscalls/typed_calls.h"\n' >"$output/typed_calls.cc"
    for file in tables typed_calls; do
        "${CXX:-c++}" -std=c++20 -Wall -Wextra -Werror -I "$scratch/$suite/generated" -I "$repository" -c -o /dev/null \
            "$output/$file.cc"
    done
    for abi in x86_64 i386; do
        count=$(awk -v table="CallDescription calls_$abi\\\\[" '$0 ~ table { inside = 1; next }
            inside { ++count } inside && /};$/ { exit } END { print count }' "$output/tables.cc")
        # Linux 6.1 has 362 and 440.
        [ "$count" -ge 350 ] || die "$suite: only $count calls of $abi"
        echo "$suite: $count calls of $abi"
    done
    paste -s "$scratch/$suite/version"
done
