#!/bin/bash
# Disks on each controller and network cards of each kind, in one machine: a guest that is recorded sees the same bytes as
# one that is not, and the recording replays. Prints a line for each device. usage: devices_test.sh BUILD
. "$(dirname "$0")/common.sh"
guest=$("$repository/tools/guest/build.sh" --kernel linux-image-amd64 | tail -n 1)

# An initramfs that is unpacked over the guest's own: the workload, and bytes to write and send.
mkdir -p overlay/bin overlay/root
cp "$repository/tests/guest/devices/workload-boot" overlay/bin/
head -c 300000 /dev/urandom >overlay/root/blob
{
    cat "$guest/initrd"
    (cd overlay && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -1)
} >initrd

# A file system with files of many sizes and their sums.
mkdir files
for size in 0 1 511 4096 4097 30000 65536 200001; do
    head -c $size /dev/urandom >files/$size
done
(cd files && md5sum [0-9]* >SUMS)
/sbin/mke2fs -q -F -t ext4 -d files disk.img 32M

# SeaBIOS looks for disks on all controllers, and waits for minutes; qboot leaves that to the kernel.
machine=(-M q35 -bios qboot.rom -m 512M -nodefaults -display none -no-reboot -serial stdio -kernel "$guest/vmlinuz" -initrd initrd
    -append "console=ttyS0 quiet panda.mode=boot")
disks=0

# disk DEVICE…: a copy of the disk; %s in the arguments becomes its drive.
disk() {
    machine+=(-drive "if=none,id=drive$disks,file=disk.img,format=raw,snapshot=on" "${@//%s/drive$disks}")
    disks=$((disks + 1))
}

disk -device virtio-blk-pci,drive=%s
disk -device piix3-ide,id=ide -device ide-hd,bus=ide.0,drive=%s
disk -device nvme,drive=%s,serial=nvme
disk -device ich9-ahci,id=ahci -device ide-hd,bus=ahci.0,drive=%s
# Not mptsas1068: Linux finds its adapter, and no disk behind it, recorded or not.
for controller in virtio-scsi-pci megasas megasas-gen2 lsi53c895a pvscsi am53c974; do
    disk -device $controller,id=$controller -device scsi-hd,bus=$controller.0,drive=%s
done
disk -device qemu-xhci,id=xhci -device usb-storage,bus=xhci.0,drive=%s
disk -device usb-uas,bus=xhci.0,id=uas -device scsi-hd,bus=uas.0,drive=%s
disk -device usb-ehci,id=ehci -device usb-storage,bus=ehci.0,drive=%s
disk -device sdhci-pci -device sd-card,drive=%s
# Its own size is what its controller takes.
/sbin/mke2fs -q -F -t ext2 -d files floppy.img 1440k
machine+=(-drive "if=floppy,file=floppy.img,format=raw,snapshot=on")
disks=$((disks + 1))

machine+=(-device "pcie-root-port,id=rp0")
cards=(e1000 e1000e "igb,bus=rp0" rtl8139 ne2k_pci pcnet i82559er tulip vmxnet3 virtio-net-pci "usb-net,bus=xhci.0")
for i in "${!cards[@]}"; do
    net=10.0.$((100 + i)) rom=,romfile=
    [[ ${cards[i]} != usb-net* ]] || rom=
    machine+=(-netdev "user,id=net$i,net=$net.0/24,guestfwd=tcp:$net.100:7-cmd:cat $PWD/overlay/root/blob,guestfwd=tcp:$net.100:8-cmd:md5sum"
        -device "${cards[i]},netdev=net$i$rom")
done

# run NAME RECORD-ARGUMENTS…: what the guest prints, in NAME.out. Each run has its own directory to share.
run() {
    local name=$1
    shift
    rm -rf share
    cp -r files share
    timeout 300 panda-record "$@" --vm -- "${machine[@]}" -fsdev "local,id=fs,path=$PWD/share,security_model=none" \
        -device virtio-9p-pci,fsdev=fs,mount_tag=share </dev/null >"$name.raw" 2>"$name.err" || fail "$name: exit status $?: $(tail -n 1 "$name.err")"
    tr -d '\r' <"$name.raw" | grep -aE '^(disk|card|workload)' >"$name.out" || true
    grep -q '^workload: end' "$name.out" || fail "$name does not end: $(tail -n 5 "$name.raw")"
    (cd share/new && md5sum -c SUMS >/dev/null) || fail "$name: what the guest wrote over 9p is not what is there"
}

run plain
run recorded -f -o devices.panda
panda-recording verify --quiet devices.panda
panda-replay --quiet --force --serial replayed.raw devices.panda
cmp recorded.raw replayed.raw || fail "the replay printed something else"
cat recorded.out
! grep WRONG recorded.out || fail "recording harms the guest"
diff <(sort plain.out) <(sort recorded.out) || fail "the guest differs from one that is not recorded"
[ "$(grep -c '^disk' plain.out)" = $((disks + 1)) ] || fail "$(grep -c '^disk' plain.out) of $((disks + 1)) disks were found"
[ "$(grep -c '^card' plain.out)" = ${#cards[@]} ] || fail "$(grep -c '^card' plain.out) of ${#cards[@]} cards were found"
