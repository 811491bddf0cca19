#!/bin/bash
# panda-analyze taint: every operator of C, asked by the guest's own program, and files through pipes and programs whose
# output must have exactly the labels that their specification says.
. "$(dirname "$0")/common.sh"
[ $# -eq 0 ] || shift
echo 'int main(void) { return 0; }' >nothing.c
for architecture in amd64 i386; do
    "$repository/tools/guest/compile.sh" $architecture nothing nothing.c || skip "nothing to compile with for $architecture"
    "$repository/tools/guest/compile.sh" $architecture operators "$repository/tests/guest/taint/operators.c"
    panda-record --force "$@" -o operators.panda --copy-in operators:/tmp/ -- /tmp/operators | tr -d '\r' >asked
    panda-replay --quiet --force --trace operators.capnp operators.panda
    panda-analyze taint --quiet --no-names --hypercalls operators.capnp >answers 2>warnings ||
        fail "$architecture: $(grep FAILED answers | head -n 5)"
    [ "$(grep -c '^hypercall.* ok: ' answers)" = "$(cat asked)" ] || fail "$architecture: not all questions were answered"
    ! grep -v '^$' warnings || fail "$architecture: warnings"
    echo "ok: $architecture: $(cat asked) questions of the guest"
done

# A file of 300 bytes, of letters and of others.
/usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(bytes((i * 37 + 11) % 256 for i in range(300)))' >in
"$repository/tools/guest/compile.sh" amd64 coding "$repository/tests/guest/taint/coding.c"
panda-record --force --quiet "$@" -o files.panda --copy-in in:/tmp/ --copy-in coding:/tmp/ -- sh -c \
    'dd if=/tmp/in bs=100 2>/dev/null | tr a-z A-Z >/tmp/upper; dd if=/tmp/in of=/tmp/part bs=7 skip=1 count=5 2>/dev/null; /tmp/coding /tmp/in /tmp'
panda-replay --quiet --force --trace files.capnp files.panda
panda-analyze taint --quiet --no-names --json --file /tmp/in --pointers loads files.capnp >files.json
/usr/bin/python3 "$repository/tests/guest/taint/expect.py" in files.json || fail "labels of what left"

# The same bytes from a pipe, and again.
for _ in 1 2; do
    panda-analyze taint --quiet --no-names --json --file /tmp/in --pointers loads - <files.capnp >again.json
    cmp files.json again.json || fail "another output from a pipe"
done
panda-analyze tainted_instr --quiet --json --file /tmp/in files.capnp >instructions.json
grep -q '"function"' instructions.json || fail "instructions have no names"
# expect_line PATTERN COMMAND…: the command's output must have such a line.
expect_line() {
    local pattern=$1
    shift
    "$@" >lines || fail "$*: status $?"
    grep -q -- "$pattern" lines || fail "no \"$pattern\" from: $*"
}
expect_line '"kind": *"branch"' panda-analyze tainted_branch --quiet --no-names --json --file /tmp/in files.capnp
expect_line '^highest taint compute number [1-9]' \
    panda-analyze taint_compute_numbers --quiet --no-names --file /tmp/in files.capnp
expect_line '^290 of 300 labels' panda-analyze dead_data --quiet --file /tmp/in --end 300 files.capnp
expect_line '^labelled .*in:0-' panda-analyze file_taint --quiet --no-names /tmp/in files.capnp
panda-analyze ida_taint2 --quiet --file /tmp/in --filename rows.csv files.capnp
[ "$(head -n 1 rows.csv)" = pid,pc ] || fail "ida_taint2 wrote: $(head -n 1 rows.csv)"
[ "$(wc -l <rows.csv)" -gt 20 ] || fail "ida_taint2 wrote $(wc -l <rows.csv) lines"
expect_complaint 'nothing is labelled' panda-analyze taint files.capnp
echo "ok: reports"
