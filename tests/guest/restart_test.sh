#!/bin/bash
# One recording with three starts of a kernel: at power-on, by kexec, after a triple fault. It replays, and
# introspection and system calls follow the kernel that runs. usage: restart_test.sh BUILD
. "$(dirname "$0")/common.sh"
guest=$("$repository/tools/guest/build.sh" | tail -n 1)
stages=3

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
    -kernel "$guest/vmlinuz" -initrd initrd -append "console=ttyS0 quiet panda.mode=boot no_timer_check" \
    -drive if=none,id=disk,file=disk.img,format=raw -device virtio-blk-pci,drive=disk \
    </dev/null >recorded.raw || fail "recording: exit status $?"
tr -d '\r' <recorded.raw | grep -ao 'stage [0-9]' >recorded.out
seq -f 'stage %g' 0 $((stages - 1)) | diff - recorded.out ||
    fail "the guest did not go through all stages: $(tail -n 3 recorded.raw)"
echo "recorded after $SECONDS s"
panda-recording verify --quiet restart.panda
# Most of the first kernel's start is not needed.
total=$(panda-recording info --json restart.panda | sed -n 's/^ *"instr": \([0-9]*\),$/\1/p')
panda-replay --quiet --force --serial replayed.raw --window "$((total / 5)):$total" --trace restart.capnp restart.panda
echo "replayed after $SECONDS s"
cmp recorded.raw replayed.raw || fail "the replay printed something else"

panda-analyze osi --json --on exec restart.capnp >exec.json
panda-analyze syscalls -e openat,open,execve restart.capnp >calls.txt
for ((stage = 0; stage < stages; stage++)); do
    grep -q "execve(\"/tmp/cat\", \[\"/tmp/cat\", \"/tmp/stage-$stage\"\]" calls.txt || fail "no exec in stage $stage"
    grep -q "open[at]*(.*\"/tmp/stage-$stage\"" calls.txt || fail "no open in stage $stage"
done
# Programs of one name, each in a life of its own.
[ "$(grep -c '"name": *"cat"' exec.json)" = $stages ] || fail "osi tells $(grep -c '"name": *"cat"' exec.json) execs of cat"
echo "ok: $stages starts, $(wc -l <calls.txt) calls"
