#!/usr/bin/python3
"""Checks what syscalls_options_test.sh has made, in its directory.

usage: compare.py PID, of the shell whose calls are there in every form
"""

import gzip
import json
import os
import re
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from syscalls_compare import compare, read_calls  # noqa: E402

problems = []


def expect(truth, what):
    if not truth:
        problems.append(what)
        print(what)


def json_lines(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def check_selection(name):
    """Every line of strace's must be there, and no other, except that ours may start before strace looked."""
    ours, theirs = read_calls(f"ours/{name}"), read_calls(f"strace/{name}")
    lines = 0
    expect(set(ours) == set(theirs), f"{name}: tasks {sorted(set(ours) ^ set(theirs))}")
    for task, calls in theirs.items():
        matching, differences = compare(ours.get(task, []), calls)
        # strace shows no signal for a task that SIGKILL ends, but none is killed here.
        expect(not differences, "\n".join([f"{name}, task {task}:", *differences]))
        lines += len(matching)
    return lines


def check_classes():
    total = 0
    for name in sorted(os.listdir("ours")):
        if not name.startswith("class-"):
            continue
        # This strace has no -f, so its lines have no task.
        theirs = [line.split("(")[0] for line in open(f"strace/{name}") if " ENOSYS (" in line]
        tasks = {}
        for line in open(f"ours/{name}"):
            tasks.setdefault(line.split()[0], []).append(line)
        ours = [[re.match(r"\d+ +(\w+)", line).group(1) for line in lines if " ENOSYS (" in line]
                for lines in tasks.values()]
        # The program ran once for each class, and made the same calls.
        expect(len(ours) == 9 and all(names == ours[0] for names in ours), f"{name}: {len(ours)} runs differ")
        expect(ours[0] == theirs, f"{name}: ours alone {sorted(set(ours[0]) - set(theirs))}, "
                                  f"strace's alone {sorted(set(theirs) - set(ours[0]))}")
        total += len(theirs)
    expect(total > 250, "too few calls in classes")
    return total


def strace_table(path):
    """{call: (calls, errors)}"""
    table = {}
    for line in open(path):
        match = re.match(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(\d+ +)?(\w+)$", line.rstrip())
        if match and match.group(3) != "total":
            table[match.group(3)] = (int(match.group(1)), int(match.group(2) or 0))
    return table


def check_tables():
    theirs = strace_table("strace/table")
    ours = {row["call"]: (row["calls"], row["errors"]) for row in json_lines("ours/table.json")}
    # The process that made the execve was still called strace. strace does not count what does not return.
    expect(theirs.pop("execve", None) == (1, 0), "strace has no execve")
    expect(ours.get("exit_group") == (1, 0), "no exit_group")
    theirs["exit_group"] = (1, 0)
    expect(ours == theirs and len(ours) > 5, f"-c: {ours}, strace: {theirs}")
    rows = {}
    for line in open("ours/table"):
        match = re.match(r" *[\d.]+ +\d+ +\d+ +(\d+) +(\d+ )? *(\w+)$", line.rstrip())
        if match:
            rows[match.group(3)] = (int(match.group(1)), int(match.group(2) or 0))
    total = rows.pop("total", None)
    expect(rows == ours, f"-c as text: {rows}, as JSON: {ours}")
    expect(total == tuple(map(sum, zip(*ours.values()))), f"total {total}")


def check_forms(shell):
    facts = json_lines("calls.json")
    calls = [fact for fact in facts if fact["kind"] == "syscall"]
    returned = [call for call in calls if "return_instr" in call]
    pids = {fact["pid"] for fact in facts}
    expect(len(calls) > 100 and len(pids) >= 6 and len(returned) < len(calls), "too little to compare")

    # --instr: the line of a call starts with its instr.
    lines = [line.split(None, 2) for line in open("lines")]
    begun = {(int(tid), int(instr), re.match(r"\w+", text).group()) for tid, instr, text in lines
             if text[0] not in "<-+"}
    expect(begun == {(call["tid"], call["instr"], call["call"]) for call in calls}, "--instr and --json differ")
    expect([int(line[1]) for line in lines] == sorted(int(line[1]) for line in lines), "--instr: not in order")

    events = json.load(gzip.open("calls.json.gz"))["traceEvents"]
    slices = [(event["tid"], event["name"], round(event["ts"] * 1000), round(event["dur"] * 1000))
              for event in events if event["ph"] == "X"]
    expect(sorted(slices) == sorted((call["tid"], call["call"], call["instr"], call["return_instr"] - call["instr"])
                                    for call in returned), "--perfetto and --json differ")
    instants = sum(event["ph"] == "i" for event in events)
    expect(instants == len(facts) - len(calls), f"{instants} signals and ends in the timeline")

    text = open("calls.log.text").read()
    logged = list(zip(map(int, re.findall(r"\binstr = (\d+)", text)), re.findall(r'\bcall = "(\w+)"', text)))
    expect(logged == [(call["instr"], call["call"]) for call in calls], "--pandalog and --json differ")

    expect(json_lines("first.json") == [fact for fact in facts if fact["pid"] == shell], "-p without -f")
    named = json_lines("named.json")
    expect({fact["pid"] for fact in named if fact["name"] != "nc"} >= {shell}, "-p twice: the shell is missing")
    expect(len({fact["pid"] for fact in named if fact["name"] == "nc"}) >= 20, "-p twice: nc is missing")
    expect({fact["name"] for fact in named if fact["pid"] != shell} == {"nc"}, "-p twice: others are there")


def main():
    names = [name for name in os.listdir("strace") if name != "table" and not name.startswith("class-")]
    lines = {name: check_selection(name) for name in sorted(names)}
    print(", ".join(f"{name} {count}" for name, count in lines.items()), "lines as strace has them")
    expect(len(names) == 11 and all(lines.values()), "a selection is empty")
    print(f"{check_classes()} calls in classes as strace has them")
    check_tables()
    check_forms(int(sys.argv[1]))
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
