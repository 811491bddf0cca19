#!/usr/bin/env python3
"""Compiles small analyzers: those that keep the contract of trace/pass/contract.h, and those that break it.

usage: contract_test.py COMPILER FOLDER FLAG…

A file's first line says what is expected: "// compiles", or "// error: PATTERN", a regular expression that an error
line of the compiler has to match. A compiler that refuses everything would fail the first kind.
"""
import concurrent.futures
import os
import re
import subprocess
import sys


def judge(compiler, flags, path):
    """Why the file is not as it says; None when it is."""
    with open(path, encoding="utf-8") as file:
        expected = file.readline().strip()
    run = subprocess.run([compiler, *flags, "-fsyntax-only", path], capture_output=True, text=True, check=False,
                         env={**os.environ, "LC_ALL": "C"})
    errors = [line for line in run.stderr.splitlines() if "error:" in line]
    if expected == "// compiles":
        return None if run.returncode == 0 else "does not compile:\n" + run.stderr
    pattern = re.fullmatch(r"// error: (.+)", expected)
    if pattern is None:
        return "does not say what is expected in its first line"
    if run.returncode == 0:
        return "compiles"
    if not any(re.search(pattern[1], line) for line in errors):
        return f"no error matches {pattern[1]!r}:\n" + "\n".join(errors)
    return None


def main():
    compiler, folder, flags = sys.argv[1], sys.argv[2], sys.argv[3:]
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".cc"))
    if len(paths) < 10:
        print(f"only {len(paths)} analyzers in {folder}")
        return 1
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: judge(compiler, flags, path), paths))
    for path, why in zip(paths, results):
        print(f"{os.path.basename(path)}: {why or 'as expected'}")
    return 1 if any(results) else 0


if __name__ == "__main__":
    sys.exit(main())
