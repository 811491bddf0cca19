#!/bin/bash
# The patched QEMU has what Debian's own has: machines, devices, disks of directories, sound, screens. What it cannot record
# is refused with a sentence that says why. usage: emulator_test.sh BUILD
. "$(dirname "$0")/common.sh"

offers() { # WORDS-OF-THE-QUESTION… -- WORD…: each word must be a line's first
    local question=()
    while [ "$1" != -- ]; do
        question+=("$1")
        shift
    done
    shift
    panda-record --vm -- "${question[@]}" >offered 2>&1
    for word in "$@"; do
        grep -qE "^$word( |\$)" offered || fail "${question[*]} has no $word"
    done
    echo "ok: ${question[*]} has $#"
}

offers -M help -- pc q35 microvm isapc none
offers -audiodev help -- none wav pa pipewire alsa oss sdl
offers -display help -- none curses sdl
offers -netdev help -- user tap socket l2tpv3

# Some are in modules, which must be found.
for device in virtio-9p-pci virtio-gpu-pci virtio-vga cirrus-vga VGA bochs-display ramfb vmware-svga intel-hda hda-duplex \
    AC97 ES1370 sb16 usb-host usb-redir usb-audio usb-tablet usb-mtp ccid-card-passthru usb-ccid virtio-scsi-pci nvme \
    megasas lsi53c895a pvscsi sdhci-pci usb-uas usb-bot igb e1000e vmxnet3 ne2k_isa virtio-iommu-pci intel-iommu \
    amd-iommu tpm-tis tpm-crb vmgenid i6300esb ib700 edu nvdimm virtio-pmem-pci pvpanic-pci; do
    panda-record --vm -- -device "$device,help" >offered 2>&1 || fail "no device $device: $(tail -n 1 offered)"
done
echo "ok: devices"

# A directory as a disk.
mkdir directory
echo text >directory/file
echo quit | timeout 20 panda-record --vm -- -M pc -display none -nodefaults -monitor stdio -S \
    -drive "if=ide,format=raw,file.driver=vvfat,file.dir=$PWD/directory,file.rw=on" >offered 2>&1 ||
    fail "a directory as a disk: $(tail -n 1 offered)"
echo "ok: a directory as a disk"

for arguments in "-device vhost-vsock-pci,guest-cid=3" "-netdev tap,id=n,vhost=on" "-device qxl-vga" "-device virtio-vga-gl" \
    "-device vfio-pci,host=01:00.0" "-object iothread,id=i" "-enable-kvm" "-smp 2" "-spice port=1"; do
    # shellcheck disable=SC2086  # an option and its value
    expect_complaint 'cannot be recorded|one processor' panda-record --vm -- $arguments
done
