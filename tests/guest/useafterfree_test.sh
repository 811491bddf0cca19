#!/bin/bash
# Tests useafterfree: twenty programs with planted errors and twenty clean ones (heap/) run in one guest, and valgrind judges
# the same programs here. usage: useafterfree_test.sh BUILD
. "$(dirname "$0")/common.sh"
here=$repository/tests/guest/heap
command -v valgrind >/dev/null || skip "no valgrind on this machine"
mkdir -p copy/tmp copy/lib64 symbols/tmp judged
for name in planted clean; do
    gcc -O0 -g -pthread -Wall -Wno-use-after-free -Wno-free-nonheap-object -fno-builtin -Wl,--build-id -o "$name" "$here/$name.c"
    cp "$name" symbols/tmp/
    strip -o "copy/tmp/$name" "$name"
done
gcc -m32 -O1 -g -nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
    -Wall -Wextra -Werror -o copy/tmp/pool "$here/pool.c"
cp copy/tmp/pool symbols/tmp/
libraries_of ./planted | xargs cp -Lt copy/lib64
cat >copy/tmp/run <<'SCRIPT'
export LD_LIBRARY_PATH=/lib64
for name in planted clean; do
    number=0
    while [ $number -lt 20 ]; do
        /tmp/$name $number >/tmp/printed 2>&1 &
        echo "program $name.$number $!"
        wait $!
        number=$((number + 1))
    done
done
unset LD_LIBRARY_PATH
exec /tmp/pool
SCRIPT
panda-record -o run.panda --copy-in copy/tmp:/tmp --copy-in copy/lib64:/lib64 -- sh /tmp/run >run.out || fail "the programs: exit status $?"
tr -d '\r' <run.out >said
panda-replay --quiet --registers --trace run.capnp run.panda
panda-analyze useafterfree --json --symbols symbols --pandalog heap.log run.capnp >found
[ "$(capnp decode "$repository/analyzers/pandalog/pandalog.capnp" Entry <heap.log | grep -c useafterfree)" = \
    "$(($(wc -l <found) - 1))" ] || fail "the pandalog has other findings"

# An allocator of a 32-bit program's own, by name and by address.
address=$(nm copy/tmp/pool | sed -n 's/ T pool_put$//p')
for put in pool_put:2 "0x$address:2"; do
    panda-analyze useafterfree --no-libc --alloc pool_get:2 --free "$put" --process-name pool --symbols symbols run.capnp >in_pool
    grep -A 1 '^read-after-free .* reads 4 bytes at .* in a freed block of 24 bytes' in_pool | grep -q 'main_part+0x.* pool.c:' || fail "$put: $(cat in_pool)"
    grep -q '^double-free ' in_pool || fail "$put: $(cat in_pool)"
    grep -q '^3 blocks allocated, 3 findings$' in_pool || fail "$put: $(cat in_pool)"
    grep -A 3 '^leak .* loses 40 bytes in 1 blocks' in_pool | grep -q 'main_part+0x' || fail "$put: $(cat in_pool)"
done
echo "ok: an allocator of a program's own"
for name in planted clean; do
    for number in $(seq 0 19); do
        valgrind --quiet --leak-check=full --show-leak-kinds=all --undef-value-errors=no --xml=yes \
            --xml-file="judged/$name.$number.%p.xml" "./$name" "$number" >/dev/null 2>&1 || true
    done
done
/usr/bin/python3 "$here/compare_heap.py" found judged || fail "valgrind says something else"
