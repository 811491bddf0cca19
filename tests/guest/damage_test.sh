#!/bin/bash
# A replay always ends by itself: with one input dropped, doubled, moved or altered it ends with a sentence, or as the good
# one does when the guest never notices; within twice the good one's time, and a few seconds for a busy machine.
# usage: damage_test.sh BUILD [PLACES] [SEED]
. "$(dirname "$0")/common.sh"
places=${2:-20} seed=${3:-$RANDOM}

panda-record --quiet -o good.panda --net -- sh -c 'ls -l /proc; head -c 300000 /dev/urandom | md5sum; ifconfig eth0'
begin=$(date +%s%N)
panda-replay --quiet good.panda
good=$((($(date +%s%N) - begin) / 1000000))
limit=$((2 * good + 10000))
echo "the good replay takes $good ms; seed $seed"

declare -A endings=()
for ((place = 0; place < places; place++)); do
    what=$(damage good.panda bad.panda $((seed * 1000 + place)))
    begin=$(date +%s%N)
    status=0
    timeout --kill-after=5 $((limit / 1000 + 1)) panda-replay --quiet bad.panda >bad.out 2>bad.err || status=$?
    taken=$((($(date +%s%N) - begin) / 1000000))
    case $status in
    0) ending="the guest did not notice" ;;
    1)
        [ "$(wc -l <bad.err)" = 1 ] || fail "$what: not one line but $(cat bad.err)"
        ending=$(sed -E 's/^panda-replay: //; s/.*instruction [0-9]+ and [0-9]+: //; s/(0x)?[0-9]+/N/g; s/bad.panda.*: //' bad.err)
        ;;
    124 | 137) fail "$what: the replay did not end within $taken ms" ;;
    *) fail "$what: exit status $status: $(cat bad.err)" ;;
    esac
    [ $taken -le $limit ] || fail "$what: the replay took $taken ms"
    endings["$ending"]=$((${endings["$ending"]:-0} + 1))
done
for ending in "${!endings[@]}"; do
    printf '%4d  %s\n' "${endings[$ending]}" "$ending"
done | sort -rn
[ "${endings["the guest did not notice"]:-0}" -lt $((places / 2)) ] || fail "half of the damage is not noticed"
