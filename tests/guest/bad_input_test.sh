#!/bin/bash
# Whatever wrong input a user gives, a program must print one plain sentence and exit with a status that is not zero. It
# must never crash.
. "$(dirname "$0")/common.sh"
panda-record -q -o good.panda -- echo hello
size=$(stat -c %s good.panda)

# flip OFFSET FILE: inverts one bit.
flip() {
    /usr/bin/python3 - "$1" "$2" <<'PYTHON'
import sys
with open(sys.argv[2], "r+b") as file:
    file.seek(int(sys.argv[1]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[1]))
    file.write(bytes([byte ^ 16]))
PYTHON
}

: >empty.panda
echo "This is not a recording." >text.panda
head -c 100 good.panda >stub.panda
head -c $((size / 10)) good.panda >snapshot_cut.panda
for program in "panda-replay" "panda-recording info" "panda-recording verify"; do
    # shellcheck disable=SC2086  # a program and its verb
    set -- $program
    expect_complaint 'empty' "$@" empty.panda
    expect_complaint 'not a recording|no recording' "$@" text.panda
    expect_complaint 'stub.panda' "$@" stub.panda
    expect_complaint 'snapshot' "$@" snapshot_cut.panda
    expect_complaint 'cannot open|No such file' "$@" missing.panda
done
for part in 7 30 50 70 90 99; do
    cp good.panda flipped.panda
    flip $((size * part / 100)) flipped.panda
    expect_complaint 'flipped.panda' panda-recording verify flipped.panda
    expect_complaint 'flipped.panda' panda-replay flipped.panda
done
# The header's version is the number after the magic: see recorder/format/container.h.
cp good.panda newer.panda
flip 8 newer.panda
expect_complaint 'version|header' panda-replay newer.panda

# A recording without its last bytes replays up to its last whole chunk.
head -c $((size - 20)) good.panda >cut.panda
panda-replay --quiet cut.panda || fail "a cut recording does not replay"

expect_complaint 'exists' panda-record -o good.panda -- true
expect_complaint 'exists' panda-replay --trace good.panda good.panda
expect_complaint 'QEMU' panda-record --qemu /nonexistent -o x.panda -- true
expect_complaint 'QEMU' env PANDA_QEMU=/nonexistent panda-replay good.panda
expect_complaint 'one processor' panda-record --vm -- -smp 2
expect_complaint 'KVM' panda-record --vm -- --enable-kvm
expect_complaint 'KVM' panda-record --vm -- -accel kvm
expect_complaint 'CPU' panda-record --cpu no-such-cpu -o x.panda -- true
expect_complaint 'directory' panda-record -o no/where.panda -- true
expect_complaint 'guest' panda-record --guest /nonexistent -o x.panda -- true
[ ! -e x.panda ] || fail "a recording was begun all the same"
