#!/usr/bin/python3
"""Checks an ELF core of panda-analyze memdump, and what others read in it.

usage: memdump_check.py CORE CLASS MACHINE [BANNER-ADDRESS]

CLASS is 32 or 64, MACHINE EM_386 or EM_X86_64. BANNER-ADDRESS is where the kernel's banner is linked, a decimal number;
with it the core must have a VMCOREINFO, and gdb and drgn must read the banner through virtual addresses.
"""

import shutil
import struct
import subprocess
import sys

MACHINES = {"EM_386": 3, "EM_X86_64": 62}
DRGN = """
import sys
address = int(sys.argv[1])
assert bytes(prog.read(address, 14)) == b"Linux version ", "by virtual address"
assert prog.read(0x1000, 16, True) is not None
print("drgn reads it")
"""


def fail(message):
    sys.exit(f"{sys.argv[1]}: {message}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def segments_of(core, wide):
    offset, size, count = struct.unpack_from("<Q14xHH" if wide else "<I10xHH", core, 32 if wide else 28)
    for number in range(count):
        at = offset + number * size
        if wide:
            kind, _, place, virtual, physical, length = struct.unpack_from("<IIQQQQ", core, at)
        else:
            kind, place, virtual, physical, length = struct.unpack_from("<IIIII", core, at)
        yield kind, place, virtual, physical, length


def vmcoreinfo(notes):
    at = 0
    while at < len(notes):
        name_size, size, _ = struct.unpack_from("<III", notes, at)
        name = notes[at + 12:at + 12 + name_size].rstrip(b"\0")
        start = at + 12 + (name_size + 3) // 4 * 4
        if name == b"VMCOREINFO":
            return dict(line.split("=", 1) for line in notes[start:start + size].decode().splitlines())
        at = start + (size + 3) // 4 * 4
    return None


def check_segments(core, wide):
    """Returns VMCOREINFO."""
    loads, notes = [], b""
    for kind, place, virtual, physical, length in segments_of(core, wide):
        if kind == 1:
            loads.append((physical, length, place, virtual))
        else:
            notes = core[place:place + length]
    for before, after in zip(loads, loads[1:]):
        if before[0] + before[1] > after[0] or before[2] + before[1] != after[2]:
            fail(f"segments that are not in order, or overlap: {before} {after}")
    if loads[-1][1] + loads[-1][2] != len(core):
        fail("the last segment does not end the file")
    virtual = sorted((load[3], load[1]) for load in loads if load[3] != 0)
    for before, after in zip(virtual, virtual[1:]):
        if before[0] + before[1] > after[0]:
            fail(f"virtual addresses overlap: {before} {after}")
    print(f"{len(loads)} segments, {len(virtual)} of them with virtual addresses")
    return vmcoreinfo(notes)


def main():
    path, elf_class, machine, *banner = sys.argv[1:]
    core = open(path, "rb").read()
    wide = elf_class == "64"
    if core[:5] != b"\x7fELF" + (b"\2" if wide else b"\1"):
        fail(f"is not of {elf_class} bits")
    if struct.unpack_from("<H", core, 18)[0] != MACHINES[machine]:
        fail(f"is not of {machine}")
    info = check_segments(core, wide)
    if not banner:
        return
    if info is None:
        fail("has no VMCOREINFO")
    mask = (1 << 64) - 1 if wide else (1 << 32) - 1
    address = (int(banner[0]) + int(info["KERNELOFFSET"], 16)) & mask
    told = run("gdb", "-nx", "-batch", "-ex", f"x/s {address:#x}", "--core", path)
    if "Linux version " + info["OSRELEASE"] not in told:
        fail(f"gdb does not read the banner at {address:#x}: {told}")
    print("gdb reads it")
    if shutil.which("drgn") and wide:
        open("read.drgn.py", "w").write(DRGN)
        told = run("drgn", "-q", "--no-default-symbols", "-c", path, "read.drgn.py", str(address))
        if "drgn reads it" not in told:
            fail(f"drgn does not read it: {told}")
        print("drgn reads it")
    if shutil.which("crash"):
        told = run("crash", "--osrelease", path)
        if info["OSRELEASE"] not in told.split():
            fail(f"crash does not know the kernel: {told}")
        print("crash knows it")


main()
