#!/usr/bin/env python3
"""Compares what `panda-trace dump --operations` prints with QEMU's own log of the same replay (-d op).

usage: compare_operations.py DUMP LOG

The log has the code that tracing adds to each block, which the trace leaves out: stores into the ring, whose place is
loaded from the processor's state, and copies and swaps of what is stored there. Temporaries have other numbers on each
side; within a block, one name must always stand for the same other name.
"""
import re
import sys

TEMPORARY = re.compile(r"\b(loc|tmp)\d+\b")
EXIT = re.compile(r"( exit_tb \$0x)[0-9a-f]*([0-9a-f])$")
LOADS_RING = re.compile(r" ld_i64 (tmp\d+),env,\$0xfffffffffffffff0$")
# Prefixes, one of them F2 or F3, and a string instruction.
REPEATED = re.compile(r"(?=(?:..)*?f[23])(?:26|2e|36|3e|6[4567]|f[23]|4.)+(?:6[c-f]|a[4-7a-f])$")
COPIES = re.compile(r" (?:mov_i64|extu_i32_i64|bswap64_i64|shr_i64) (?:tmp)\d+,")


def logged_blocks(path):
    """The operations of each block from its first instruction on, without what has to do with the ring."""
    block = None
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line == "OP:":
                if block:
                    yield block
                block, ring, has_room = [], set(), False
            elif line.startswith(" ----"):
                block.append(line)
            elif block and line:
                loaded = LOADS_RING.match(line)
                if loaded:
                    ring.add(loaded.group(1))
                if ring.intersection(m.group() for m in TEMPORARY.finditer(line)):
                    has_room = line.startswith(" brcond_i64 ")  # to make room, and come back to the label behind
                elif has_room:
                    has_room = False
                else:
                    block.append(EXIT.sub(lambda m: m.group(1) + str(int(m.group(2), 16) & 3), line))
    if block:
        yield block


def dumped_blocks(path):
    """The operations of each block, its name, and its machine code."""
    block, name, code = [], None, ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("block "):
                if block:
                    yield name, code, block
                block, name, code = [], " ".join(line.split()[:2]), line.partition("  code ")[2]
            elif line.startswith(" "):
                block.append(line)
    if block:
        yield name, code, block


def same(line, other, names):
    """Whether the lines differ in names of temporaries only, as they did before in this block."""
    if TEMPORARY.sub("", line) != TEMPORARY.sub("", other):
        return False
    pairs = list(zip((m.group() for m in TEMPORARY.finditer(line)), (m.group() for m in TEMPORARY.finditer(other))))
    for a, b in pairs:
        if a[:3] != b[:3] or names.get(a, b) != b or names.get("other " + b, a) != a:
            return False
    for a, b in pairs:
        names[a], names["other " + b] = b, a
    return True


def difference(dumped, logged):
    """Why the blocks differ, or None."""
    names, at = {}, 0
    for line in logged:
        if at < len(dumped) and same(dumped[at], line, names):
            at += 1
        elif not (COPIES.match(line) or at == len(dumped)):
            return f"operation {at}: QEMU has `{line.strip()}`, the trace `{dumped[at].strip()}`"
    return None if at == len(dumped) else f"QEMU lacks `{dumped[at].strip()}`"


def last_instruction(logged):
    start = max(i for i, line in enumerate(logged) if line.startswith(" ----"))
    return logged[start:]


def main():
    logged = logged_blocks(sys.argv[2])
    before, count, repeated, operations = None, 0, 0, 0
    for name, code, block in dumped_blocks(sys.argv[1]):
        count += 1
        operations += len(block)
        # A string instruction that repeats is defined a second time, for its repetitions.
        if before and repeats and REPEATED.match(code) and block[0] == last_instruction(before)[0] \
                and difference(block, last_instruction(before)) is None:
            repeated += 1
            repeats = False
            continue
        before = next(logged, None)
        why = "QEMU's log ends" if before is None else difference(block, before)
        if why:
            print(f"{name}: {why}")
            return 1
        repeats = True
    if count < 1000 or next(logged, None) is not None:
        print(f"only {count} blocks were compared")
        return 1
    print(f"{operations} operations of {count} blocks are those of QEMU's log, {repeated} blocks for repetitions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
