#!/usr/bin/python3
"""Prints the flags with which QEMU compiles target/i386/cpu.c, one a line, for code outside QEMU that includes its
headers: preprocessor and ABI flags only, with the source and build directories replaced by the SDK's.

usage: sdk_cflags.py COMPILE_COMMANDS SOURCE BUILD SDK
"""

import json
import os
import shlex
import sys

TWO_WORDS = ("-isystem", "-iquote", "-I", "-D")
KEPT = ("-m", "-std=", "-fno-strict-aliasing", "-fno-common", "-fwrapv", "-pthread")


def relocate(path, source, build, sdk):
    """Maps a path of the build, relative to its directory or absolute, into the SDK; others stay as they are."""
    path = os.path.normpath(os.path.join(build, path))
    for old, new in ((build, "build"), (source, "src")):
        if path == old or path.startswith(old + "/"):
            return os.path.normpath(os.path.join(sdk, new, os.path.relpath(path, old)))
    return path


def main():
    commands, source, build, sdk = sys.argv[1:]
    source, build = os.path.realpath(source), os.path.realpath(build)
    with open(commands) as file:
        entry = next(e for e in json.load(file) if e["file"].endswith("target/i386/cpu.c"))
    words = shlex.split(entry["command"])[1:]
    flags = []
    while words:
        word = words.pop(0)
        prefix = next((p for p in TWO_WORDS if word.startswith(p)), None)
        if prefix:
            value = word[len(prefix):] or words.pop(0)
            flags.append(prefix + (value if prefix == "-D" else relocate(value, source, build, sdk)))
        elif word in ("-MQ", "-MF", "-o"):
            words.pop(0)
        elif word.startswith(KEPT):
            flags.append(word)
    for flag in dict.fromkeys(flags):
        # gcc's @FILE takes a backslash before any character literally.
        print("".join("\\" + c if c in "\\\"' " else c for c in flag))


main()
