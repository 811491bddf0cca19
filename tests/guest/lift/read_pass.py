#!/usr/bin/env python3
"""Whether the example pass says of simple instructions what the processor's manual does.

usage: read_pass.py OUTPUT DEFINITIONS    DEFINITIONS: panda-trace dump --json --definitions

Blocks that start with PUSH, POP or RET of 64-bit code, which are known by one byte: their first instruction's line.
"""
import json
import sys

RSP = "regs[4]"
CODE_64 = 1 << 15  # of QEMU's hflags


def expected(byte):
    """Registers read and written, loads and stores; None for other instructions."""
    if 0x50 <= byte <= 0x57:
        return {f"regs[{byte - 0x50}]", RSP}, {RSP}, 0, 1
    if 0x58 <= byte <= 0x5f:
        return {RSP}, {f"regs[{byte - 0x58}]", RSP}, 1, 0
    if byte == 0xc3:
        return {RSP}, {RSP}, 1, 0
    return None


def main(output, definitions):
    first = {}
    with open(definitions) as file:
        for line in file:
            entry = json.loads(line)
            if entry["kind"] == "definition" and int(entry["flags"], 16) & CODE_64 and entry["code"]:
                first[f"block_{entry['id']}", int(entry["pc"], 16)] = int(entry["code"][:2], 16)
    checked, wrong = 0, []
    with open(output) as file:
        for line in file:
            function, pc, *facts = line.split()
            facts = dict(fact.split("=") for fact in facts)
            want = expected(first.get((function, int(pc, 16)), 0))
            if want is None:
                continue
            names = [{name for name in facts[kind].split(",") if name.startswith("regs")} for kind in ("reads", "writes")]
            checked += 1
            if (*names, int(facts["loads"]), int(facts["stores"])) != want:
                wrong.append(line)
    print(f"the pass: {checked} instructions, {len(wrong)} wrong")
    print("".join(wrong[:5]), end="")
    return 1 if wrong or checked < 50 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
