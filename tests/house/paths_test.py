#!/usr/bin/env python3
"""Whether every file that documents and comments name exists.

usage: paths_test.py ROOT        checks the tree
       paths_test.py --self-test writes small trees with names that are wrong and right, and expects each to be judged so

In Markdown, what stands between backticks and looks like a path must exist, seen from the document's folder or from the
root (or the source of a program of that name), as must the targets of links; a file's name alone must exist somewhere below
the document's folder. In sources, scripts and manual pages, every word that looks like a path of this tree must exist.
"""
import fnmatch
import os
import re
import sys
import tempfile

FOLDERS = ("analyzers", "common", "docs", "kernelinfo", "osi", "recorder", "replayer", "tests", "tools", "trace")
SUFFIXES = r"(?:h|cc|c|py|sh|md|capnp|cmake|table|list|conf|patch|txt|json|1)"
SKIPPED = (".git", "build", "build-sanitize")

# What the build makes, and paths of other trees: the kernel's, QEMU's, a guest's.
GENERATED = {"tables.h", "tables.cc", "typed_calls.h"}
ELSEWHERE = ("/", "~", "$", "-", "build", "http", "asm/", "linux/", "include/exec/", "kernelinfo.conf")

SOURCE = re.compile(r"\.(h|cc|c|py|sh|capnp|cmake|1)$|CMakeLists\.txt$")
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)\)")
NAME = re.compile(r"[\w.*-]+\." + SUFFIXES)
PATH = re.compile(r"(?:\.\./)*[\w.*/-]+")
IN_SOURCE = re.compile(r"(?<![\w./-])(?:" + "|".join(FOLDERS) + r")/[\w./-]*\w\." + SUFFIXES + r"(?![\w/])")


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = set()
        self.folders = set()
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in SKIPPED]
            self.folders.add(os.path.relpath(folder, root))
            self.files.update(os.path.relpath(os.path.join(folder, name), root) for name in names)

    def has(self, path):
        path = os.path.normpath(path)
        if "*" in path:
            return any(fnmatch.fnmatch(name, path) for name in self.files)
        return path in self.files or path in self.folders

    def has_below(self, folder, name):
        prefix = "" if folder == "" else folder + "/"
        return any(fnmatch.fnmatch(os.path.basename(file), name) for file in self.files if file.startswith(prefix))

    def text(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()


def without_code(text):
    """Markdown without blocks of code, with as many lines."""
    lines = []
    fenced = False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        lines.append("" if fenced or line.startswith(("    ", "```")) else line)
    return "\n".join(lines)


def is_generated(path):
    return os.path.basename(path) in GENERATED or path.endswith(".capnp.h")


def is_path(word):
    return PATH.fullmatch(word) and (
        word.startswith("../") or word.endswith("/") or word.split("/")[0] in FOLDERS
        or NAME.fullmatch(os.path.basename(word)))


def is_missing_in_document(tree, document, span):
    folder = os.path.dirname(document)
    word = span.split()[0]
    placeholder = re.search(r"[A-Z]{3,}(?!\w*\.md)", word)
    if word.startswith(ELSEWHERE) or is_generated(word) or placeholder:
        return False
    if "/" in word:
        candidates = (os.path.join(folder, word), word, word + ".cc")
        return is_path(word) and not any(tree.has(path) for path in candidates)
    return NAME.fullmatch(word) and not tree.has_below(folder, word)


def lines_of(text, pattern, group):
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(group)


def check_document(tree, path):
    text = without_code(tree.text(path))
    for line, span in lines_of(text, SPAN, 1):
        if is_missing_in_document(tree, path, span):
            yield f"{path}:{line}: `{span}` does not exist"
    for line, target in lines_of(text, LINK, 1):
        if not target.startswith("http") and not tree.has(os.path.join(os.path.dirname(path), target)):
            yield f"{path}:{line}: the link to {target} leads nowhere"


def check_source(tree, path):
    for line, word in lines_of(tree.text(path).replace("\\-", "-"), IN_SOURCE, 0):
        if not is_generated(word) and not tree.has(word):
            yield f"{path}:{line}: {word} does not exist"


def check(root):
    tree = Tree(root)
    found = []
    for path in sorted(tree.files):
        if path.endswith(".md"):
            found += check_document(tree, path)
        elif path.startswith(tuple(folder + "/" for folder in FOLDERS)) and not path.startswith("tests/house/"):
            if SOURCE.search(path):
                found += check_source(tree, path)
    return found


def self_test():
    """Each case: a file, its text, and whether something must be found in it."""
    cases = [
        ("README.md", "see `trace/types.h`", False),
        ("README.md", "see `trace/typos.h`", True),
        ("README.md", "run `tests/run.sh build 20`", False),
        ("README.md", "run `tests/gone.sh build 20`", True),
        ("README.md", "`tests/program FILE` is `tests/program.cc`", False),
        ("README.md", "`tests/programme FILE`", True),
        ("README.md", "[here](trace/README.md) and [there](https://example.org/x.md)", False),
        ("README.md", "[here](trace/GONE.md)", True),
        ("README.md", "    `trace/typos.h` in code\n```\n`trace/typos.h`\n```", False),
        ("README.md", "`/proc`, `tests/NAME_test.sh`, `linux/syscalls.h`, `a / b`", False),
        ("trace/README.md", "`types.h`, `wing/deep.h`, `deep.h`, `../tests/run.sh`, `wing/`, `wing/*.h`", False),
        ("trace/README.md", "`typos.h`", True),
        ("trace/README.md", "`run.sh`", True),
        ("trace/README.md", "`name/type/offset`, `trace/wing/deep.h`", False),
        ("trace/README.md", "`wings/`", True),
        ("trace/README.md", "`wing/*.cc`", True),
        ("trace/types.h", "// See trace/wing/deep.h.", False),
        ("trace/types.h", "// See trace/deep.h.", True),
        ("docs/man/x.1", "see trace/deep.h", True),
    ]
    for path, text, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            for name in ("trace/README.md", "trace/types.h", "trace/wing/deep.h", "tests/run.sh", "tests/program.cc", path):
                os.makedirs(os.path.join(root, os.path.dirname(name)), exist_ok=True)
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(text if name == path else "")
            found = check(root)
        if bool(found) != expected:
            print(f"{path} with {text!r}: expected {'a complaint' if expected else 'none'}, got {found}")
            return 1
    print(f"{len(cases)} names judged rightly")
    return 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    found = check(sys.argv[1])
    print("\n".join(found) if found else "every file that is named exists")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
