#!/usr/bin/python3
"""Compares what panda-analyze files and net say about a run with what the program counted itself (traffic/).

usage: compare.py COUNTS FILES NET

COUNTS is what the program printed, FILES and NET what `files --all --json` and `net --json` wrote. Every file of every
process and every socket must be in both, with equal numbers. What the program prints it cannot count; that file's bytes
are those of COUNTS itself.
"""

import json
import os
import sys

FILE_FACTS = ("opens", "failed_opens", "reads", "read_bytes", "writes", "written_bytes", "maps", "executed")
SOCKET_FACTS = ("pid", "family", "type", "role", "local", "peer", "error", "sends", "sent_bytes", "receives",
                "received_bytes")


def compare(what, ours, theirs):
    """Prints the differences and returns their number."""
    failures = 0
    for key in sorted(set(ours) | set(theirs)):
        if ours.get(key) != theirs.get(key):
            failures += 1
            print(f"{what} {key}:\n  ours:  {ours.get(key)}\n  guest: {theirs.get(key)}")
    return failures


def lines_of(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def files_in(facts):
    return {(fact["pid"], fact["file"]): {name: fact[name] for name in FILE_FACTS}
            for fact in facts if fact["kind"] == "file_usage"}


def sockets_in(facts):
    return {fact["socket"]: {name: fact.get(name) or "" for name in SOCKET_FACTS}
            for fact in facts if fact["kind"] == "socket"}


def main():
    counted = lines_of(sys.argv[1])
    files = files_in(fact for fact in lines_of(sys.argv[2]) if fact["name"] == "traffic")
    sockets = sockets_in(lines_of(sys.argv[3]))
    output = next(fact for fact in counted if fact["kind"] == "output")
    printed = files.pop((output["pid"], output["file"]), {})
    failures = compare("file", files, files_in(counted)) + compare("socket", sockets, sockets_in(counted))
    if printed.get("written_bytes") != os.path.getsize(sys.argv[1]):
        failures += 1
        print(f"standard output: {printed}, but {os.path.getsize(sys.argv[1])} bytes were printed")
    processes = {pid for pid, name in files}
    moved = sum(use["read_bytes"] + use["written_bytes"] for use in files.values())
    print(f"{len(files)} files of {len(processes)} processes, {len(sockets)} sockets, {moved} bytes, {failures} differences")
    # If it is less than this, the program has not done its work.
    sys.exit(1 if failures or len(files) < 50 or len(processes) < 12 or len(sockets) < 28 else 0)


if __name__ == "__main__":
    main()
