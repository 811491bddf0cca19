#!/bin/bash
# Which calls panda-analyze syscalls writes in another way than strace: the manual page lists these, and no others.
#   syscalls_every_call_test.sh BUILD            compares
#   syscalls_every_call_test.sh BUILD --write    makes the list anew
. "$(dirname "$0")/common.sh"
add_strace
gcc -O1 -w -static -o tree/every_call "$repository/tests/guest/every_call/every_call.c"
cat >tree/run <<'GUEST'
#!/bin/sh
cd /tmp
/opt/tree/traced -f -o /tmp/out /opt/tree/every_call >/dev/null 2>&1 </dev/null
cat /tmp/out
echo "=== end"
GUEST
chmod +x tree/run
panda-record -m 512M -o every_call.panda --copy-in tree:/opt/ -- /opt/tree/run >out
tr -d '\r' <out >strace.out
grep -q '^=== end' strace.out || fail "the program did not end"
panda-replay --quiet --trace every_call.capnp every_call.panda
panda-analyze syscalls --quiet -p every_call every_call.capnp >ours
/usr/bin/python3 "$repository/tests/guest/every_call/compare.py" ours strace.out \
    "$repository/docs/man/panda-analyze-syscalls.1" "${@:2}" || fail "the manual page lists other calls"
