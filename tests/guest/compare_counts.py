#!/usr/bin/python3
"""Compares the system calls, signals and ends of processes that panda-analyze syscalls --json found with what the
processes counted themselves (counted/stress.c).

usage: compare_counts.py JSON COUNTS

A process that is killed may be so between counting a call and making it, or between a call and counting its return.
"""

import json
import sys
from collections import Counter


def main():
    made, returned, signals, ends, endings = Counter(), Counter(), Counter(), {}, Counter()
    for line in open(sys.argv[1]):
        fact = json.loads(line)
        pid = fact["pid"]
        if fact["kind"] == "syscall":
            made[pid] += 1
            endings[fact.get("ending", "returned")] += 1
            # No instruction after such a call sees its return.
            if "ending" not in fact and fact["call"] != "rt_sigreturn":
                returned[pid] += 1
        elif fact["kind"] == "signal" and fact["signal"] == "SIGUSR1":
            signals[pid] += 1
        elif fact["kind"] == "exit":
            code = fact["status"] << 8 if "status" in fact else fact["number"] | (0x80 if fact.get("core_dumped") else 0)
            if pid in ends:
                print(f"process {pid} ends twice")
                sys.exit(1)
            ends[pid] = code
    failures = processes = calls = 0
    for line in open(sys.argv[2]):
        pid, *counts, status = map(int, line.split())
        killed = status & 0x7f != 0
        # How ours may differ for a process that was killed: (fewer calls, more returns, more signals).
        checks = [("calls", made[pid], range(counts[0] - killed, counts[0] + 1)),
                  ("returns", returned[pid], range(counts[1], counts[1] + killed + 1)),
                  ("signals", signals[pid], range(counts[2], counts[2] + killed + 1)),
                  ("status", ends.get(pid), range(status, status + 1))]
        for what, ours, allowed in checks:
            if ours not in allowed:
                failures += 1
                print(f"process {pid} ({line.strip()}): {what}: {ours} instead of {allowed.start}")
        processes += 1
        calls += made[pid]
    print(f"{processes} processes, {calls} calls ({dict(endings)}), {failures} differences")
    sys.exit(1 if failures or processes != 201 else 0)


if __name__ == "__main__":
    main()
