#!/bin/bash
# Things that end the making of a trace early: a kill, a full disk, a reader that goes away. What was written must open,
# and panda-trace recover must make a whole trace from it. usage: trace_crash_test.sh BUILD [TIMES]
. "$(dirname "$0")/common.sh"
times=${2:-4}
panda-record -q -o gzip.panda -- workload-gzip
panda-replay --quiet --trace whole.capnp gzip.panda

for round in $(seq "$times"); do
    rm -f killed.capnp recovered.capnp
    panda-replay --quiet --trace killed.capnp gzip.panda &
    replay=$!
    until [ -s killed.capnp ]; do sleep 0.05; done
    delay=$((RANDOM % 2500))
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    read -r qemu _ </proc/$replay/task/$replay/children || [ -n "$qemu" ] || break # it is done already
    kill -9 "$qemu" $replay
    wait $replay 2>/dev/null || true
    panda-trace recover -o recovered.capnp killed.capnp >recover.out 2>&1 || fail "round $round: it cannot be recovered"
    panda-trace verify --quiet recovered.capnp >verify.out || fail "round $round: $(cat verify.out)"
    echo "ok: killed after $delay ms: $(head -n 1 verify.out)"
done

# Stopped by hand, or by a reader that has seen enough: at most one line, and no core.
status=0
panda-replay --quiet --trace - gzip.panda 2>err | head -c 1000000 >/dev/null || status=$?
[ "$status" = 1 ] || fail "exit status $status when the pipe broke"
[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
echo "ok: $(cat err)"

# A pipe to an analyzer gives what a file gives, but for names, which are read from the snapshots of a file.
panda-replay --quiet --trace - gzip.panda | panda-analyze blocks --json - >piped.json
panda-analyze blocks --no-names --json whole.capnp | cmp - piped.json || fail "a piped trace tells something else"
echo "ok: a piped trace tells the same"

[ "$(id -u)" = 0 ] || exit 0 # mounting a small tmpfs needs root
mkdir small
mount -t tmpfs -o size=$(($(stat -c %s whole.capnp) - 2000000)) tmpfs small || exit 0
trap 'umount "$scratch/small"; clean_up' EXIT
status=0
panda-replay --quiet --trace small/full.capnp gzip.panda 2>err || status=$?
[ $status = 1 ] || fail "exit status $status when the disk was full"
[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
grep -qi 'no space' err || fail "no reason: $(cat err)"
echo "ok: $(cat err)"
panda-trace recover -o recovered.capnp --force small/full.capnp >recover.out 2>&1
panda-trace verify --quiet recovered.capnp >/dev/null || fail "what was written to the full disk does not verify"
