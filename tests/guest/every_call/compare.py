#!/usr/bin/python3
"""Compares each system call of every_call with what strace wrote about it, and the names of those that differ with the list
of them in the manual page.

usage: compare.py OURS STRACE PAGE [--write]

The list is what stands in PAGE between the lines with "every_call: begin" and "every_call: end"; --write makes it anew. Exit
status 1 when it is not the list of the calls that differ.
"""

import re
import sys
import textwrap

BEGIN, END = '.\\" every_call: begin', '.\\" every_call: end'


def read_calls(path, task=None):
    """The calls of the task that made the most of them, without its number."""
    by_task = {}
    for line in open(path, errors="replace"):
        match = re.match(r"(\d+) +(\w+\(.*)", line.rstrip("\n"))
        # The program's exec is made under another name.
        if match and not match.group(2).startswith("execve("):
            by_task.setdefault(match.group(1), []).append(re.sub(r"\s*\)\s+= ", ") = ", match.group(2)))
    if task is None:
        task = max(by_task, key=lambda each: len(by_task[each]))
    return task, by_task.get(task, [])


def name_of(call):
    return call.partition("(")[0]


def differing(ours, theirs):
    """The names of the calls that differ, with the first example of each. Both have made the same calls in order."""
    found = {}
    ours = ours[len(ours) - len(theirs):]
    for mine, other in zip(ours, theirs):
        # A call that strace has no name for.
        if name_of(mine) != name_of(other) and not other.startswith("syscall_"):
            raise SystemExit(f"not the same calls: {mine} and {other}")
        if mine != other:
            found.setdefault(name_of(mine), (mine, other))
    return found


def main():
    task, theirs = read_calls(sys.argv[2])
    ours = read_calls(sys.argv[1], task)[1]
    if len(theirs) < 1500 or len(ours) < len(theirs):
        raise SystemExit(f"too few calls: {len(ours)} here, {len(theirs)} there")
    found = differing(ours, theirs)
    page = open(sys.argv[3]).read()
    before, rest = page.split(BEGIN + "\n")
    listed, after = rest.split(END + "\n")
    for name, (mine, other) in found.items():
        if name not in re.findall(r"\w+", listed):
            print(f"  ours:   {mine[:300]}\n  strace: {other[:300]}")
    print(f"{len({name_of(call) for call in theirs})} calls, {len(found)} of which strace writes in another way")
    if "--write" in sys.argv:
        text = "\n".join(textwrap.wrap(", ".join(sorted(found)) + ".", 100)) + "\n" if found else "None.\n"
        open(sys.argv[3], "w").write(before + BEGIN + "\n" + text + END + "\n" + after)
    elif set(re.findall(r"\w+", listed)) != set(found):
        print("The list of them in the manual page is", *sorted(re.findall(r"\w+", listed)))
        sys.exit(1)


if __name__ == "__main__":
    main()
