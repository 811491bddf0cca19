#!/usr/bin/python3
"""Compares the calls of every_value with what strace wrote about them.

usage: compare.py OURS STRACE... [--all]

OURS is the output of panda-analyze syscalls about all runs of the program, each STRACE that of strace about one, in the
order of the runs. Prints the first two differences of each call (--all: all of them), and exits with status 1 if there are too
many.
"""

import re
import sys

# Names that strace 6.1 does not know yet. It shows numbers for them.
NEWER = re.compile("CLOCK_AUX|MFD_(NOEXEC_SEAL|EXEC)|RWF_(NOAPPEND|ATOMIC|DONTCACHE)|AT_HANDLE_FID|SCHED_EXT|MAP_DROPPABLE|"
                   "MPOL_WEIGHTED|FAN_REPORT_(FD_ERROR|MNT)|FALLOC_FL_WRITE_ZEROES|KEXEC_FILE_DEBUG|STATX_(MNT_ID_UNIQUE|"
                   "SUBVOL|WRITE_ATOMIC|DIO_READ_ALIGN)|MEMBARRIER_CMD_GET_REGISTRATIONS|KEXEC_FILE_NO_CMA")
# Of the calls that no name of these excuses, this share may differ: what strace makes of values that are not valid.
TOLERATED = 0.04


def plain(call):
    return re.sub(r"\s*\)\s+= ", ") = ", call.rstrip("\n"))


def read_ours(path):
    """A list of calls for each process, in order."""
    by_process = {}
    with open(path, errors="replace") as lines:
        for line in lines:
            process, _, call = line.partition(" ")
            by_process.setdefault(int(process), []).append(plain(call.lstrip()))
    return list(by_process.values())


def of_interest(calls):
    """The calls after the filter is there."""
    start = next(i for i, call in enumerate(calls) if call.startswith("prctl(PR_SET_SECCOMP")) + 1
    return [call for call in calls[start:] if not call.startswith(("exit_group", "+++"))]


def main():
    show_all = "--all" in sys.argv
    paths = [argument for argument in sys.argv[1:] if argument != "--all"]
    runs = read_ours(paths[0])
    if len(runs) != len(paths) - 1:
        raise SystemExit(f"{len(runs)} runs here, {len(paths) - 1} there")
    differing, total = {}, 0
    for ours, path in zip(runs, paths[1:]):
        with open(path, errors="replace") as lines:
            theirs = of_interest([plain(line) for line in lines])
        ours = of_interest(ours)
        if len(ours) != len(theirs):
            raise SystemExit(f"{path}: {len(ours)} calls here, {len(theirs)} there")
        total += len(theirs)
        for mine, other in zip(ours, theirs):
            if mine != other and not (NEWER.search(mine) and not NEWER.search(other)):
                differing.setdefault(mine.partition("(")[0], []).append((mine, other))
    for calls in differing.values():
        for mine, other in calls if show_all else calls[:2]:
            print(f"  ours:   {mine[:400]}\n  strace: {other[:400]}")
    count = sum(len(calls) for calls in differing.values())
    print(f"{total} calls, {count} of which strace writes in another way: " +
          ", ".join(f"{name} {len(calls)}" for name, calls in differing.items()))
    sys.exit(1 if count > TOLERATED * total else 0)


main()
