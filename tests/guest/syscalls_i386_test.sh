#!/bin/bash
# Tests what syscalls_strace_test.sh does, in a 32-bit guest: calls by sysenter and int 0x80. strace and its libraries
# are Debian's i386 packages, and strace watches the guest's own busybox.
. "$(dirname "$0")/common.sh"
. "$repository/tools/common.sh"
. "$repository/tests/guest/population.sh"
guest=$("$repository/tools/guest/build.sh" --kernel linux-image-686 | tail -n 1)

packages=(strace libc6 libunwind8 liblzma5 libgcc-s1)
mkdir -p "$panda_cache/packages" unpacked tree/bin tree/lib
for package in "${packages[@]}"; do
    if ! compgen -G "$panda_cache/packages/${package}_*_i386.deb" >/dev/null; then
        (cd "$panda_cache/packages" && retry private_apt guest-i386 i386 apt-get -qq download "$package") ||
            skip "cannot download $package for i386"
    fi
    dpkg-deb -x "$(compgen -G "$panda_cache/packages/${package}_*_i386.deb" | tail -n 1)" unpacked
done
cp -L unpacked/usr/bin/strace tree/bin/
find unpacked -name '*.so.*' -path '*i386-linux-gnu*' -exec cp -L {} tree/lib/ \;

cat >tree/run <<'GUEST'
#!/bin/sh
mkdir -p /lib/i386-linux-gnu /tmp/out
cp /opt/tree/lib/* /lib/i386-linux-gnu/
ln -s /lib/i386-linux-gnu/ld-linux.so.2 /lib/
PATH=/opt/tree/bin:/bin
cd /tmp
trace() {
    name=$1
    shift
    strace -f -o "/tmp/out/$name" "$@" >/dev/null 2>&1 </dev/null
}
trace ls ls -l / /proc/self
trace find find /proc/self /sys/kernel -maxdepth 1
trace tar tar czf /tmp/a.tar.gz /etc /opt/tree/lib
trace pipeline sh -c 'cat /proc/cpuinfo | sort -r | grep -c o; ls /nowhere; echo $((1+2)) >/tmp/x; cat </tmp/x; date'
trace signals sh -c 'trap "echo caught" USR1; kill -USR1 $$; sleep 0.1 & wait; (kill -9 $$) & sleep 1'
trace network sh -c 'nc -l -p 4000 >/dev/null & sleep 0.2; echo hello | nc 127.0.0.1 4000; wait'
trace files sh -c 'mkdir d; cp /etc/* d; mv d e; ln -s e f; chmod 700 e; touch e/x; rm -r e; df; ps; stat f; dd if=/dev/zero of=g bs=4k count=3'
for file in /tmp/out/*; do
    echo "=== ${file#/tmp/out/}"
    cat "$file"
done
echo "=== end"
GUEST
chmod +x tree/run

# Its kernel has no BTF, so signals follow from the group that the module prints.
"$repository/tools/guest/build_module.sh" "$guest" "$repository/kernelinfo/module" .
panda-record -o module.panda --guest "$guest" --copy-in kernelinfo.ko:/root/ -- \
    sh -c 'insmod /root/kernelinfo.ko && exit 1; dmesg' >dmesg
group_from_dmesg i386-guest <dmesg >module.conf

panda-record --guest "$guest" -m 512M -o strace.panda --copy-in tree:/opt/ -- /opt/tree/run >out
mkdir -p strace
tr -d '\r' <out | awk '/^=== / { file = $2; next } file && file != "end" { print > "strace/" file }'
grep -q '^=== end' out || fail "the guest's programs did not end"
panda-replay --quiet --trace trace.capnp strace.panda
panda-analyze syscalls --quiet --kconf module.conf trace.capnp >ours
/usr/bin/python3 "$repository/tests/guest/syscalls_compare.py" ours strace/* || fail "too few calls are as strace has them"
