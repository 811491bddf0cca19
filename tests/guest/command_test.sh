#!/bin/bash
# panda-record -- COMMAND: exit statuses, output byte for byte, and a quick start from the snapshot.
. "$(dirname "$0")/common.sh"

expect_status 0 panda-record -q -o true.panda -- true
expect_status 7 panda-record -q -o seven.panda -- sh -c 'exit 7'
expect_status 137 panda-record -q -o killed.panda -- sh -c 'kill -9 $$'
expect_status 127 panda-record -q -o missing.panda -- no-such-command

# shellcheck disable=SC2016  # for the guest's shell
script='i=0; while [ $i -lt 2000 ]; do printf "%d\r\n\t\377\n" $i; i=$((i+1)); done; echo error >&2'
sh -c "$script" >expected 2>&1
panda-record -o bytes.panda -- sh -c "$script" >got
cmp expected got || fail "the guest's output did not arrive as it was"

best=999999
for _ in 1 2 3; do
    begin=$(date +%s%N)
    rm -f quick.out
    panda-record -f -o quick.panda -- echo started >quick.out &
    recorder=$!
    until [ -s quick.out ]; do
        kill -0 $recorder 2>/dev/null || fail "no output"
        sleep 0.01
    done
    taken=$((($(date +%s%N) - begin) / 1000000))
    wait $recorder
    [ $taken -ge $best ] || best=$taken
done
echo "the command's first output came after $best ms"

# If the reader of the output is gone, the recording still goes on to its end.
panda-record -f -o pipe.panda -- sh -c 'seq 20000; true' | head -n 1 >/dev/null
panda-recording verify --quiet pipe.panda

# If a signal stops the recorder, the recording is ended in order.
panda-record -q -o stopped.panda -- sleep 600 2>stopped.err &
recorder=$!
sleep 3
kill -INT $recorder
expect_status 130 wait $recorder
panda-recording verify --quiet stopped.panda
panda-replay --quiet stopped.panda
