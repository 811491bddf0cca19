#!/usr/bin/env python3
"""What a labelled file's bytes became, by what the commands do, against what `panda-analyze taint --json` tells.

usage: expect.py FILE JSON    FILE: the labelled file; JSON: the analyzer's output
"""
import json
import sys


def positions(row):
    """For each byte that left: its position, and the set of the file's positions that it has."""
    numbers = [n for source in row["labels"] for first, last in source["ranges"] for n in range(first, last + 1)]
    for i, position in enumerate(range(row["first"], row["last"] + 1)):
        yield position, {numbers[i]} if row["in_step"] else set(numbers)


def main():
    size = len(open(sys.argv[1], "rb").read())
    left = {}
    pipes = set()
    for row in map(json.loads, open(sys.argv[2])):
        if row["kind"] != "left":
            continue
        name = row["to"]
        if name.startswith("pipe:"):
            pipes.add(name)
            name = "pipe"
        for position, labels in positions(row):
            left.setdefault(name, {})[position] = labels
    expected = {
        "pipe": {i: {i} for i in range(size)},
        "/tmp/upper": {i: {i} for i in range(size)},
        "/tmp/part": {i: {7 + i} for i in range(35)},
        "/tmp/hex": {i: {i // 2} for i in range(2 * size)},
        "/tmp/crc": {i: set(range(50, 150)) for i in range(4)},
        "/tmp/base64": {},
    }
    # base64: four letters of three bytes.
    for i in range(0, size, 3):
        for letter, labels in enumerate(({i}, {i, i + 1}, {i + 1, i + 2}, {i + 2})):
            expected["/tmp/base64"][i // 3 * 4 + letter] = labels
    wrong = 0
    for name, bytes_ in expected.items():
        got = left.get(name, {})
        for position in sorted(bytes_.keys() | got.keys()):
            want, have = bytes_.get(position, set()), got.get(position, set())
            if want != have:
                wrong += 1
                if wrong <= 10:
                    print(f"{name} byte {position}: has {sorted(have)}, must have {sorted(want)}", file=sys.stderr)
    print(f"{sum(map(len, expected.values()))} bytes that left, {wrong} with other labels than they must have")
    sys.exit(wrong != 0 or len(pipes) != 1)


main()
