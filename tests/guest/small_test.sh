#!/bin/bash
# Tests signal, loaded, memorymap and bufmon: what a program does is compared with what it prints itself and with strace-like facts of /proc.
. "$(dirname "$0")/common.sh"
here=$repository/tests/guest/small
mkdir -p copy/tmp copy/lib64
gcc -O1 -g -Wall -Wextra -Werror -o copy/tmp/small "$here/small.c"
libraries_of copy/tmp/small | xargs cp -Lt copy/lib64
panda-record -o run.panda --copy-in copy/tmp:/tmp --copy-in copy/lib64:/lib64 -- \
    sh -c 'LD_LIBRARY_PATH=/lib64 /tmp/small' >run.out || fail "the program: exit status $?"
tr -d '\r' <run.out >said
panda-replay --quiet --trace run.capnp run.panda
panda-analyze signal --json --process small run.capnp >signals
panda-analyze loaded --json --process small --pandalog loaded.log run.capnp >mappings
[ "$(capnp decode "$repository/analyzers/pandalog/pandalog.capnp" Entry <loaded.log | grep -c '"loaded"')" = "$(wc -l <mappings)" ] ||
    fail "the pandalog has other mappings"
buffer=$(sed -n 's/^buffer //p' said)
panda-analyze bufmon --json --buffer "$buffer:10" run.capnp >accesses
printf '%s 10 0\n' "$buffer" >search_buffers.txt
panda-analyze bufmon run.capnp >lines
[ "$(wc -l <lines)" = "$(wc -l <accesses)" ] || fail "bufmon finds other accesses by the file"
panda-analyze memorymap --json --pc "0x$(sed -n 's/^function //p' said)" --pc "0x$(sed -n 's/^library //p' said)" run.capnp >places
/usr/bin/python3 "$here/compare.py" || fail "the program says something else"
expect_complaint 'search_buffers.txt: line 1: "x" is not a hexadecimal number' bash -c 'echo "x y" >search_buffers.txt; panda-analyze bufmon run.capnp'
expect_complaint 'buffer is empty' panda-analyze bufmon --buffer 1000:0 run.capnp
expect_complaint 'no instruction is given' panda-analyze memorymap run.capnp
