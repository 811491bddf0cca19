#!/bin/bash
# Tests what is said of tap points, and of the history of memory. A program (taps/plant.c) moves a text about a known number
# of times at known places: each analyzer must find it there, and nowhere else. usage: taps_test.sh BUILD [GUEST]
. "$(dirname "$0")/common.sh"
guest=$(readlink -f "${2:-$build/libexec/panda/guest}")
here=$repository/tests/guest/taps
mkdir -p copy
gcc -O2 -g -Wall -Wextra -Werror -static -fno-pie -no-pie -o copy/plant "$here/plant.c"
panda-record -o run.panda --guest "$guest" --copy-in copy:/tmp -- sh -c '/tmp/plant; grep -w jiffies_64 /proc/kallsyms' >run.out ||
    fail "the program: exit status $?"
tr -d '\r' <run.out >said
panda-replay --quiet --trace run.capnp run.panda
nm -S copy/plant >functions

echo '"planted: seed of a tree"' >stringsearch_search_strings.txt
echo '"this text is nowhere, neither here nor there"' >>stringsearch_search_strings.txt
panda-analyze stringsearch --json --symbols copy --pandalog matches.log run.capnp >matches
[ "$(capnp decode "$repository/analyzers/pandalog/pandalog.capnp" Entry <matches.log | grep -c 'analyzer = "stringsearch"')" = 19 ] ||
    fail "the pandalog has other matches"
/usr/bin/python3 "$here/compare.py" stringsearch || fail "stringsearch"
panda-analyze stringsearch --str 'planted: seed' --summary --quiet --no-names run.capnp >summary
grep -q '^19 matches at 5 taps$' summary || fail "stringsearch: $(tail -n 1 summary)"

panda-analyze unigrams --quiet run.capnp >/dev/null
panda-analyze textfinder --quiet run.capnp >/dev/null
panda-analyze bigrams --quiet --least 1 run.capnp >/dev/null
panda-analyze tapindex --quiet run.capnp >/dev/null
panda-analyze correlatetaps --quiet run.capnp >/dev/null
panda-analyze memstrings --quiet run.capnp >/dev/null
/usr/bin/python3 "$here/compare.py" statistics || fail "statistics"

/usr/bin/python3 "$here/compare.py" tap decode first_caller >tap_points.txt
panda-analyze textprinter --quiet run.capnp >/dev/null
/usr/bin/python3 "$here/compare.py" tap sum main >tap_points.txt
panda-analyze textprinter_fast --quiet run.capnp >/dev/null
/usr/bin/python3 "$here/compare.py" printed || fail "textprinter"

# When the text was in memory.
panda-analyze memory find 'planted: seed of a tree' --ever --json --symbols copy run.capnp >ever
/usr/bin/python3 "$here/compare.py" ever || fail "find --ever"
middle=$(sed -n '1s/.*"begin":{"instr":\([0-9]*\),.*/\1/p' ever)
panda-analyze memory find --at $((middle + 10)) --json 'planted: seed of a tree' run.capnp >places
/usr/bin/python3 "$here/compare.py" found || fail "find"

# A history is what a pass over everything finds, of what the program uses and of what the kernel does.
# By the last time that the text appears, all of it is mapped.
late=$(($(sed -n 's/.*"begin":{"instr":\([0-9]*\),.*/\1/p' ever | sort -n | tail -n 1) + 10))
for what in text other stack jiffies; do
    address=$(/usr/bin/python3 "$here/compare.py" address $what)
    panda-analyze memory history "$address" 8 --at "$late" --json --no-names run.capnp >accesses
    /usr/bin/python3 "$here/compare.py" frame "$address" "$late" >frame_number
    "$build/bin/taps_plain" run.capnp "$address" 8 "$(cat frame_number)" >plain
    /usr/bin/python3 "$here/compare.py" history $what || fail "history of $what"
done
# It is the first byte that the next call of decode() writes.
panda-analyze memory history "$(/usr/bin/python3 "$here/compare.py" address text)" 1 --next "$middle" --writes --symbols copy run.capnp >next
grep -q '^instr [0-9]*  write  .* decode+0x[0-9a-f]* \[plant\].* plant ([0-9]*)$' next || fail "the next write: $(cat next)"
