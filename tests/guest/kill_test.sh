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

# A signal ends the programs and QEMU within two seconds, also when QEMU does not answer (here: it is stopped).
child_of() {
    local child=
    until [ -n "$child" ]; do
        read -r child _ <"/proc/$1/task/$1/children" || [ -n "$child" ] || sleep 0.05
    done
    echo "$child"
}

# ends_soon SIGNAL PROGRAM-PID QEMU-PID
ends_soon() {
    local begin=$SECONDS status=0
    kill "-$1" "$2"
    wait "$2" || status=$?
    [ $((SECONDS - begin)) -le 3 ] || fail "$((SECONDS - begin)) s after SIG$1"
    [ "$status" = $((128 + $(kill -l "$1"))) ] || fail "exit status $status after SIG$1"
    ! kill -0 "$3" 2>/dev/null || fail "QEMU is left behind after SIG$1"
    echo "ok: SIG$1 while QEMU is stopped"
}

panda-record -q -o good.panda -- workload-gzip 200
for signal in TERM INT; do
    rm -f stopped.panda
    panda-record -q -o stopped.panda -- sh -c 'while :; do workload-gzip 64; done' 2>stopped.err &
    program=$!
    until [ -s stopped.panda ]; do sleep 0.05; done
    sleep 1
    qemu=$(child_of $program)
    kill -STOP "$qemu"
    ends_soon $signal $program "$qemu"
    grep -q 'cut short' stopped.err || fail "not said: $(cat stopped.err)"
    panda-replay --quiet stopped.panda || fail "the file does not replay"

    panda-replay --quiet good.panda 2>stopped.err &
    program=$!
    qemu=$(child_of $program)
    kill -STOP "$qemu"
    ends_soon $signal $program "$qemu"
done
