#!/bin/bash
# panda-analyze syscalls must say about programs in a guest what strace says there.
. "$(dirname "$0")/common.sh"
# Further arguments are for panda-record, for example --guest DIRECTORY for another kernel.
[ $# -eq 0 ] || shift
strace=$(command -v strace) || skip "no strace on this machine"

# Programs of this machine with their libraries, for /opt in the guest.
add_program() {
    local library
    mkdir -p tree/bin tree/lib
    cp -L "$1" tree/bin/
    libraries_of "$1" | while read -r library; do
        cp -nL "$library" tree/lib/ 2>/dev/null || true
    done
}
for program in "$strace" ls find tar gzip bash cat sort grep; do
    add_program "$(command -v "$program")"
done
for source in "$repository"/tests/guest/syscalls_programs/*.c; do
    name=$(basename "$source" .c)
    [[ $name != *_i386 ]] || continue
    gcc -O1 -w -pthread -o "$name" "$source"
    add_program "./$name"
done
# The compiler finds its parts where -B says.
for part in gcc cc1 as; do
    if [ $part = gcc ]; then
        add_program "$(readlink -f "$(command -v gcc)")"
        mv "tree/bin/$(basename "$(readlink -f "$(command -v gcc)")")" tree/bin/gcc
    else
        add_program "$(command -v "$(gcc -print-prog-name=$part)")"
    fi
done
cp "$repository/tests/guest/syscalls_programs/sum.c" tree/
# The C library loads it when a thread ends by itself.
cp -L "$(gcc -print-file-name=libgcc_s.so.1)" tree/lib/
# 32-bit programs, static: the kernel's other ways in (int 0x80, and syscall or sysenter in the vdso).
programs32="signals ends network netlink threads seccomp user_dispatch exec_from_thread requests newer_calls calls_i386"
for name in $programs32; do
    "$repository/tools/guest/compile.sh" i386 "tree/bin/${name}32" "$repository/tests/guest/syscalls_programs/$name.c" ||
        skip "cannot compile for i386"
done

cat >tree/run <<'GUEST'
#!/bin/sh
# The loader is where the programs look for it.
mkdir -p /lib64 /lib/x86_64-linux-gnu /tmp/out
cp /opt/tree/lib/* /lib/x86_64-linux-gnu/
ln -s /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 /lib64/
PATH=/opt/tree/bin:/bin
cd /tmp
trace() {
    name=$1
    shift
    strace -f -o "/tmp/out/$name" "$@" >/dev/null 2>&1 </dev/null
}
# The same, with what descriptors are.
trace_paths() {
    name=paths-$1
    shift
    strace -y -f -o "/tmp/out/$name" "$@" >/dev/null 2>&1 </dev/null
}
trace ls ls -l / /proc/self
trace find find /proc/self /sys/kernel -maxdepth 1
trace tar tar czf /tmp/a.tar.gz /etc /opt/tree/bin/ls
trace pipeline bash -c 'cat /proc/cpuinfo | sort -r | grep -c o; ls /nowhere; echo $((1+2)) >/tmp/x; cat </tmp/x'
trace threads threads
trace signals signals
trace network network
trace netlink netlink
trace stress stress
trace compiler gcc -B/opt/tree/bin/ -O2 -c -o /tmp/sum.o /opt/tree/sum.c
for name in ends seccomp user_dispatch exec_from_thread requests newer_calls other_ways_in; do
    trace $name $name
done
for name in PROGRAMS32; do
    trace ${name}32 ${name}32
done
trace_paths descriptor_tables descriptor_tables
trace_paths descriptors descriptors
trace_paths network network
trace_paths ls ls -l / /proc/self
trace_paths pipeline bash -c 'cat /proc/cpuinfo | sort -r | grep -c o; echo $((1+2)) >/tmp/y; cat </tmp/y'
for file in /tmp/out/*; do
    echo "=== ${file#/tmp/out/}"
    cat "$file"
done
echo "=== end"
GUEST
sed -i "s/PROGRAMS32/$programs32/" tree/run
chmod +x tree/run

panda-record "$@" -m 512M -o strace.panda --copy-in tree:/opt/ -- /opt/tree/run >out
mkdir -p strace
tr -d '\r' <out | awk '/^=== / { file = $2; next } file && file != "end" { print > "strace/" file }'
grep -q '^=== end' out || fail "the guest's programs did not end"
panda-replay --quiet --trace trace.capnp strace.panda
compare() {
    /usr/bin/python3 "$repository/tests/guest/syscalls_compare.py" "$@" || fail "too few calls are as strace has them"
}
panda-analyze syscalls --quiet trace.capnp >ours
panda-analyze syscalls --quiet -y trace.capnp >ours-paths
mkdir paths
mv strace/paths-* paths/
compare ours strace/*
compare ours-paths paths/*
