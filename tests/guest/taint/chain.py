#!/usr/bin/env python3
"""Whether labelled bytes arrived at the places to which tests/guest/taint/chain.c takes them.

usage: chain.py JSON KIND FIRST LAST TO…

JSON: the output of `panda-analyze taint --json`. Its rows of what left must name exactly the places TO, which are
regular expressions, and each must have the positions FIRST to LAST of one source of that KIND, byte by byte in order.
"""
import json
import re
import sys


def main():
    path, kind, first, last, places = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
    with open(path, encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["kind"] == "left"]
    wrong = []
    for row in rows:
        if not any(re.fullmatch(place, row["to"]) for place in places):
            wrong.append(f"left for {row['to']}, which is not expected")
        ranges = [(source["kind"], source["ranges"]) for source in row["labels"]]
        if ranges != [(kind, [[first, last]])] or not row["in_step"]:
            wrong.append(f"{row['to']} has {ranges}, must have {first} to {last} of one {kind}, in order")
        if (row["first"], row["last"]) != (0, last - first):
            wrong.append(f"{row['to']}: bytes {row['first']} to {row['last']}, must be 0 to {last - first}")
    for place in places:
        found = sum(bool(re.fullmatch(place, row["to"])) for row in rows)
        if found != 1:
            wrong.append(f"{found} rows of what left are for {place}, must be one")
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))


main()
