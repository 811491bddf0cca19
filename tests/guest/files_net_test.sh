#!/bin/bash
# panda-analyze files and net must find every file and every socket that a program uses, and each byte, as the program
# counts them itself: in a 64-bit program and in a 32-bit one.
. "$(dirname "$0")/common.sh"
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
