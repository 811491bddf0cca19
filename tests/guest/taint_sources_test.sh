#!/bin/bash
# panda-analyze taint: each source, on one recording. A file goes through a pipe and over TCP on loopback to another file; what is
# read of it by stdin, pread and mmap has the same labels; arguments, environment, sockets and registers are labelled too.
. "$(dirname "$0")/common.sh"
[ $# -eq 0 ] || shift
/usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(bytes((i * 37 + 11) % 256 for i in range(300)))' >in
"$repository/tools/guest/compile.sh" amd64 chain "$repository/tests/guest/taint/chain.c" || skip "nothing to compile with"
panda-record --force "$@" -o chain.panda --copy-in in:/tmp/ --copy-in chain:/tmp/ -- sh -c \
    'cd /tmp; ./chain tcp in tcp.out && ./chain stdin in stdin.out <in && ./chain pread in pread.out &&
     ./chain mmap in mmap.out && ./chain argument hello argument.out &&
     WORD=goodbye ./chain environment WORD environment.out && cmp in tcp.out && echo finished' | tr -d '\r' >said
grep -qx finished said || fail "the guest said: $(tail -n 3 said)"
panda-replay --quiet --force --trace chain.capnp chain.panda

# arrives KIND FIRST LAST PLACE… -- OPTION…: what is labelled so leaves for these places, at these positions of the source.
arrives() {
    local expected=()
    while [ "$1" != -- ]; do
        expected+=("$1")
        shift
    done
    shift
    panda-analyze taint --quiet --no-names --json "$@" chain.capnp >rows.json 2>warnings || fail "$*: status $?"
    ! grep . warnings || fail "$*: warnings"
    /usr/bin/python3 "$repository/tests/guest/taint/chain.py" rows.json "${expected[@]}" || fail "$*"
    echo "ok: $*"
}
# Both ends of the connection are named.
arrives file 0 299 'pipe:\[[0-9]+\]' '127\.0\.0\.1:[0-9]+ to 127\.0\.0\.1:4000' \
    '/tmp/tcp\.out' '/tmp/stdin\.out' '/tmp/pread\.out' '/tmp/mmap\.out' -- --file /tmp/in
arrives stdin 0 299 '/tmp/stdin\.out' -- --stdin chain
arrives net 0 299 '/tmp/tcp\.out' -- --net=127.0.0.1
arrives net 0 299 '/tmp/tcp\.out' -- --net --
arrives argument 0 4 '/tmp/argument\.out' -- --argument=chain
arrives environment 5 11 '/tmp/environment\.out' -- --environment=chain

# A register, at the call that writes the argument: rdx is the number of bytes, and something depends on it. The facts of the
# pandalog are the rows of the text.
panda-analyze taint --quiet --no-names --json --argument=chain chain.capnp >rows.json
instr=$(/usr/bin/python3 -c 'import json; print(next(r["instr"] for r in map(json.loads, open("rows.json")) if r["kind"] == "left"))')
panda-analyze taint --quiet --no-names --json --register "rdx@$instr" chain.capnp >register.json 2>warnings
grep -q '"how": *"register".*"ranges": *\[\[0,7\]\]' register.json || fail "rdx@$instr is not labelled"
grep -q '"kind": *"branch"' register.json || fail "no branch of the kernel depends on the size that is written"
for option in '--register rdx@999999999999' '--range 0x1000:4@999999999999'; do
    # shellcheck disable=SC2086
    panda-analyze taint --quiet --no-names $option chain.capnp >rows 2>warnings || fail "$option: status $?"
    grep -q "does not come to ${option#* }" warnings || fail "$option: no warning, but: $(cat warnings)"
    [ ! -s rows ] || fail "$option: it printed: $(head -n 1 rows)"
done
echo "ok: --register and --range"

panda-analyze taint --quiet --no-names --json --pandalog facts.log --file /tmp/in chain.capnp >rows.json
facts=$(capnp decode "$repository/analyzers/pandalog/pandalog.capnp" Entry <facts.log | grep -cE '^\( *instr')
[ "$facts" = "$(wc -l <rows.json)" ] || fail "$facts facts in the pandalog, of $(wc -l <rows.json) rows"
echo "ok: --pandalog has $facts facts"
