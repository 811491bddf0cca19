#!/usr/bin/env python3
"""The format's text suffices: decode.py, which follows it, gets out of traces what panda-trace does.

usage: compare.py SCHEMA PANDA_TRACE SAMPLES   traces that the program SAMPLES (trace_samples) writes, in which
                                               everything must occur that the codings have
       compare.py SCHEMA PANDA_TRACE TRACE…    these traces
"""
import itertools
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import decode
from messages import Malformed, frames

# What the codings write where predictions fail, all of which the samples must have; None is a right prediction.
FORMS = {(coding, symbol)
         for coding, symbols in {"blocks": 3, "addresses": 15, "values": 11, "registers": 11}.items()
         for symbol in [None, *range(symbols)]}


def wanted(line):
    """The option of panda-trace dump that prints such a line."""
    return {"definition": "--definitions", "block": "--blocks", "event": "--events", "access": "--memory",
            "registers": "--registers"}[line["kind"]]


def compare(schema, panda_trace, path, seen):
    """Exits with a message when there is a difference."""
    lines = list(decode.Trace(schema, path, seen).lines())
    options = sorted({wanted(line) for line in lines})
    told = subprocess.run([panda_trace, "dump", "--json", *options, path], stdout=subprocess.PIPE, check=True).stdout
    told = [json.loads(line) for line in told.splitlines()]
    for number, (own, other) in enumerate(itertools.zip_longest(lines, told)):
        if own != other:
            sys.exit(f"{path}: line {number} is, by the text,\n  {json.dumps(own)}\n"
                     f"and by panda-trace\n  {json.dumps(other)}")
    if not lines:
        sys.exit(f"{path}: nothing is in it")
    print(f"{path}: {len(lines)} lines ({' '.join(options)})")


def reads(schema, data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            for _ in decode.Trace(schema, file.name, set()).lines():
                pass
        except (Malformed, subprocess.CalledProcessError):
            return False
    return True


def damage_is_found(schema, path):
    """Both checksums of each message cover what the text says: its own the first part, a column's what is behind it."""
    with open(path, "rb") as file:
        whole = file.read()
    for offset, frame in frames(whole):
        (checked,) = struct.unpack_from("<Q", frame, 24)
        for place in {16, checked - 1, checked}:
            damaged = bytearray(whole)
            if place < len(frame):
                damaged[offset + place] ^= 1
                if reads(schema, damaged):
                    sys.exit(f"{path}: byte {place} of the message at {offset} may be anything")


def main(schema, panda_trace, *traces):
    seen = set()
    if len(traces) == 1 and os.access(traces[0], os.X_OK):
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([traces[0], directory], check=True)
            samples = sorted(os.path.join(directory, name) for name in os.listdir(directory))
            for path in samples:
                compare(schema, panda_trace, path, seen)
            damage_is_found(schema, os.path.join(directory, "registers0"))
        if FORMS - seen:
            sys.exit(f"the samples lack {sorted(FORMS - seen, key=str)}")
    else:
        for path in traces:
            compare(schema, panda_trace, path, seen)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
