#!/usr/bin/python3
"""Compares what panda-analyze osi says about a moment with what drgn found in the dump of the same moment.

usage: compare.py DRGN-OUTPUT TRACE INSTR [OSI-OPTION...]
"""

import json
import subprocess
import sys


def osi(trace, instr, options, *what):
    command = ["panda-analyze", "osi", *options, "--at", instr, "--all", "--json", *what, trace]
    output = subprocess.run(command, capture_output=True, check=False, text=True)
    if output.returncode != 0 or output.stderr:
        sys.exit(f"{' '.join(command)}: {output.returncode} {output.stderr}")
    return [json.loads(line) for line in output.stdout.splitlines()]


def without_mark(name):
    """drgn shows a deleted file by its old name, and has no name for what has no place in a tree of files."""
    return name.removesuffix(" (deleted)")


def main():
    found, trace, instr, *options = sys.argv[1:]
    theirs = {}
    for line in open(found):
        fact = json.loads(line)
        theirs.setdefault(fact.pop("kind"), []).append(fact)
    processes = osi(trace, instr, options, "--threads")
    mappings = osi(trace, instr, options, "--maps")
    files = osi(trace, instr, options, "--files")
    problems = []
    compared = 0

    def check(what, ours, their):
        nonlocal compared
        compared += max(len(ours), len(their))
        for key in sorted(set(ours) | set(their), key=str):
            if ours.get(key) != their.get(key):
                problems.append(f"{what} {key}: osi {ours.get(key)}, drgn {their.get(key)}")

    # drgn lists tasks by their numbers, and the idle task has none.
    processes = [process for process in processes if process["pid"] != 0]
    check("process", {p["pid"]: (p["ppid"], p["name"], p["task"], p["uid"], p["euid"]) for p in processes},
          {p["pid"]: (p["ppid"], p["name"], p["task"], p["uid"], p["euid"]) for p in theirs["process"]})
    check("thread", {t["tid"]: (p["pid"], t["name"], t["task"]) for p in processes for t in p["threads"]},
          {t["tid"]: (t["pid"], t["name"], t["task"]) for t in theirs["thread"]})
    counts = {}
    for mapping in mappings:
        counts[mapping["pid"]] = counts.get(mapping["pid"], 0) + 1
    check("number of mappings of", counts, {c["pid"]: c["mappings"] for c in theirs["count"]})
    check("file", {(f["pid"], f["fd"]): (f["position"], f["file"]) for f in files},
          {(f["pid"], f["fd"]): (f["position"], f["file"]) for f in theirs["file"]})
    # Memory files are on a file system that is mounted nowhere; drgn only names the file system: "[tmpfs]".
    named = {(f["pid"], f["fd"]) for f in files if f["name"].startswith("/")} - \
        {(f["pid"], f["fd"]) for f in theirs["file"] if f["name"].startswith("[")}
    check("name of file", {(f["pid"], f["fd"]): without_mark(f["name"]) for f in files if (f["pid"], f["fd"]) in named},
          {(f["pid"], f["fd"]): without_mark(f["name"]) for f in theirs["file"] if (f["pid"], f["fd"]) in named})
    ours = {(m["pid"], m["start"]): (m["end"], m["offset"], without_mark(m["name"])) for m in mappings}
    their = {(m["pid"], m["start"]): (m["end"], m["offset"], without_mark(m["name"])) for m in theirs["mapping"]}
    for key, mapping in their.items():
        if mapping[2].startswith("[") and key in ours:
            their[key] = (*mapping[:2], ours[key][2])
    mapped_files = {key for key, mapping in ours.items() if mapping[2].startswith("/")}
    check("mapping", {key: ours.get(key) for key in mapped_files | set(their)}, their)
    for problem in problems[:30]:
        print(problem)
    print(f"{len(processes)} processes, {len(theirs['thread'])} threads, {len(theirs['mapping'])} mappings of files, "
          f"{len(theirs['file'])} files: {compared} comparisons, {len(problems)} differ")
    if problems or compared < 400:
        sys.exit(1)


main()
