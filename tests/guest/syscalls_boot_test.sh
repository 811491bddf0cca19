#!/bin/bash
# The first programs of a boot. In a file the decoder starts where programs do, by the index; in a pipe it goes over
# everything. Both must tell the same. usage: syscalls_boot_test.sh BUILD
. "$(dirname "$0")/common.sh"

panda-record --force -o boot.panda --boot >boot.out || fail "recording: exit status $?"
# The default guest starts /init at about instr 1,500,000,000.
panda-replay --quiet --force --window 1000000000:2000000000 --snapshots 100000000 --trace boot.capnp boot.panda ||
    fail "replaying: exit status $?"
panda-analyze syscalls --quiet boot.capnp >from-file || fail "of a file: exit status $?"
panda-analyze syscalls --quiet - <boot.capnp >from-pipe || fail "of a pipe: exit status $?"
cmp from-file from-pipe || fail "a file and a pipe of the same trace differ"
grep -q 'execve(' from-file || fail "no program was started"
echo "ok: $(wc -l <from-file) lines, the same from a file and from a pipe"
