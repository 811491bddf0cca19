#!/bin/bash
# A 32-bit guest with PAE is what it is: its recording and trace say so, each process has an address space of its own,
# and a dump of its memory is one of 32 bits.
. "$(dirname "$0")/common.sh"
guest=$("$repository/tools/guest/build.sh" --kernel linux-image-686-pae)
# shellcheck disable=SC2016  # for the guest's shell
panda-record -o pae.panda --guest "$guest" -- sh -c '
    for _ in 1 2 3 4 5 6; do
        sh -c "i=0; while [ \$i -lt 300 ]; do i=\$((i + 1)); done; echo \$\$" &
    done
    wait' >pids
[ "$(sort -u pids | wc -l)" = 6 ] || fail "six processes: $(cat pids)"
panda-recording info pae.panda >recording
grep -q 'architecture *i386$' recording || fail "the recording does not say i386: $(cat recording)"
panda-replay --quiet --trace pae.capnp pae.panda
panda-trace info pae.capnp >trace
grep -q 'architecture *i386$' trace || fail "the trace does not say i386: $(cat trace)"
panda-analyze blocks --user --json pae.capnp >spaces.json
/usr/bin/python3 - <<'PYTHON'
import json

spaces = {line["asid"] for line in map(json.loads, open("spaces.json")) if line["kind"] == "space"}
assert len(spaces) >= 7, spaces
assert all(int(space, 16) % 32 == 0 for space in spaces), spaces
assert any(int(space, 16) % 4096 != 0 for space in spaces), f"not PAE, or masked: {spaces}"
print(f"ok: {len(spaces)} address spaces")
PYTHON
# One of them alone, by its number.
space=$(sed -n 's/.*"kind":"space".*"asid":"\(0x[0-9a-f]*[2-9a-e]0\)".*/\1/p' spaces.json | head -n 1)
panda-replay --quiet --force --asid "$space" --trace one.capnp pae.panda
panda-analyze blocks --json one.capnp 2>/dev/null |
    sed -n 's/.*"kind":"space".*"asid":"\([^"]*\)".*/\1/p' >one
[ "$(cat one)" = "$space" ] || fail "the trace of address space $space has: $(cat one)"
panda-analyze memdump --quiet --format elf -o pae.core pae.capnp
/usr/bin/python3 "$repository/tests/guest/memdump_check.py" pae.core 32 EM_386
