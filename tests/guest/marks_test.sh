#!/bin/bash
# Marks: a program names moments from inside the guest, and everything that reads the trace takes the names. On a 64-bit and on
# a 32-bit kernel. usage: marks_test.sh BUILD
. "$(dirname "$0")/common.sh"
# shellcheck disable=SC2016
command='echo early >/tmp/early; panda-mark first; panda-mark root; cat /etc/passwd >/tmp/copy; grep root /etc/passwd >/dev/null; panda-mark second; echo late >/tmp/late; panda-mark first
    for name in "two words" a:b a#2 5 end; do panda-mark "$name" || echo refused; done'
for kernel in "$(readlink -f "$build/libexec/panda/guest")" "$("$repository/tools/guest/build.sh" --kernel linux-image-686)"; do
    panda-record -f -o run.panda --guest "$kernel" -- sh -c "$command" >said || fail "the program: exit status $?"
    [ "$(grep -c refused said)" = 5 ] || fail "names that could not be used: $(cat said)"
    panda-replay -f --quiet --trace run.capnp run.panda
    panda-trace info run.capnp | sed -n 's/^mark  *//p' >marks
    [ "$(sed 's/ at .*//' marks | tr '\n' ' ')" = "first root second first " ] || fail "marks: $(cat marks)"
    first=$(sed -n '1s/.* at //p' marks)
    second=$(sed -n '3s/.* at //p' marks)
    panda-trace info --json run.capnp | grep -q "\"marks\":\[{\"name\":\"first\",\"instr\":$first},{\"name\":\"root\"" ||
        fail "marks in JSON"

    # The name is as good as the number.
    panda-analyze blocks --quiet --no-names --json --top 1 --from first --to=second run.capnp >named
    panda-analyze blocks --quiet --no-names --json --top 1 --from "$first" --to "$second" run.capnp >numbered
    cmp named numbered || fail "a mark is not its instr"
    panda-trace cut --quiet --force -o first:second second:first#2 run.capnp
    mv first:second part.capnp
    # What is not a moment is not a mark.
    panda-analyze stringsearch --quiet --str root:x --no-names run.capnp | grep -q "^[1-9][0-9]* match" || fail "root:x is not found"
    panda-trace info part.capnp | grep -q "^instructions  *$second to " || fail "the cut: $(panda-trace info part.capnp | head -n 20)"
    expect_complaint 'nowhere' panda-analyze blocks --from nowhere run.capnp
    # What happens between two marks: the 686 kernel does not describe itself.
    [ "$kernel" = "$(readlink -f "$build/libexec/panda/guest")" ] || continue
    panda-analyze proc_trace --json --from first --to second run.capnp | sed -n 's/.*"name":"\([^"]*\)".*/\1/p' | sort -u >between
    grep -qx cat between || fail "no cat between the marks: $(cat between)"
    panda-analyze osi --at 'first#2' run.capnp | grep -q ' panda-mark$' || fail "nobody is there at the second mark of a name"
done
echo "ok: marks on both kernels"
