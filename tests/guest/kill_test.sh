#!/bin/bash
# kill -9 of the recorder at random moments: every file opens and replays up to its last whole chunk, and no QEMU is
# left behind. usage: kill_test.sh BUILD [TIMES]
. "$(dirname "$0")/common.sh"
times=${2:-5}
panda-record -q -o warm.panda -- true
for round in $(seq "$times"); do
    rm -f killed.panda
    panda-record -q -o killed.panda -- sh -c 'while :; do workload-gzip 64; done' &
    recorder=$!
    until [ -s killed.panda ]; do sleep 0.05; done
    delay=$((RANDOM % 4000 + 500))
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    # The kernel ends this line without a newline, which read takes for a failure.
    read -r qemu _ </proc/$recorder/task/$recorder/children || [ -n "$qemu" ] || fail "the recorder has no QEMU"
    kill -9 $recorder
    wait $recorder 2>/dev/null || true
    for _ in $(seq 50); do
        kill -0 "$qemu" 2>/dev/null || break
        sleep 0.1
    done
    ! kill -0 "$qemu" 2>/dev/null || fail "QEMU is left behind"
    panda-recording info killed.panda >/dev/null || fail "round $round: the file does not open"
    panda-replay --quiet killed.panda || fail "round $round: the file does not replay"
    echo "ok: killed after $delay ms, $(stat -c %s killed.panda) bytes"
done
