#!/bin/bash
# panda-analyze files must know whose table of descriptors a call uses, also of threads that have one of their own or that
# outlive the first one, and count what programs ask for in memory: through io_submit and io_uring.
. "$(dirname "$0")/common.sh"
# Further arguments are for panda-record, for example --guest DIRECTORY for another kernel.
[ $# -eq 0 ] || shift
programs=$repository/tests/guest/syscalls_programs
cat >expected <<'EXPECTED'
descriptor_tabl /tmp/late 81920
descriptor_tabl /tmp/leader 0
descriptor_tabl /tmp/mine 40960
requests /tmp/a 4096
requests /tmp/u 4096
EXPECTED
for architecture in amd64 i386; do
    mkdir -p "$architecture"
    for program in descriptor_tables requests; do
        "$repository/tools/guest/compile.sh" $architecture "$architecture/$program" "$programs/$program.c" ||
            skip "nothing to compile with for $architecture"
    done
    panda-record --force "$@" -o threads.panda --copy-in "$architecture:/tmp/" -- \
        sh -c "/tmp/$architecture/descriptor_tables; /tmp/$architecture/requests" >out || fail "the programs: status $?"
    grep -q 'aio 4096, uring 4096' out || fail "the guest does not know such requests: $(cat out)"
    panda-replay --quiet --force --trace threads.capnp threads.panda
    panda-analyze files --quiet --json -p descriptor_tabl -p requests threads.capnp >files.json
    /usr/bin/python3 - <<'PYTHON' | sort >got
import json

for line in map(json.loads, open("files.json")):
    if line["file"].startswith("/tmp/") and line["opens"]:
        print(line["name"], line["file"], line["written_bytes"])
PYTHON
    diff expected got || fail "$architecture: other bytes are counted"
    echo "ok: $architecture: $(wc -l <got) files"
done
