"""Records randomly drawn machines at random moments, with resets in a third of the recordings, and replays each.

usage: soak.py GUEST DISK ROUNDS SEED
GUEST is a guest of tools/guest/build.sh with many drivers, DISK a raw image with a file system. panda-record,
panda-recording and panda-replay are on PATH. Prints a line for each recording; the exit status is 1 if one fails.
"""

import os
import random
import subprocess
import sys
import time

from monitor import Monitor

MACHINES = ["pc", "pc", "q35", "q35", "microvm", "isapc"]
PROCESSORS = ["qemu64", "max", "Skylake-Server", "EPYC", "Haswell-noTSX", "max,la57=on"]
CONTROLLERS = {
    "virtio-blk-pci": ["-device", "virtio-blk-pci,drive=disk"],
    "nvme": ["-device", "nvme,drive=disk,serial=1"],
    "virtio-scsi-pci": ["-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,bus=scsi.0,drive=disk"],
    "megasas": ["-device", "megasas,id=scsi", "-device", "scsi-hd,bus=scsi.0,drive=disk"],
    "lsi53c895a": ["-device", "lsi53c895a,id=scsi", "-device", "scsi-hd,bus=scsi.0,drive=disk"],
    "pvscsi": ["-device", "pvscsi,id=scsi", "-device", "scsi-hd,bus=scsi.0,drive=disk"],
    "ahci": ["-device", "ich9-ahci,id=ahci", "-device", "ide-hd,bus=ahci.0,drive=disk"],
    "usb-storage": ["-device", "qemu-xhci,id=usb", "-device", "usb-storage,bus=usb.0,drive=disk"],
}
CARDS = ["e1000", "e1000e", "rtl8139", "virtio-net-pci", "vmxnet3", "pcnet"]
OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd"


def draw_machine(draw, guest, disk):
    """The arguments of a machine, and a line that describes it."""
    machine = draw.choice(MACHINES)
    memory = draw.choice([192, 256, 384, 512, 1024])
    processor = draw.choice(PROCESSORS)
    arguments = ["-M", machine, "-m", f"{memory}M", "-display", "none", "-nodefaults", "-serial", "null"]
    if machine == "isapc":
        # 16 bits of devices and no PCI: firmware and what it finds.
        return arguments + ["-cpu", "qemu32", "-device", "isa-vga", "-device", "ne2k_isa"], f"isapc {memory}M"
    arguments += ["-cpu", processor, "-kernel", f"{guest}/vmlinuz", "-initrd", f"{guest}/initrd"]
    arguments += ["-append", "console=ttyS0 panda.mode=boot"]
    if machine == "microvm":
        return arguments, f"microvm {processor} {memory}M"
    controller = draw.choice(sorted(CONTROLLERS))
    card = draw.choice(CARDS)
    arguments += ["-drive", f"if=none,id=disk,format=raw,snapshot=on,file={disk}", *CONTROLLERS[controller]]
    arguments += ["-netdev", "user,id=net", "-device", f"{card},netdev=net,romfile="]
    screen = draw.choice(["none", "VGA", "cirrus-vga"])
    if screen != "none":
        arguments += ["-device", screen]
    firmware = "seabios"
    if machine == "q35" and os.path.exists(OVMF) and draw.random() < 0.3:
        firmware = "ovmf"
        arguments += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}"]
    return arguments, f"{machine} {processor} {memory}M {controller} {card} {screen} {firmware}"


def record(draw, arguments, file):
    """Records a random part of the machine's life. Returns what happened."""
    if os.path.exists("monitor"):
        os.unlink("monitor")
    command = ["panda-record", "--vm", "--", *arguments, "-qmp", "unix:monitor,server=on,wait=off"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            monitor = Monitor("monitor", process)
            time.sleep(draw.uniform(0, 12))
            monitor.execute("begin_record", name=file, force=True)
            time.sleep(draw.uniform(0, 3))
            what = "no reset"
            if draw.random() < 1 / 3:
                what = "reset"
                for _ in range(draw.choice([1, 1, 2])):
                    monitor.execute("system_reset")
                    time.sleep(draw.uniform(0.2, 3))
            monitor.execute("end_record")
            monitor.execute("quit")
            process.wait(timeout=60)
            return what
        except Exception:
            process.kill()
            sys.stderr.write(process.stderr.read())
            raise


def main():
    guest, disk, rounds, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    failures = 0
    for number in range(rounds):
        draw = random.Random(seed * 100000 + number)
        arguments, description = draw_machine(draw, guest, disk)
        try:
            what = record(draw, arguments, "soak.panda")
            subprocess.run(["panda-recording", "verify", "--quiet", "soak.panda"], check=True)
            replay = subprocess.run(
                ["panda-replay", "soak.panda"], capture_output=True, text=True, timeout=300, check=False)
            result = replay.stderr.strip().splitlines()[-1] if replay.stderr.strip() else "?"
            ok = replay.returncode == 0
        except Exception as error:  # whatever it is, the next machine is tried
            what, result, ok = "?", f"{type(error).__name__}: {error}", False
        failures += not ok
        print(f"{'ok' if ok else 'FAILED'} {number}: {description}, {what}: {result}", flush=True)
    print(f"{rounds - failures} of {rounds} replay (seed {seed})")
    return 1 if failures else 0


sys.exit(main())
