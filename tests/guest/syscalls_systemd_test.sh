#!/bin/bash
# panda-analyze syscalls must say about real programs of a Debian system, whose first process is systemd, what its own
# strace says. Takes minutes, and downloads the system once. usage: syscalls_systemd_test.sh BUILD [SUITE]
. "$(dirname "$0")/common.sh"
. "$repository/tests/guest/kernels.sh"
suite=${2:-trixie}
files=$repository/tests/guest/systemd
guest=$(guest_of "$suite:linux-image-amd64")
disk=$("$repository/tools/guest/disk.sh" --name systemd --suite "$suite" --size 3G --packages \
    systemd,systemd-sysv,dbus,udev,strace,python3,gcc,libc6-dev,iproute2,curl,kmod,util-linux,mount,procps,passwd,apt \
    --copy "$files/traced.service:/etc/systemd/system/traced.service" | tail -n 1)

mkdir -p overlay/bin share
cp "$files/start" overlay/bin/
cp "$files/programs" share/
{
    cat "$guest/initrd"
    (cd overlay && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1)
} >initrd
timeout 1200 panda-record -o systemd.panda --vm -- -m 1G -nodefaults -display none -no-reboot -serial stdio -kernel "$guest/vmlinuz" \
    -initrd initrd -append "console=ttyS0 rdinit=/bin/start panic=-1 no_timer_check systemd.wants=traced.service systemd.show_status=0 quiet" \
    -drive "if=virtio,file=$disk,format=raw,snapshot=on" -nic user,model=virtio-net-pci \
    -fsdev "local,id=fs,path=$PWD/share,security_model=none" -device virtio-9p-pci,fsdev=fs,mount_tag=share </dev/null >serial
[ -e share/out/end ] || fail "the guest's programs did not end: $(tail -n 5 serial)"
rm share/out/end
panda-replay --quiet --trace trace.capnp systemd.panda
panda-analyze syscalls --quiet trace.capnp >ours
for name in share/out/*; do
    echo "$(basename "$name"): $(wc -l <"$name") lines"
done
/usr/bin/python3 "$repository/tests/guest/syscalls_compare.py" ours share/out/* || fail "too few calls are as strace has them"

# The stacks of the same run: hardly a return whose call nobody saw.
panda-analyze callstack_instr --quiet --json trace.capnp | tail -n 1 >stacks
/usr/bin/python3 -c '
import json
summary = json.load(open("stacks"))
unmatched = summary["fresh"] + summary["before"] + summary["jumps"]
print(f"{unmatched} of {summary['"'returns'"']} returns match no call")
assert unmatched < summary["returns"] / 1000, summary' || fail "too many returns match no call"
