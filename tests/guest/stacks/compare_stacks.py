#!/usr/bin/env python3
"""Compares stacks that callstack_instr printed at marks with what the programs say that backtrace() found.

usage: compare_stacks.py SAID FOUND    SAID: the guest's output; FOUND: lines of JSON
"""
import collections
import json
import sys


def said_stacks(path):
    """By number of the mark: the stacks of several processes may have one number."""
    stacks = collections.defaultdict(list)
    for line in open(path, encoding="latin-1"):
        words = line.split()
        if words[:1] == ["stack"]:
            stacks[int(words[1])].append([int(word, 16) for word in words[2:]])
    return stacks


def found_stack(entry):
    """Return addresses of the program's frames, and None for a handler of a signal."""
    return [None if frame["kind"] == "signal" else int(frame["return"], 16) for frame in entry["frames"]]


def equal(said, found):
    """A handler's frame is two of backtrace(): the code that ends it, and the instruction that it interrupted."""
    at = 0
    for address in found:
        if address is None:
            at += 2
        elif at < len(said) and said[at] == address:
            at += 1
        else:
            return False
    # The first code of a thread or coroutine was not called, and backtrace() may show where it begins.
    return len(said) - at <= 1


def main():
    said = said_stacks(sys.argv[1])
    total = sum(len(stacks) for stacks in said.values())
    seen = 0
    for line in open(sys.argv[2], encoding="utf-8"):
        entry = json.loads(line)
        if entry["kind"] != "stack":
            continue
        found = found_stack(entry)
        candidates = said[entry["mark"]]
        match = next((stack for stack in candidates if equal(stack, found)), None)
        if match is None:
            show = " ".join("signal" if one is None else f"{one:x}" for one in found)
            sys.exit(f"mark {entry['mark']}: found {show}\nsaid " +
                     "\n  or ".join(" ".join(f"{one:x}" for one in stack) for stack in candidates))
        candidates.remove(match)
        seen += 1
    if seen != total or total == 0:
        sys.exit(f"{seen} of {total} marks were found")
    print(f"ok: {seen} stacks are those that backtrace() finds")


main()
