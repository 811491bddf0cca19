#!/bin/bash
# The guest's workloads record and replay, with the default CPU model and with max.
. "$(dirname "$0")/common.sh"

for workload in gzip md5sum find awk pipe; do
    record_and_replay "$workload" 2 -- "workload-$workload"
done
record_and_replay max 2 --cpu max -- workload-pipe
record_and_replay random 2 --cpu max -- sh -c 'dd if=/dev/urandom bs=1k count=64 2>/dev/null | md5sum; date; cat /proc/uptime'

truncate -s 64M disk.img
/sbin/mke2fs -q -t ext4 -F disk.img 2>/dev/null || skip "no mke2fs"
sum=$(md5sum <disk.img)
record_and_replay disk 2 --disk disk.img --net -- sh -c \
    'dd if=/dev/urandom of=/mnt/file bs=64k count=64 conv=fsync 2>/dev/null; echo 3 >/proc/sys/vm/drop_caches
     md5sum </mnt/file; ping -c 2 10.0.2.2 | wc -l'
[ "$(md5sum <disk.img)" = "$sum" ] || fail "the disk image was written to"

# The replay needs neither the image nor the guest.
rm disk.img
PANDA_GUEST=/nonexistent panda-replay --quiet disk.panda

panda-replay --quiet --stop-at 1000000 gzip.panda

# A device that writes to the processor's registers (VMware's port).
"$repository/tools/guest/compile.sh" amd64 vmport "$repository/tests/guest/programs/vmport.c"
record_and_replay vmport 2 --copy-in vmport:/root/ -- /root/vmport
grep -q 'ebx=564d5868' vmport.out || fail "not VMware's magic number: $(cat vmport.out)"
