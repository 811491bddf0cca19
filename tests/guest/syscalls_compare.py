#!/usr/bin/python3
"""Compares what panda-analyze syscalls wrote of a recording with what strace wrote inside of it.

usage: syscalls_compare.py OURS STRACE…

OURS is the output of panda-analyze syscalls, each STRACE a file of strace -f -o. Both see the same run, so calls are
equal letter by letter, addresses too. The calls of each task are compared in order; calls in two parts ("<unfinished
...>", "resumed") are put together first. Prints the differences and the share of strace's calls that match; exit
status 1 when it is below 99.5 %.
"""

import difflib
import re
import sys

WANTED = 99.5
SHOWN = 40


def read_calls(path):
    """{task: [call, ...]}, without signals and ends of tasks."""
    calls, begun = {}, {}
    with open(path, errors="replace") as lines:
        for line in lines:
            match = re.match(r"(\d+) +(.*)", line.rstrip("\r\n"))
            if not match:
                continue
            task, text = int(match.group(1)), match.group(2)
            if text.startswith(("---", "+++")):
                continue
            if text.endswith("<unfinished ...>"):
                begun[task] = re.sub(r",$", ", ", text[:-len("<unfinished ...>")].rstrip())
                continue
            resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", text)
            if resumed:
                text = begun.pop(task, "") + resumed.group(1)
            calls.setdefault(task, []).append(plain(text))
    for task, text in begun.items():
        calls.setdefault(task, []).append(plain(re.sub(r",$", "", text.rstrip()) + ") = ?"))
    return calls


def plain(text):
    """Without the spaces that only show where a line was interrupted or where the result begins."""
    text = re.sub(r"\s*\)\s+= ", ") = ", text)
    return re.sub(r"\s*,\s+", ", ", text)


def compare(ours, theirs):
    """(matching calls, differences)"""
    # What a task did before strace looked at it, that is before its first call there.
    if theirs and theirs[0] in ours:
        ours = ours[ours.index(theirs[0]):]
    # A call that never ended: what strace did not come to write.
    if ours and theirs and theirs[-1].endswith("<unfinished ...>) = ?") and ours[-1].endswith(" = ?"):
        if ours[-1].startswith(theirs[-1].split(" <unfinished")[0]):
            ours[-1] = theirs[-1]
    # What a call returned that SIGKILL ended, strace cannot see; it is known here.
    if ours and theirs and theirs[-1].endswith(" = ?") and ours[-1].startswith(theirs[-1][:-1]):
        ours[-1] = theirs[-1]
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    differences = []
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag != "equal":
            differences += [f"  ours:   {call}" for call in ours[i:i_end]]
            differences += [f"  strace: {call}" for call in theirs[j:j_end]]
    return sum(block.size for block in matcher.get_matching_blocks()), differences


def main():
    ours = read_calls(sys.argv[1])
    matching = total = 0
    for path in sys.argv[2:]:
        for task, calls in read_calls(path).items():
            same, differences = compare(ours.get(task, []), calls)
            matching += same
            total += len(calls)
            if differences:
                print(f"{path}, task {task}:", *differences[:SHOWN], sep="\n")
    share = 100 * matching / total if total else 0
    print(f"{matching} of {total} calls match, {share:.2f} %")
    sys.exit(0 if share >= WANTED else 1)


if __name__ == "__main__":
    main()
