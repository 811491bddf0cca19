#!/bin/bash
# Cuts a recording at random, and parts again. Each part must replay, and its trace must be that stretch of the whole one's.
# usage: cut_test.sh BUILD [CUTS] [SEED]
. "$(dirname "$0")/common.sh"
cuts=${2:-5}
RANDOM=${3:-7}

# below LIMIT
below() {
    echo $(((RANDOM * 32768 + RANDOM) % $1))
}
length() {
    panda-recording info --json "$1" | sed -n 's/^ *"instr": \([0-9]*\),$/\1/p'
}

panda-record -o whole.panda -- sh -c 'ls -l /proc | gzip | wc -c; sleep 1; awk "BEGIN { print 1 / 3 }"' >whole.out
cp whole.panda from.panda
offset=0
for number in $(seq "$cuts"); do
    # Every third one is a part of the part before.
    if [ $((number % 3)) = 1 ]; then
        cp whole.panda from.panda
        offset=0
    fi
    size=$(length from.panda)
    from=$(below "$size")
    to=$((from + 1 + $(below $((size - from)))))
    panda-recording cut --quiet --force "$from:$to" -o part.panda from.panda || fail "cut $from:$to of $size"
    panda-recording verify --quiet part.panda || fail "part $from:$to is not whole"
    [ "$(length part.panda)" = $((to - from)) ] || fail "part $from:$to has $(length part.panda) instr"
    # What a part's trace is compared with is limited, because of the time that it takes.
    end=$((to - from > 1500000 ? from + 1500000 : to))
    panda-replay --quiet part.panda || fail "part $from:$to does not replay"
    panda-replay --quiet --force --stop-at $((end - from)) --trace part.capnp part.panda || fail "part $from:$to does not trace"
    panda-replay --quiet --force --window "$((offset + from)):$((offset + end))" --trace whole.capnp whole.panda
    panda-trace verify --quiet part.capnp || fail "the part's trace"
    for trace in part whole; do
        panda-analyze memdump --quiet --force --format raw -o "$trace.raw" "$trace.capnp"
    done
    panda-trace diff part.capnp whole.capnp >difference || fail "part $from:$to executes something else: $(head difference)"
    # The whole recording's TLBs may have had pages that the part has to walk to, and so to mark as accessed.
    /usr/bin/python3 -c '
part, whole = (open(name, "rb").read() for name in ("part.raw", "whole.raw"))
assert len(part) == len(whole)
differ = [i for i in range(0, len(part), 4096) if part[i:i + 4096] != whole[i:i + 4096]]
bits = {a ^ b for i in differ for a, b in zip(part[i:i + 4096], whole[i:i + 4096])}
assert bits <= {0, 0x20, 0x40, 0x60} and len(differ) < 20, (differ, bits)' || fail "part $from:$to leaves other memory"
    echo "ok: $((offset + from)):$((offset + to)), $(tail -n 1 difference)"
    offset=$((offset + from))
    mv part.panda from.panda
done

# From a program's exec to its exit; and the two parts around a place, joined.
panda-recording cut --quiet --command gzip -o gzip.panda whole.panda
panda-replay --quiet --trace gzip.capnp gzip.panda
panda-analyze asidstory --summary gzip.capnp | grep -q gzip || fail "gzip does not run in its part"
middle=$(($(length whole.panda) / 3))
panda-recording cut --quiet ":$middle" -o first.panda whole.panda
panda-recording cut --quiet "$middle:" -o second.panda whole.panda
panda-recording cat -o joined.panda first.panda second.panda
panda-replay --quiet --serial joined.out joined.panda || fail "what was joined does not replay"
cmp whole.out joined.out || fail "what was joined prints something else"
expect_complaint 'does not begin where' panda-recording cat -o wrong.panda second.panda first.panda
expect_complaint 'ends at instr' panda-recording cut "1:$((middle * 4))" -o wrong.panda whole.panda
expect_complaint 'no process named' panda-recording cut --command nobody -o wrong.panda gzip.panda
