#!/bin/bash
# The commands in docs/manual.md must work as they stand, in their order. Each has to print something, or to write the file
# that it names. usage: manual_test.sh BUILD
. "$(dirname "$0")/common.sh"
mapfile -t commands < <(sed -n 's/^    \$ //p' "$repository/docs/manual.md")
[ ${#commands[@]} -ge 40 ] || fail "the manual has only ${#commands[@]} commands"
for command in "${commands[@]}"; do
    echo "\$ $command"
    bash -c "$command" </dev/null >output 2>errors || fail "$command: exit status $?: $(cat errors)"
    file=$(sed -n 's/.* \(-o\|--trace\) \([^ ]*\) .*/\2/p' <<<"$command")
    if [ -n "$file" ]; then
        [ -s "$file" ] || fail "$command: $file is empty"
    else
        [ -s output ] || [ -s errors ] || fail "$command: no output"
    fi
done
# Examples of what they must have found.
panda-analyze file_taint --no-names --quiet --json passwd demo.capnp | grep -c passwd >/dev/null || fail "file_taint does not know the file"
panda-analyze files --quiet demo.capnp | grep -c '/etc/passwd$' >/dev/null || fail "nobody opens /etc/passwd"
grep -q '^define ' window.ll || fail "lift writes no functions"
echo "ok: ${#commands[@]} commands of the manual work as they stand"
