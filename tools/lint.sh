#!/bin/bash
# What compilers do not say. usage:
#   tools/lint.sh scripts               shellcheck on every shell script of the tree
#   tools/lint.sh changes [--since REF] clang-tidy on the C++ files that differ from where this branch left REF
#                                       (default: from before the last commit); a release build must be in build/
#   tools/lint.sh files FILE…           clang-tidy on these files
# Any warning fails. What is checked is in .clang-tidy.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
cd "$here/.."

# By their first line. What they source is checked with them.
shell_scripts() {
    local file
    git ls-files | while IFS= read -r file; do
        case $file:$(head -c 80 "$file" | head -n 1 | tr -d '\0') in
        *:'#!'*[/\ ]bash | *:'#!'*[/\ ]sh) printf '%s\n' "$file" ;;
        esac
    done
}

# The guest's own files are inputs of every cached guest, so what has to be said about them is said here and not there:
# busybox's shell is ash, udhcpc passes its answers in the environment, the kernel's command line is words.
scripts() {
    local guest='^tools/guest/files/' all
    all=$(shell_scripts)
    printf '%d shell scripts\n' "$(wc -l <<<"$all")"
    grep -v "$guest" <<<"$all" | xargs -d '\n' \
        shellcheck --external-sources --check-sourced --source-path=SCRIPTDIR
    grep "$guest" <<<"$all" | xargs -d '\n' \
        shellcheck --shell=dash --exclude=SC1091,SC2013,SC2154,SC2187 tools/guest/files/bin/agent
}

# clang reads neither GCC's precompiled headers nor, in C++20, old headers of Cap'n Proto as they are (CMakeLists.txt).
compilation_database() {
    [ -e build/compile_commands.json ] || die "build/ is missing: cmake --preset release && cmake --build --preset release"
    mkdir -p build/lint
    sed -E 's/ -Winvalid-pch| -include [^ ]*cmake_pch\.hxx//g' build/compile_commands.json >build/lint/compile_commands.json
}

files() {
    [ $# -gt 0 ] || return 0
    compilation_database
    printf '%s\0' "$@" | xargs -0 -n 1 -P 2 clang-tidy-19 -p build/lint --quiet --warnings-as-errors='*' \
        --extra-arg-before=-include --extra-arg-before="$PWD/common/kj_string_equality.h"
}

changes() {
    local base list
    base=$(git rev-parse --quiet --verify HEAD~1 || git rev-parse HEAD)
    case ${1:-} in
    --since) base=$(git merge-base "${2:?}" HEAD) ;;
    esac
    mapfile -t list < <(git diff --name-only --diff-filter=d "$base" -- '*.cc' '*.h')
    printf '%d files differ from %s\n' ${#list[@]} "$(git rev-parse --short "$base")"
    files "${list[@]}"
}

case ${1:-} in
scripts | changes | files) "$@" ;;
*) say "usage: lint.sh scripts | changes [--since REF] | files FILE…" && exit 2 ;;
esac
