#!/bin/bash
# panda-analyze files and net must find every file and every socket that a program uses, and each byte, as the program
# counts them itself: in a 64-bit program and in a 32-bit one.
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/population.sh"
# Further arguments are for panda-record, for example --guest DIRECTORY for another kernel.
[ $# -eq 0 ] || shift
echo 'int main(void) { return 0; }' >nothing.c
for architecture in amd64 i386; do
    "$repository/tools/guest/compile.sh" $architecture nothing nothing.c || skip "nothing to compile with for $architecture"
    "$repository/tools/guest/compile.sh" $architecture traffic "$repository"/tests/guest/traffic/*.c
    panda-record --force "$@" -o traffic.panda --copy-in traffic:/tmp/ -- /tmp/traffic >out || fail "the program: status $?"
    tr -d '\r' <out >counts
    panda-replay --quiet --force --trace traffic.capnp traffic.panda
    panda-analyze files --quiet --all --json -p traffic traffic.capnp >files.json
    panda-analyze net --quiet --json -p traffic traffic.capnp >net.json
    echo -n "$architecture: "
    /usr/bin/python3 "$repository/tests/guest/traffic/compare.py" counts files.json net.json ||
        fail "$architecture: files or sockets differ from what the program counted"
done

# What sockets are that were open before the trace began.
"$repository/tools/guest/compile.sh" amd64 before "$repository/tests/guest/before/main.c"
panda-record --force "$@" -o before.panda --copy-in before:/tmp/ -- /tmp/before | tr -d '\r' >expected
panda-replay --quiet --force --trace whole.capnp before.panda
moment=$(marked_moment whole 1)
panda-replay --quiet --force --window "$moment:1000000000000" --trace before.capnp before.panda
panda-analyze net --quiet --json -p before before.capnp >net.json
/usr/bin/python3 - >got <<'PYTHON'
import json

for line in map(json.loads, open("net.json")):
    words = [line["family"], line["type"], *(line[key] or "-" for key in ("role", "local", "peer"))]
    print(line["socket"].strip("socket:[]"), *words)
PYTHON
[ "$(wc -l <expected)" = 9 ] || fail "the program opened only: $(cat expected)"
diff <(sort expected) <(sort got) || fail "sockets that were open before the trace differ"
echo "ok: $(wc -l <got) sockets that were open before the trace"
