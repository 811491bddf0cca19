#!/usr/bin/python3
"""Compares what panda-analyze syscalls wrote about a recording with what strace wrote inside of it.

usage: syscalls_compare.py OURS STRACE…

OURS is the output of panda-analyze syscalls, each STRACE a file of strace -f -o. Both see the same run, so calls are
equal letter by letter, addresses too. The calls, signals and end of each task are compared in order; calls in two parts
("<unfinished ...>", "resumed") are put together first. Prints the differences and the share of strace's lines that
match; exit status 1 when it is below 99.5 %, of calls or of signals and ends.
"""

import difflib
import re
import sys

WANTED = 99.5
SHOWN = 40


def read_calls(path):
    """{task: [call, signal or end, ...]}"""
    calls, begun = {}, {}
    with open(path, errors="replace") as lines:
        for line in lines:
            match = re.match(r"(\d+) +(.*)", line.rstrip("\r\n"))
            if not match:
                continue
            task, text = int(match.group(1)), match.group(2)
            if is_event(text):
                calls.setdefault(task, []).append(text)
                # A thread that executes a program goes on under its process's number, and so does the call.
                if superseded := re.match(r"\+\+\+ superseded by execve in pid (\d+)", text):
                    begun[task] = begun.pop(int(superseded.group(1)), "")
                continue
            open_end = re.search(r"<(unfinished|pid changed to \d+) \.\.\.>$", text)
            if open_end:
                begun[task] = re.sub(r",$", ", ", text[:open_end.start()].rstrip())
                continue
            resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", text)
            if resumed:
                text = begun.pop(task, "") + resumed.group(1)
            calls.setdefault(task, []).append(plain(text))
    for task, text in begun.items():
        calls.setdefault(task, []).append(plain(re.sub(r",$", "", text.rstrip()) + ") = ?"))
    return calls


def is_event(text):
    """A signal, or the end of a task."""
    return text.startswith(("---", "+++"))


def last_calls(calls):
    """The indices of the calls after which the task ended: as a whole, or for the program that replaced its own."""
    found = [i - 1 for i in range(1, len(calls)) if calls[i].startswith("+++ superseded")]
    found += [next((i for i in reversed(range(len(calls))) if not is_event(calls[i])), None)]
    return found


def plain(text):
    """The text without the spaces that only show where a line was interrupted or where the result starts."""
    text = re.sub(r"\s*\)\s+= ", ") = ", text)
    return re.sub(r"\s*,\s+", ", ", text)


def compare(ours, theirs):
    """(matching lines of strace, differences)"""
    # Skip what a task did before strace looked at it, that is, before its first call there.
    if theirs and theirs[0] in ours:
        ours = ours[ours.index(theirs[0]):]
    for mine, other in zip(last_calls(ours), last_calls(theirs)):
        if mine is None or other is None:
            continue
        # A call that never ended: strace did not get to write it.
        if theirs[other].endswith("<unfinished ...>) = ?") and ours[mine].endswith(" = ?"):
            if ours[mine].startswith(theirs[other].split(" <unfinished")[0]):
                ours[mine] = theirs[other]
        # strace cannot see what a call returned that SIGKILL ended, but it is known here.
        if theirs[other].endswith(" = ?") and ours[mine].startswith(theirs[other][:-1]):
            ours[mine] = theirs[other]
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    matching, differences = [], []
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            matching += theirs[j:j_end]
        else:
            differences += [f"  ours:   {call}" for call in ours[i:i_end]]
            differences += [f"  strace: {call}" for call in theirs[j:j_end]]
    return matching, differences


def main():
    ours = read_calls(sys.argv[1])
    matching, total = [0, 0], [0, 0]
    for path in sys.argv[2:]:
        for task, calls in read_calls(path).items():
            same, differences = compare(ours.get(task, []), calls)
            for events in (False, True):
                matching[events] += sum(is_event(line) == events for line in same)
                total[events] += sum(is_event(line) == events for line in calls)
            if differences:
                print(f"{path}, task {task}:", *differences[:SHOWN], sep="\n")
    shares = [100 * part / whole if whole else 0 for part, whole in zip(matching, total)]
    print(f"{matching[0]} of {total[0]} calls match, {shares[0]:.2f} %; "
          f"{matching[1]} of {total[1]} signals and ends, {shares[1]:.2f} %")
    sys.exit(0 if min(shares) >= WANTED else 1)


if __name__ == "__main__":
    main()
