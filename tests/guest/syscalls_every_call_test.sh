#!/bin/bash
# Which calls panda-analyze syscalls writes in another way than strace: the manual page lists these, and no others.
#   syscalls_every_call_test.sh BUILD            compares
#   syscalls_every_call_test.sh BUILD --write    makes the list anew
. "$(dirname "$0")/common.sh"
strace=$(command -v strace) || skip "no strace on this machine"
mkdir -p tree
gcc -O1 -w -static -o tree/every_call "$repository/tests/guest/every_call/every_call.c"
cp -L "$strace" tree/
ldd "$strace" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p; s/^\s*\(\/lib64[^ ]*\).*/\1/p' | while read -r library; do
    cp -L "$library" tree/
done
cat >tree/run <<'GUEST'
#!/bin/sh
mkdir -p /lib64
cp /opt/tree/ld-linux-x86-64.so.2 /lib64/
cd /tmp
LD_LIBRARY_PATH=/opt/tree /opt/tree/strace -E LD_LIBRARY_PATH= -f -o /tmp/out /opt/tree/every_call >/dev/null 2>&1 </dev/null
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
