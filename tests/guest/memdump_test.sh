#!/bin/bash
# Dumps of the default guest's memory, in its user mode and at the end, must be opened by gdb, drgn and crash; and all
# formats must hold the same memory.
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
cat >mark.c <<'C'
#include <cpuid.h>
int main(void) {
    unsigned int a, b, c, d;

    __cpuid_count(0x50414e44, 1, a, b, c, d);
    return 0;
}
C
"$repository/tools/guest/compile.sh" amd64 mark mark.c
panda-record -o guest.panda --copy-in mark:/tmp/ -- /tmp/mark
panda-replay --quiet --trace guest.capnp guest.panda
banner=$(panda-kernelinfo "$build/libexec/panda/guest/vmlinuz" | sed -n 's/^panda.linux_banner_addr = //p')
for moment in "$(marked_moment guest 1)" end; do
    panda-analyze memdump --quiet --force --format elf --at "$moment" -o guest.core guest.capnp
    /usr/bin/python3 "$repository/tests/guest/memdump_check.py" guest.core 64 EM_X86_64 "$banner" || fail "at $moment"
done
panda-analyze memdump --quiet -o guest.raw guest.capnp
panda-analyze memdump --quiet --format lime -o guest.lime guest.capnp
panda-analyze memdump --quiet guest.capnp -o - | cmp - guest.raw || fail "a pipe gets another dump"
[ "$(stat -c '%b * %B' guest.raw | sed 's/ \* / /' | awk '{print $1 * $2}')" -lt "$(stat -c %s guest.raw)" ] ||
    fail "the raw file has no holes"
/usr/bin/python3 - <<'PYTHON'
import struct

raw = open("guest.raw", "rb").read()
lime = open("guest.lime", "rb").read()
at = ranges = 0
while at < len(lime):
    magic, version, first, last, _ = struct.unpack_from("<IIQQQ", lime, at)
    assert (magic, version) == (0x4C694D45, 1), (at, magic, version)
    size = last + 1 - first
    assert lime[at + 32:at + 32 + size] == raw[first:last + 1], f"range at {first:#x}"
    at += 32 + size
    ranges += 1
assert at == len(lime) and ranges >= 2
print(f"ok: {ranges} ranges of RAM in LiME's format")
PYTHON
