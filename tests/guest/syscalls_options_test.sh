#!/bin/bash
# Tests options of panda-analyze syscalls: they must select what strace selects with the same options in the guest, and
# each way to write calls must tell the same calls.
. "$(dirname "$0")/common.sh"
strace=$(command -v strace) || skip "no strace on this machine"
mkdir -p tree/lib
cp "$strace" tree/
libraries_of "$strace" | xargs cp -Lt tree/lib

gcc -O1 -static -Wall -Wextra -Werror -o tree/every_call "$repository/tests/guest/options/every_call.c"

# A line for each of strace's files: its name, and the options of both programs.
cat >tree/options <<'END'
file -e trace=file
network -e trace=%network
process -e trace=process
desc -e trace=desc
memory -e %memory
some -e trace=openat,read,close
others -e trace=!read,write
pattern -e /^(open|re)
short -s 3
usr1 -e trace=kill -e signal=USR1
no-signals -e trace=%signal -e signal=none
END
cat >tree/work <<'END'
trap "echo caught" USR1
kill -USR1 $$
cat /etc/passwd /nowhere | wc -c
nc -l -p 4000 >/dev/null &
sleep 0.1
echo hello to you | nc 127.0.0.1 4000
wait
END
cat >tree/prepare <<'END'
mkdir -p /lib64 /lib/x86_64-linux-gnu /tmp/out
cp /opt/tree/lib/* /lib/x86_64-linux-gnu/
ln -s /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 /lib64/
print_files() {
    for file in /tmp/out/*; do
        echo "=== ${file#/tmp/out/}"
        cat "$file"
    done
    echo "=== end"
}
END
cat >tree/select <<'END'
#!/bin/sh
. /opt/tree/prepare
while read -r name options; do
    # shellcheck disable=SC2086
    /opt/tree/strace -f -o "/tmp/out/$name" $options sh /opt/tree/work >/dev/null 2>&1 </dev/null
done </opt/tree/options
print_files
END
cat >tree/classes <<'END'
#!/bin/sh
. /opt/tree/prepare
/opt/tree/strace -f -c -o /tmp/out/table sha1sum /etc/passwd /nowhere >/dev/null 2>&1 </dev/null
for class in clock creds desc file ipc memory network process signal; do
    /opt/tree/strace -o "/tmp/out/class-$class" -e trace=%$class /opt/tree/every_call >/dev/null 2>&1
done
print_files
END
chmod +x tree/select tree/classes
mkdir strace ours

# trace_of SCRIPT: runs the script in the guest, puts what strace writes there into strace/, and traces the run.
trace_of() {
    panda-record -o "$1.panda" --copy-in tree:/opt/ -- "/opt/tree/$1" >"$1.out"
    tr -d '\r' <"$1.out" | awk '/^=== / { file = $2; next } file && file != "end" { print > "strace/" file }'
    grep -q '^=== end' "$1.out" || fail "the guest's programs did not end"
    panda-replay --quiet --trace "$1.capnp" "$1.panda"
}
trace_of classes
for class in clock creds desc file ipc memory network process signal; do
    panda-analyze syscalls --quiet -e "trace=$class" -p every_call classes.capnp >"ours/class-$class"
done
panda-analyze syscalls --quiet -c --json -p sha1sum classes.capnp >ours/table.json
panda-analyze syscalls --quiet -c -p sha1sum classes.capnp >ours/table

trace_of select
while read -r name options; do
    shell=$(sed -n '1s/ .*//p' "strace/$name")
    # shellcheck disable=SC2086
    panda-analyze syscalls --quiet $options -f -p "$shell" select.capnp >"ours/$name"
done <tree/options
# The same calls of one of the runs, in every form, and then of its first process alone.
shell=$(sed -n '1s/ .*//p' strace/short)
panda-analyze syscalls --quiet -f -p "$shell" --instr select.capnp >lines
panda-analyze syscalls --quiet -f -p "$shell" --json --pandalog calls.log --perfetto calls.json.gz select.capnp >calls.json
panda-analyze syscalls --quiet -p "$shell" --json select.capnp >first.json
panda-analyze syscalls --quiet -p "$shell" -p nc --json select.capnp >named.json
panda-analyze syscalls --quiet -p "$shell" -p nc --json - <select.capnp | cmp - named.json || fail "a pipe gives other calls"
capnp decode "$repository/analyzers/pandalog/pandalog.capnp" Entry <calls.log >calls.log.text
/usr/bin/python3 "$repository/tests/guest/options/compare.py" "$shell" || fail "options"
