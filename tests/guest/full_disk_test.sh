#!/bin/bash
# If the disk fills up while recording, there is one clear line, and what was written stays usable.
. "$(dirname "$0")/common.sh"
[ "$(id -u)" = 0 ] || skip "mounting a small tmpfs needs root"
panda-record -q -o probe.panda -- true
size=$(($(stat -c %s probe.panda) + 600 * 1024))
mkdir small
mount -t tmpfs -o size=$size tmpfs small || skip "no tmpfs here"
trap 'umount "$scratch/small"; clean_up' EXIT
status=0
panda-record -q -o small/full.panda -- sh -c 'dd if=/dev/urandom bs=64k count=2000 2>/dev/null | gzip >/dev/null' 2>err || status=$?
[ $status = 1 ] || fail "exit status $status"
[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
grep -qi 'no space' err || fail "no reason: $(cat err)"
cat err
panda-recording info small/full.panda >/dev/null
panda-replay --quiet small/full.panda
