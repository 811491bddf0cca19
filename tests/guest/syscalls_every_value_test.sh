#!/bin/bash
# Calls with many values of their arguments, which panda-analyze syscalls must write as strace does.
# usage: syscalls_every_value_test.sh BUILD [amd64|i386 [FIRST LAST]]    the numbers of the calls
. "$(dirname "$0")/common.sh"
architecture=${2:-amd64} first=${3:-0} last=${4:-450}
add_strace
"$repository/tools/guest/compile.sh" "$architecture" tree/every_value "$repository/tests/guest/every_value/every_value.c"
# Text goes slowly through the serial port, so it is packed.
cat >tree/run <<GUEST
#!/bin/sh
cd /tmp
for ending in fail succeed; do
    /opt/tree/traced -o /tmp/\$ending /opt/tree/every_value \$ending $first $last >/dev/null 2>&1 </dev/null
    echo "=== \$ending"
    gzip -c /tmp/\$ending | base64
done
echo "=== end"
GUEST
chmod +x tree/run
panda-record -m 512M -o values.panda --copy-in tree:/opt/ -- /opt/tree/run >out
grep -q '^=== end' out || fail "the programs did not end"
for ending in fail succeed; do
    tr -d '\r' <out | sed -n "/^=== $ending/,/^=== /p" | grep -v '^===' | base64 -d | gzip -dc >"$ending.strace"
done
panda-replay --quiet --trace values.capnp values.panda
panda-analyze syscalls --quiet -p every_value values.capnp >ours
/usr/bin/python3 "$repository/tests/guest/every_value/compare.py" ours fail.strace succeed.strace
