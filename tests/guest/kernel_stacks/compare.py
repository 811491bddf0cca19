#!/usr/bin/env python3
"""Compares stacks of the kernel that panda-analyze finds in a trace with what the kernel itself says of them.

usage: compare.py marks SAID FOUND       what its unwinder finds at marks     FOUND: callstack_instr --marks --json
       compare.py blocked SAID FOUND FROM    /proc/PID/stack of all processes, which were read from instr FROM on
                                                                              FOUND: printstack --pc __switch_to_asm --json
       compare.py sysrq SAID FOUND       the dump of what runs                FOUND: printstack --pc dump_stack_lvl --json
       compare.py warn SAID FOUND        the trace of a warning               FOUND: printstack --pc report_bug --json
SAID: what kernel_stacks/start prints.
"""
import collections
import json
import re
import sys

KERNEL = 1 << 63


def lines(path, first):
    for line in open(path, encoding="latin-1"):
        words = line.split()
        if words[:1] == [first]:
            yield words[1:]


def samples(path):
    for line in open(path, encoding="utf-8"):
        entry = json.loads(line)
        if entry["kind"] == "stack":
            yield entry


def address(frame):
    return int(frame["return"], 16)


def of_kernel(frames):
    """Up to where the processor came from a program."""
    kernel = []
    for frame in frames:
        if address(frame) < KERNEL:
            break
        kernel.append(frame)
    return kernel


def name(frame):
    return f'{frame.get("function", "?")}+{frame.get("offset", 0):#x}'


def compare_marks(said_path, found_path):
    said = {int(words[0]): (words[1], [int(word, 16) for word in words[2:]]) for words in lines(said_path, "stack")}
    contexts = collections.Counter()
    cut_short = 0
    for entry in samples(found_path):
        if entry["mark"] not in said:
            continue  # made after they were printed
        context, want = said.pop(entry["mark"])
        frames = of_kernel(entry["frames"])
        got = [address(frame) for frame in frames]
        names = [name(frame) for frame in frames]
        contexts[context] += 1
        if got == want:
            continue
        # secondary_startup_64 pushes an address that nobody returns to, where unwinders end.
        if got == want[:-1] and names[-1].startswith("start_kernel+"):
            continue
        # Its unwinder knows nothing of the code of retpolines.
        if got[:len(want)] == want and "thunk" in names[len(want) - 1]:
            cut_short += 1
            continue
        sys.exit(f"mark {entry['mark']} ({context}): said " + " ".join(f"{one:x}" for one in want) + "\nfound " +
                 " ".join(f"{one:x}={text}" for one, text in zip(got, names)))
    if said or sum(contexts.values()) < 1000 or len(contexts) != 11:
        sys.exit(f"marks that were not found: {sorted(said)}; found: {contexts}")
    if cut_short > sum(contexts.values()) / 20:
        sys.exit(f"{cut_short} stacks end in retpolines")
    print(f"ok: {sum(contexts.values())} stacks in {len(contexts)} contexts are those that the kernel's unwinder finds, "
          f"{cut_short} of them up to a retpoline")


def compare_blocked(said_path, found_path, start):
    symbols = {words[2]: int(words[0], 16) for words in lines(said_path, "symbol")}
    # Where each thread waited when it was looked at: it may have run meanwhile.
    places = collections.defaultdict(set)
    for entry in samples(found_path):
        frames = of_kernel(entry["frames"])
        # The kernel does not print how a task came to wait (in_sched_functions()).
        while frames and symbols["__sched_text_start"] <= address(frames[0]) < symbols["__sched_text_end"]:
            frames.pop(0)
        if entry["instr"] < start:
            places[entry["thread"]].clear()
        places[entry["thread"]].add(" ".join(name(frame) for frame in frames))
    found = collections.Counter(place for of_thread in places.values() for place in of_thread)
    count = 0
    for words in lines(said_path, "blocked"):
        stack = " ".join(word.split("/")[0] for word in words[1:] if "+0x" in word)
        if not stack:
            continue  # it runs
        if found[stack] == 0:
            sys.exit(f"process {words[0]}: nothing waits at {stack}")
        found[stack] -= 1
        count += 1
    if count < 30:
        sys.exit(f"only {count} processes wait")
    print(f"ok: {count} processes wait where /proc/PID/stack says")


def said_trace(said_path, kind):
    """The lines of a dump that its unwinder is sure of, from "Call Trace" on."""
    text = [" ".join(words) for words in lines(said_path, kind)]
    start = next(number for number, line in enumerate(text) if "Call Trace:" in line)
    trace = []
    for line in text[start:]:
        if "RIP:" in line or "</TASK>" in line:
            break
        sure = re.fullmatch(r"\[[ 0-9.]*\] (\S+\+0x[0-9a-f]+)/0x[0-9a-f]+.*", line)
        if sure:
            trace.append(sure.group(1))
    return trace


def compare_dump(kind, said_path, found_path):
    want = said_trace(said_path, kind)
    if kind == "sysrq":
        want = want[1:]  # dump_stack_lvl itself
    if len(want) < 5:
        sys.exit(f"{kind}: the kernel says {want}")
    for entry in samples(found_path):
        frames = of_kernel(entry["frames"])
        if kind == "warn":
            # What was called before the exception, whose own place is the register dump's.
            inner = next((number for number, frame in enumerate(frames) if frame["kind"] == "exception"), len(frames))
            frames = frames[inner + 1:]
        if [name(frame) for frame in frames] == want:
            print(f"ok: the stack of {len(want)} frames that {kind} prints")
            return
    sys.exit(f"{kind}: none of the stacks is {want}")


def main():
    what, said, found = sys.argv[1:4]
    if what == "marks":
        compare_marks(said, found)
    elif what == "blocked":
        compare_blocked(said, found, int(sys.argv[4]))
    else:
        compare_dump(what, said, found)


main()
