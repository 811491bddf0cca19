#!/bin/bash
# A replay always ends by itself: with one input dropped, doubled, moved or altered it ends with a sentence, or as the good
# one does when the guest never notices; within twice the good one's time, and a few seconds in which no progress is seen.
# The time is the processor's, so that a busy machine makes no difference.
# usage: damage_test.sh BUILD [PLACES] [SEED] [DIRECTORY]    DIRECTORY: where recordings go that do not end so
. "$(dirname "$0")/common.sh"
places=${2:-20} seed=${3:-$RANDOM} keep=${4:-}

panda-record --quiet -o good.panda --net -- sh -c 'ls -l /proc; head -c 300000 /dev/urandom | md5sum; ifconfig eth0'
# processor_time COMMAND…: runs it, and puts the milliseconds that it took, of all its processes, into $taken. Returns its status.
TIMEFORMAT='%3U %3S'
processor_time() {
    local status=0 user system
    { time "$@" >bad.out 2>bad.err; } 2>took || status=$?
    read -r user system <took
    taken=$((10#${user/./} + 10#${system/./}))
    return $status
}
processor_time panda-replay --quiet good.panda || fail "the good replay: $(cat bad.err)"
limit=$((2 * taken + 10000))
echo "the good replay takes $taken ms; seed $seed"

# Ends at the limit of processor time, which is each process's, and much later by the clock.
replay_bad() (
    ulimit -t $((limit / 1000 + 1))
    exec timeout --kill-after=5 600 panda-replay --quiet bad.panda
)

failures=0
complain() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
    [ -z "$keep" ] || cp bad.panda "$keep/damage-$seed-$place.panda"
}

declare -A endings=()
for ((place = 0; place < places; place++)); do
    what=$(damage good.panda bad.panda $((seed * 1000 + place)))
    status=0
    processor_time replay_bad || status=$?
    case $status in
    0) ending="the guest did not notice" ;;
    1)
        [ "$(wc -l <bad.err)" = 1 ] || complain "$what: not one line but $(cat bad.err)"
        ending=$(sed -E 's/^panda-replay: //; s/.*instruction [0-9]+ and [0-9]+: //; s/(0x)?[0-9]+/N/g; s/bad.panda.*: //' bad.err)
        ;;
    *)
        complain "$what: exit status $status after $taken ms: $(cat bad.err)"
        ending="FAILED"
        ;;
    esac
    [ $taken -le $limit ] || complain "$what: the replay took $taken ms"
    endings["$ending"]=$((${endings["$ending"]:-0} + 1))
done
for ending in "${!endings[@]}"; do
    printf '%4d  %s\n' "${endings[$ending]}" "$ending"
done | sort -rn
[ "${endings["the guest did not notice"]:-0}" -lt $((places / 2)) ] || fail "half of the damage is not noticed"
[ $failures = 0 ] || fail "$failures of $places did not end as they must"
