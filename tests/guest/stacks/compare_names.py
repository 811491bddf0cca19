#!/usr/bin/env python3
"""Compares names that panda-analyze symbol finds with those of /proc/kallsyms, nm and addr2line.

usage: compare_names.py SAID TRACE SYMBOLS PROGRAM    SAID: the guest's output; PROGRAM: not stripped
"""
import json
import random
import subprocess
import sys

random.seed(20)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def names(trace, addresses, *options):
    """What panda-analyze symbol says of each address."""
    lines = run("panda-analyze", "symbol", "--json", *options, *(hex(address) for address in addresses), trace)
    return [json.loads(line) for line in lines.splitlines()]


def check_kernel(said, trace):
    kernel = [line.split() for line in said if line.startswith("kernel ")]
    modules = [line.split() for line in said if line.startswith("module ")]
    assert len(kernel) > 50 and len(modules) > 20, (len(kernel), len(modules))
    wanted = []  # address, name, offset, module
    for _, address, name, end in kernel:
        # The next function may start behind a gap, in which symbols of other kinds may be.
        for place in {int(address, 16), min(int(address, 16) + 3, int(end, 16) - 1)}:
            wanted.append((place, name, place - int(address, 16), "kernel"))
    for _, address, name, module in modules:
        wanted.append((int(address, 16), name, 0, module.strip("[]")))
    found = names(trace, [place for place, *_ in wanted])
    for (place, name, offset, module), entry in zip(wanted, found):
        assert (entry.get("function"), entry["offset"], entry["module"]) == (name, offset, module), \
            (hex(place), name, offset, module, entry)
    print(f"ok: {len(wanted)} addresses of the kernel and of modules are named as /proc/kallsyms does")


def functions(program, *options):
    """Name by address and size, of functions whose address no other has."""
    found = {}
    for line in run("nm", "-S", "--defined-only", *options, program).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "tTwWi":
            found.setdefault((int(words[0], 16), int(words[1], 16)), []).append(words[3])
    return found


def check_program(said, trace, symbols, program):
    maps = [line.split() for line in said if line.startswith("maps ")]
    pid = maps[0][1]
    base = {}
    for words in maps:
        if len(words) > 7 and words[4] == "00000000":
            base.setdefault(words[7].rsplit("/")[-1], int(words[2].split("-")[0], 16))
    own = sorted(functions(program).items())
    wanted = [(address + offset, names_there, offset) for (address, size), names_there in own if size
              for offset in {0, size - 1, size // 2}]
    found = names(trace, [base["stacks_pie"] + address for address, *_ in wanted], "--pid", pid, "--symbols", symbols)
    lines = run("addr2line", "-e", program, *(hex(address) for address, *_ in wanted)).splitlines()
    told = 0
    for (address, names_there, offset), entry, line in zip(wanted, found, lines):
        demangled = run("c++filt", *names_there).splitlines()
        assert entry["function"] in demangled and entry["offset"] == offset, (hex(address), names_there, entry)
        if not line.startswith("?"):
            told += 1
            assert line.split(" ")[0] == f"{entry['file']}:{entry['line']}", (hex(address), line, entry)
    assert told > 5
    # Without any file: what the library exports, from the guest's memory.
    library = "copy/lib64/libc.so.6"
    exported = random.sample([entry for entry in sorted(functions(library, "-D").items()) if entry[0][1] > 4], 60)
    found = names(trace, [base["libc.so.6"] + address + 3 for (address, _), _ in exported], "--pid", pid)
    for ((address, _), names_there), entry in zip(exported, found):
        plain = {name.split("@")[0] for name in names_there}
        assert entry.get("function") in plain and entry["offset"] == 3, (hex(address), names_there, entry)
    print(f"ok: {len(wanted)} addresses of a program and {len(exported)} of a library, {told} lines")


def main():
    said = open(sys.argv[1], encoding="latin-1").read().splitlines()
    check_kernel(said, sys.argv[2])
    check_program(said, sys.argv[2], sys.argv[3], sys.argv[4])


main()
