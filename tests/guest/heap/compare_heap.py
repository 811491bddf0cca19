"""Compares what useafterfree found with what valgrind says of the same programs.

usage: compare_heap.py FOUND DIRECTORY    DIRECTORY has NAME.NUMBER.PID.xml, written by valgrind's memcheck
"""
import collections
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree as tree

KINDS = {"InvalidRead": "read", "InvalidWrite": "write", "SyscallParam": "read", "InvalidFree": "free"}
OURS = {"read-after-free": "read", "write-after-free": "write", "double-free": "free", "invalid-free": "free"}


def own_function(functions):
    """The innermost function of the program itself: (function, file) pairs from the innermost on."""
    return next((name for name, module in functions if os.path.basename(module) in ("planted", "clean")), None)


def valgrind(path):
    """Errors as (kind, function), and how many blocks and bytes of each function are lost."""
    errors, lost = set(), collections.Counter()
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if "</valgrindoutput>" not in text:  # another program was executed
        text += "</valgrindoutput>"
    for error in tree.fromstring(text).iter("error"):
        kind = error.find("kind").text
        frames = error.find("stack").iter("frame")
        function = own_function([(frame.findtext("fn", ""), frame.findtext("obj", "")) for frame in frames])
        if kind in ("Leak_DefinitelyLost", "Leak_IndirectlyLost"):
            lost[function, "blocks"] += int(error.find("xwhat/leakedblocks").text)
            # "160 (16 direct, 144 indirect) bytes in 1 blocks"
            direct = re.search(r"\(([\d,]+) direct", error.find("xwhat/text").text)
            size = direct.group(1).replace(",", "") if direct else error.find("xwhat/leakedbytes").text
            lost[function, "bytes"] += int(size)
        elif kind in KINDS:
            errors.add((KINDS[kind], function))
        elif kind not in ("Leak_StillReachable", "Leak_PossiblyLost", "FishyValue"):
            sys.exit(f"{path}: {kind} is not a kind that this test knows")
    return errors, lost


def ours(findings):
    errors, lost = set(), collections.Counter()
    for finding in findings:
        leak = finding["kind"] == "leak"
        stack = finding["allocated"]["stack"] if leak else finding["stack"]
        function = own_function([(frame.get("function", ""), frame.get("module", "")) for frame in stack])
        if leak:
            lost[function, "blocks"] += finding["times"]
            lost[function, "bytes"] += finding["bytes"]
        else:
            errors.add((OURS[finding["kind"]], function))
    return errors, lost


def main(found, directory):
    # The guest said which process was which program: its parent's pid, which the run script prints.
    programs = dict(line.split()[1:] for line in open("said") if line.startswith("program "))
    by_program = collections.defaultdict(list)
    for line in open(found):
        finding = json.loads(line)
        if finding["kind"] != "summary":
            by_program[finding["name"], finding["pid"]].append(finding)
    expected = collections.defaultdict(lambda: (set(), collections.Counter()))
    for path in glob.glob(os.path.join(directory, "*.xml")):
        name, number = os.path.basename(path).split(".")[:2]
        errors, lost = valgrind(path)
        expected[f"{name}.{number}"][0].update(errors)
        expected[f"{name}.{number}"][1].update(lost)
    got = collections.defaultdict(lambda: (set(), collections.Counter()))
    ranges = sorted((int(pid), label) for label, pid in programs.items())
    for (name, pid), findings in by_program.items():
        if name not in ("planted", "clean"):
            sys.exit(f"{name} is not a program of this test: {findings[0]}")
        # A program's children have the numbers up to the next program's.
        label = [label for first, label in ranges if first <= pid][-1]
        errors, lost = ours(findings)
        got[label][0].update(errors)
        got[label][1].update(lost)
    wrong = 0
    for label in sorted(programs):
        if expected[label] != got[label]:
            print(f"{label}: valgrind {expected[label]}, useafterfree {got[label]}")
            wrong += 1
        if (not any(expected[label])) == label.startswith("planted"):
            print(f"{label}: valgrind itself says {expected[label]}")
            wrong += 1
    if len(programs) != 40 or wrong:
        sys.exit(f"{wrong} of {len(programs)} programs are judged differently")
    print(f"ok: {sum(len(errors) for errors, _ in got.values())} errors and "
          f"{sum(count for _, lost in got.values() for (_, what), count in lost.items() if what == 'blocks')} lost blocks "
          f"in 20 programs, none in 20 others, as valgrind says")


main(*sys.argv[1:])
