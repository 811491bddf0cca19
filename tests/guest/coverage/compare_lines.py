"""usage: compare_lines.py GCOV LCOV SOURCE: holds the lines of an lcov tracefile against gcov's of the same run. A line
that has nothing but a closing brace has code in DWARF, and for gcov only where control falls through it."""
import sys


def of_gcov(path):
    lines, braces = {}, set()
    with open(path, encoding="utf-8") as file:
        for text in file:
            count, number, source = text.split(":", 2)
            count = count.strip().rstrip("*")
            if source.strip() == "}":
                braces.add(int(number))
            elif count != "-" and int(number) != 0:
                lines[int(number)] = 0 if count in ("#####", "=====") else int(count)
    return lines, braces


def of_lcov(path, source):
    lines = {}
    current = ""
    with open(path, encoding="utf-8") as file:
        for text in file:
            name, _, value = text.strip().partition(":")
            if name == "SF":
                current = value
            elif name == "DA" and current.endswith(source):
                number, count = value.split(",")
                lines[int(number)] = int(count)
    return lines


def main():
    (gcov, braces), lcov = of_gcov(sys.argv[1]), of_lcov(sys.argv[2], sys.argv[3])
    lcov = {line: count for line, count in lcov.items() if line not in braces}
    assert len(gcov) > 30, gcov
    differ = {line: (gcov.get(line), lcov.get(line)) for line in gcov.keys() | lcov.keys() if gcov.get(line) != lcov.get(line)}
    for line in sorted(differ):
        print(f"{sys.argv[3]}:{line}: gcov {differ[line][0]}, lcov {differ[line][1]}")
    if differ:
        return 1
    print(f"ok: {len(gcov)} lines, {sum(count == 0 for count in gcov.values())} of which did not run")
    return 0


sys.exit(main())
