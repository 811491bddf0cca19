#!/bin/bash
# Makes QEMU's helpers as LLVM bitcode, from the patched source, and the layout of the state that they work on.
#
# usage: bitcode.sh [--print-directory] [--quiet]
#   The last line of standard output (none with --quiet) is the directory of the result, $PANDA_CACHE/qemu-helpers-HASH:
#     helpers.bc     the helpers (helper_NAME), and what they need of softfloat and the like, linked with helpers/door.c
#     state-layout   what lies where in the state (state_layout.py)
#     build-info     of which QEMU, for people
#   HASH covers the patched QEMU, the files here that make the bitcode, and the compiler's version.
#   --print-directory   only says where the result is or would be
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tools/common.sh"
. "$here/source.sh"

clang=clang-19 link=llvm-link-19

# In QEMU's source. crypto/ has the tables and the rounds behind AES and carry-less multiplication.
sources=(
    target/i386/tcg/{access,bpt_helper,cc_helper,excp_helper,fpu_helper,int_helper,mem_helper,misc_helper,mpx_helper}
    target/i386/tcg/seg_helper target/i386/helper
    target/i386/tcg/system/{bpt_helper,excp_helper,fpu_helper,misc_helper,seg_helper,smm_helper,svm_helper}
    fpu/softfloat accel/tcg/tcg-runtime accel/tcg/tcg-runtime-gvec crypto/aes crypto/clmul
)
# Without vectors in the code, an analysis sees which byte comes from which. Nothing of the host's own is used.
flags=(-O2 -fPIC -fno-vectorize -fno-slp-vectorize -fno-stack-protector -w)

result_directory() {
    local hash
    hash=$({
        basename "$1"
        "$clang" --version | head -n 1
        cat "$here"/bitcode.sh "$here"/state_layout.py "$here"/helpers/*
    } | sha256sum)
    echo "$panda_cache/qemu-helpers-${hash:0:16}"
}

# compile SOURCE OBJECT OPTION…: SOURCE is without .c. The headers are those of the SDK, the sources those of $work.
compile() {
    local source=$1 object=$2
    shift 2
    "$clang" "@$qemu/sdk/cflags" -iquote "$work/src/target/i386" -I"$here/../.." "${flags[@]}" "$@" -c "$source.c" -o "$object"
}

build() {
    local target=$1 name
    work=$(mktemp -d "$panda_cache/qemu-helpers-build.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    unpack_patched "$work/src"
    mkdir "$work/objects" "$work/result"
    say "making the bitcode of QEMU's helpers, half a minute"
    for name in "${sources[@]}"; do
        compile "$work/src/$name" "$work/objects/${name//\//_}.bc" -emit-llvm || die "$name.c does not compile"
    done
    compile "$here/helpers/door" "$work/objects/door.bc" -emit-llvm || die "door.c does not compile"
    "$link" "$work"/objects/*.bc -o "$work/result/helpers.bc"
    compile "$here/helpers/door" "$work/layout.o" -g || die "door.c does not compile"
    gdb --batch --nx -ex "python object_file = '$work/layout.o'" -x "$here/state_layout.py" >"$work/result/state-layout"
    [ -s "$work/result/state-layout" ] || die "gdb does not find the layout of CPUX86State"
    {
        echo "QEMU: ${qemu##*/}, Debian source package $(cat "$version_file")"
        "$clang" --version | head -n 1
        echo "flags: ${flags[*]}"
    } >"$work/result/build-info"
    rm -rf "$target"
    mv -T "$work/result" "$target"
    say "the helpers are ready in $target"
}

main() {
    local print=no quiet=no directory
    for argument in "$@"; do
        case $argument in
        --print-directory) print=yes ;;
        --quiet) quiet=yes ;;
        *) say "unknown argument $argument" && exit 2 ;;
        esac
    done
    qemu=$("$here/build.sh" --print-directory | tail -n 1)
    directory=$(result_directory "$qemu")
    if [ "$print" = no ] && [ ! -e "$directory/build-info" ]; then
        "$here/build.sh" --quiet
        with_lock qemu
        [ -e "$directory/build-info" ] || build "$directory"
    fi
    [ "$quiet" = yes ] || echo "$directory"
}

main "$@"
