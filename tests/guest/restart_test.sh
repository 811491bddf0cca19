#!/bin/bash
# One recording with many starts of a kernel: reset by the board, kexec, triple fault, sysrq. It replays, and
# introspection and system calls follow the kernel that runs. usage: restart_test.sh BUILD
. "$(dirname "$0")/common.sh"
guest=$("$repository/tools/guest/build.sh" | tail -n 1)
stages=5

pack() { # directory
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1)
}
mkdir -p overlay/bin kexec/root kexec/bin
cp "$repository/tests/guest/restart/workload-boot" overlay/bin/
cat "$guest/initrd" <(pack overlay) >second-initrd
"$repository/tools/guest/compile.sh" amd64 kexec/bin/kexec "$repository/tests/guest/restart/kexec.c"
cp "$guest/vmlinuz" kexec/root/vmlinuz
cp second-initrd kexec/root/initrd
cat second-initrd <(pack kexec) >initrd

printf 0 >disk.img
truncate -s 1M disk.img
timeout 600 panda-record -f -o restart.panda --vm -- -M q35 -m 384M -nodefaults -display none -serial stdio \
    -kernel "$guest/vmlinuz" -initrd initrd -append "console=ttyS0 quiet panda.mode=boot" \
    -drive if=none,id=disk,file=disk.img,format=raw -device virtio-blk-pci,drive=disk \
    </dev/null >recorded.raw || fail "recording: exit status $?"
tr -d '\r' <recorded.raw | grep -ao 'stage [0-9]' >recorded.out
seq -f 'stage %g' 0 $((stages - 1)) | diff - recorded.out ||
    fail "the guest did not go through all stages: $(tail -n 3 recorded.raw)"
panda-recording verify --quiet restart.panda
panda-replay --quiet --force --serial replayed.raw --trace restart.capnp restart.panda
cmp recorded.raw replayed.raw || fail "the replay printed something else"
panda-trace verify --quiet restart.capnp

panda-analyze osi --json --on exec restart.capnp >exec.json
panda-analyze syscalls -e openat,open,execve restart.capnp >calls.txt
for ((stage = 0; stage < stages; stage++)); do
    [ "$(grep -c "/tmp/cat.*stage-$stage\|stage-$stage.*/tmp/cat" exec.json)" -ge 0 ]
    grep -q "execve(\"/tmp/cat\", \[\"/tmp/cat\", \"/tmp/stage-$stage\"\]" calls.txt || fail "no exec in stage $stage"
    grep -q "open[at]*(.*\"/tmp/stage-$stage\"" calls.txt || fail "no open in stage $stage"
done
# Six programs of that name, each in a life of its own.
[ "$(grep -c '"name": *"cat"' exec.json)" = $stages ] || fail "osi tells $(grep -c '"name": *"cat"' exec.json) execs of cat"
echo "ok: $stages starts, $(wc -l <calls.txt) calls"
