#!/usr/bin/python3
"""Compares the events that panda-analyze osi finds in a trace with what the workload in the guest said it did.

usage: compare.py WORKLOAD-OUTPUT TRACE [OSI-OPTION...]
"""

import json
import subprocess
import sys
from collections import Counter


def main():
    said, trace, *options = sys.argv[1:]
    forked, executed, threads = Counter(), Counter(), Counter()
    for line in open(said).read().splitlines():
        what, pid, *rest = line.split()
        if what == "fork":
            forked[int(pid)] += 1
        elif what == "exec":
            executed[int(pid), rest[0]] += 1
        elif what == "thread":
            threads[int(pid), int(rest[0])] += 1
    assert len(forked) > 100 and max(forked.values()) == 1, "numbers of processes came again"

    command = ["panda-analyze", "osi", *options, "--json", "--on", "all", trace]
    output = subprocess.run(command, capture_output=True, check=False, text=True)
    if output.returncode != 0 or output.stderr:
        sys.exit(f"{' '.join(command)}: {output.returncode} {output.stderr}")
    events = [json.loads(line) for line in output.stdout.splitlines()]
    instrs = [event["instr"] for event in events]
    assert instrs == sorted(instrs), "events are not in the order of time"

    new = Counter(event["pid"] for event in events if event["kind"] == "new-process")
    ended = Counter(event["pid"] for event in events if event["kind"] == "exit")
    ran = Counter((event["pid"], event["name"]) for event in events if event["kind"] == "exec")
    began = Counter((event["pid"], event["tid"]) for event in events if event["kind"] == "new-thread")
    thread_ends = Counter((event["pid"], event["tid"]) for event in events if event["kind"] == "thread-exit")
    problems = []
    for pid in forked:
        if new[pid] != 1 or ended[pid] != 1:
            problems.append(f"process {pid} began {new[pid]} times and ended {ended[pid]} times")
    for name, expected, found in (("exec", executed, ran), ("thread", threads, began)):
        ours = {key: count for key, count in found.items() if key[0] in forked}
        if ours != dict(expected):
            problems.append(f"{name}: the guest says {sorted(expected - found)} that the trace has not, the "
                            f"trace {sorted(Counter(ours) - expected)}")
    # A thread that executes a program takes the number of its process's first thread, and ends with that number.
    taken = {(pid, pid) for pid in forked}
    for key in threads:
        if thread_ends[key] != 1 and (key[0], "cat") not in executed:
            problems.append(f"thread {key} ended {thread_ends[key]} times")
    for pid, tid in taken:
        if thread_ends[pid, tid] not in (1, 2):
            problems.append(f"the first thread of {pid} ended {thread_ends[pid, tid]} times")
    beginnings = {event["pid"]: event["instr"] for event in events if event["kind"] == "new-process"}
    for event in events:
        if event["kind"] in ("exec", "exit") and event["pid"] in forked and event["instr"] < beginnings[event["pid"]]:
            problems.append(f"{event['kind']} of {event['pid']} is before its beginning")
    for problem in problems[:20]:
        print(problem)
    changes = sum(event["kind"] == "task-change" for event in events)
    print(f"{len(forked)} processes, {sum(executed.values())} execs, {len(threads)} threads, {changes} task changes: "
          f"{len(problems)} problems")
    if problems or changes < 1000:
        sys.exit(1)


main()
