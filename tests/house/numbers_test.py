#!/usr/bin/env python3
"""Numbers that people write are read in one place: common/numbers.h, which options reach by common/options.h.

usage: numbers_test.py ROOT        checks the tree
       numbers_test.py --self-test plants other parsers into small trees and expects each to be found

Tests may read numbers as they like.
"""
import os
import re
import sys
import tempfile

FOLDERS = ["common", "trace", "kernelinfo", "osi", "analyzers", "recorder", "replayer", "tools", "tests/bench"]

# They read 010 as eight, -1 as a large number, or 7x as seven; and Boost reads 0x10 as garbage.
PARSERS = re.compile(r"\b(?:strtou?ll?|strtou?[iq]max|stou?ll?|stoi|ato[ilq]|atoll|sscanf|g_ascii_strtou?ll|"
                     r"from_chars)\s*\(|"
                     r"\bvalue<\s*(?:std::)?(?:u?int\d*_t|size_t|unsigned|int|long|short)\b[^>]*>\s*\(")

# What is not a number that people write: a field of a fixed form, with other text behind it.
FIELDS = {
    "common/numbers.cc",
    "analyzers/memdump/vmcoreinfo.cc",  # VMCOREINFO
    "kernelinfo/symbols.cc",              # System.map
    "kernelinfo/generator.cc",            # "6.1.192"
}


def check(root):
    found = []
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                if not name.endswith((".h", ".cc", ".c")) or path in FIELDS:
                    continue
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    for number, line in enumerate(file, 1):
                        if PARSERS.search(line.split("//")[0]):
                            found.append(f"{path}:{number}: reads a number by other means than common/numbers.h")
    return found


def self_test():
    """Each case: a line of code, and whether it must be found."""
    cases = [
        ("n = std::stoull(text, &end, 0);", True),
        ("n = strtoul(text, NULL, 0);", True),
        ("std::from_chars(begin, end, n);", True),
        ("n = atoi(text);", True),
        ('add("from", po::value<uint64_t>(), "");', True),
        ('add("level", options::value<int>()->default_value(3), "");', True),
        ('add("list", po::value<std::size_t>(), "");', True),
        ('add("from", number_value<uint64_t>(), "");', False),
        ('add("name", po::value<std::string>(), "");', False),
        ('add("names", po::value<std::vector<std::string>>(), "");', False),
        ("n = read_number<int>(text);", False),
        ("// not by strtoul(text)", False),
    ]
    for code, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "tools"))
            with open(os.path.join(root, "tools", "planted.cc"), "w", encoding="utf-8") as file:
                file.write(code + "\n")
            if bool(check(root)) != expected:
                print(f"{code}: expected {'a complaint' if expected else 'none'}")
                return 1
    print(f"{len(cases)} planted lines judged rightly")
    return 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    if not os.path.exists(os.path.join(sys.argv[1], "common", "numbers.cc")):
        print(f"{sys.argv[1]} is not this project's tree")
        return 1
    found = check(sys.argv[1])
    print("\n".join(found) if found else "numbers are read in one place")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
