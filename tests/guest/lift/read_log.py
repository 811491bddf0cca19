#!/usr/bin/env python3
"""Whether a log of panda-analyze llvm_trace is what its manual page says, and agrees with the trace and with the module.

usage: read_log.py LOG MODULE.ll BLOCKS FROM TO    BLOCKS: what panda-trace dump --json --blocks --memory prints of FROM:TO

- Blocks are executed in the order that the dump has, as many instructions of each, from FROM to TO.
- Loads and stores are those of the dump, at the same addresses, but for those with which the processor delivers interrupts.
- Each function, walked from its start along the branches of the log, comes to its end just when its records do, and makes loads
  and stores where the log has them.
"""
import collections
import json
import re
import struct
import sys

BLOCK, LOAD, STORE, BRANCH = 1, 2, 3, 4
HEAD = struct.Struct("<8sII")
RECORD = struct.Struct("<BBHIQ")

Execution = collections.namedtuple("Execution", "instr block instructions as_traced records")


def executions(path):
    with open(path, "rb") as file:
        data = file.read()
    if HEAD.unpack_from(data) != (b"PANDALLT", 1, 0):
        raise ValueError("not a log")
    found = []
    for kind, size, instructions, block, value in RECORD.iter_unpack(data[HEAD.size:]):
        if kind == BLOCK:
            found.append(Execution(value, block, instructions, size == 1, []))
        else:
            found[-1].records.append((kind, size, value))
    return found


def dumped(path):
    """Each block execution of the dump, with its accesses as (kind, size, address) and whether a helper made it."""
    found = []
    with open(path) as file:
        for line in file:
            entry = json.loads(line)
            if entry["kind"] == "block":
                found.append((entry["instr"], entry["id"], entry["executed"], []))
            elif entry["kind"] == "access" and found and entry["access"].split()[-1] in ("load", "store"):
                kind = LOAD if entry["access"].endswith("load") else STORE
                found[-1][3].append((kind, entry["size"], int(entry["address"], 16)))
    return found


class Function:
    """The basic blocks of a function of LLVM's text, by label; the first one's is None."""

    def __init__(self):
        self.lines = collections.defaultdict(list)

    def walk(self, records):
        """Follows records; returns what is wrong, or None."""
        label, at = None, 0
        while True:
            loose = False
            for line in self.lines[label]:
                if "call" in line and "@helper_" in line:
                    loose = True  # a helper's accesses are not in the function
                kind = LOAD if "@lift_load" in line else STORE if "@lift_store" in line else None
                if kind is not None and not loose:
                    if at == len(records) or records[at][0] != kind:
                        return f"record {at} is not of {line.strip()}"
                    at += 1
            while loose and at < len(records) and records[at][0] != BRANCH:
                at += 1
            end = self.lines[label][-1].split()
            if end[0] == "ret":
                return None if at == len(records) else f"ends before record {at}"
            targets = re.findall(r"label %([\w.]+)", self.lines[label][-1])
            if end[0] != "br" or len(targets) not in (1, 2):
                return "ends with " + " ".join(end)
            if len(targets) == 2:
                if at == len(records) or records[at][0] != BRANCH:
                    return f"record {at} is not a branch" if at < len(records) else "the records end at a branch"
                targets = targets[:1] if records[at][1] else targets[1:]
                at += 1
            label = targets[0]


def functions(path):
    found, function, label = {}, None, None
    with open(path) as file:
        for line in file:
            if match := re.match(r"define i32 @(\w+)\(", line):
                function, label = found.setdefault(match[1], Function()), None
            elif line.startswith("}"):
                function = None
            elif function is not None:
                if match := re.match(r"([\w.]+):", line):
                    label = match[1]
                elif line.strip():
                    function.lines[label].append(line)
    return found


def main(log, module, dump, first, last):
    logged, told, code = executions(log), dumped(dump), functions(module)
    told = {instr_and_id[:2]: instr_and_id for instr_and_id in told}
    wrong, walked, compared, branches = [], 0, 0, 0
    for execution in logged:
        key = (execution.instr, execution.block)
        if key not in told or not int(first) <= execution.instr < int(last):
            wrong.append(f"{key}: not in the trace")
            continue
        _, _, executed, accesses = told.pop(key)
        if executed != execution.instructions:
            wrong.append(f"{key}: {execution.instructions} instructions, not {executed}")
        if not execution.as_traced:
            continue
        mine = [record for record in execution.records if record[0] != BRANCH]
        if mine != accesses[len(accesses) - len(mine):]:
            wrong.append(f"{key}: other accesses")
        compared += len(mine)
        branches += len(execution.records) - len(mine)
        name = f"block_{execution.block}"
        function = code.get(name)
        if function is None:
            name += f"_first_{execution.instructions}"
            function = code.get(name)
        if function is None:
            wrong.append(f"{key}: no function")
            continue
        why = function.walk(execution.records)
        # These leave a function in its middle, as an exception does.
        leaves = any(re.search(r"@helper_(hlt|pause|mwait)\b", line) for lines in function.lines.values() for line in lines)
        if why and not leaves:
            wrong.append(f"{key}: {name}: {why}")
        walked += 1
    ordered = [execution.instr for execution in logged]
    if ordered != sorted(ordered):
        wrong.append("the executions are not in order")
    missing = [key for key, entry in told.items() if entry[2] != 0]
    print(f"{len(logged)} executions, {walked} functions walked along {branches} branches, {compared} accesses as in the "
          f"trace, {len(missing)} executions of the trace that could not be run; {len(wrong)} wrong")
    for line in wrong[:10]:
        print(line)
    return 1 if wrong or len(missing) * 200 > len(logged) or not branches else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
