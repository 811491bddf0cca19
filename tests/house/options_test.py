#!/usr/bin/env python3
"""What --help, the manual pages and the documents say of the programs' options must be the same.

usage: options_test.py PROGRAMS ROOT    PROGRAMS: the directory with the built programs; ROOT: of the tree
       options_test.py --self-test      plants faults and expects each to be found

- Each program has a manual page and each manual page a program.
- The options that --help lists, of a program and of its commands, are those of the page's section OPTIONS.
- What an analyzer answers to --describe is the line in the page's section NAME.
- A command line in a page or in a document gives a program only options that it has.
- Any other option in them is one of some program, of a script of this tree, or of a program from elsewhere.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile

OPTION = re.compile(r"(?<![\w\-./])(--?[A-Za-z0-9][A-Za-z0-9-]*)")
LONG = re.compile(r"(?<![\w\-./])(--[a-z][a-z0-9-]*)(?![\w-])")
# "  -o [ --output ] arg  text", "  -h, --help  text", "  --help, --version": two spaces, then only options count.
HELP_LINE = re.compile(r"^  ((?:--?[A-Za-z0-9][A-Za-z0-9-]*)(?:(?:, | \[ )--[A-Za-z0-9][A-Za-z0-9-]*)?)")
# Programs from elsewhere whose options documents may name.
FOREIGN = {"apt-get", "capnp", "cmake", "ctest", "git", "ninja", "meson", "qemu", "g++", "strace", "pkg-config", "perf",
           "crash", "drgn", "vol", "bpftool", "gdb", "configure", "sh", "ls", "man"}


class Program:
    """A program's options, by command; under None those of the program itself."""

    def __init__(self, name, help_of):
        self.name = name
        text = help_of([])
        self.options = {None: help_options(text)}
        for command in help_commands(name, text):
            # A program that parses all its commands alike answers the same to each.
            self.options[command] = help_options(help_of([command]))

    def all_options(self):
        return set().union(*self.options.values())

    def has(self, option, command):
        own = self.options.get(command, self.options[None])
        return option in own


def help_options(text):
    found = set()
    for line in text.splitlines():
        match = HELP_LINE.match(line)
        if match:
            found.update(OPTION.findall(match.group(1)))
    return found


def help_commands(name, text):
    if "\ncommands:\n" in text:
        listed = text.split("\ncommands:\n")[1].split("\n\n")[0]
        return re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)
    return []


def plain(roff):
    """A line of a manual page without its mark-up."""
    line = re.sub(r"^\.(?:[BIR]{1,2}|TP|TQ) ?", "", roff)
    line = re.sub(r"\\f.", "", line)
    return line.replace(r"\-", "-").replace(r"\&", "").replace('"', " ")


def page_sections(text):
    """Section names and their lines."""
    sections, name = {}, ""
    for line in text.splitlines():
        if line.startswith(".SH "):
            name = line[4:].strip().strip('"')
        else:
            sections.setdefault(name, []).append(line)
    return sections


def tagged_options(lines):
    """Options in the tags of a list: the lines after .TP and .TQ."""
    found, tag = set(), False
    for line in lines:
        if tag:
            found.update(OPTION.findall(plain(line)))
        tag = line.startswith((".TP", ".TQ"))
    return found


def command_lines(text):
    """Each simple command in a piece of shell: its words up to "--"."""
    for part in re.split(r"\||&&|;|>>?|<|\$\(", text):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            words = part.split()
        if "--" in words:
            words = words[:words.index("--")]
        yield words


def programs_in(words, programs):
    """Each of our programs among the words, with its command and the words after that, up to the next program."""
    starts = [at for at, word in enumerate(words) if os.path.basename(word).startswith("panda-")]
    for at, end in zip(starts, starts[1:] + [len(words)]):
        name, rest = os.path.basename(words[at]), words[at + 1:end]
        if name == "panda-analyze" and rest and f"panda-analyze-{rest[0]}" in programs:
            name, rest = f"panda-analyze-{rest[0]}", rest[1:]
        if name in programs:
            yield programs[name], rest[0] if rest and rest[0] in programs[name].options else None, rest


def misused_options(text, programs, known):
    """Options in a piece of shell or in a quoted word that are not there: (option, whose)."""
    for words in command_lines(text):
        if words and os.path.basename(words[0]) in FOREIGN:
            continue
        ours = list(programs_in(words, programs))
        for program, command, rest in ours:
            for word in rest:
                option = re.match(r"--?[A-Za-z][A-Za-z0-9-]*", word)
                if option and not program.has(option.group(0), command):
                    yield option.group(0), " ".join(filter(None, [program.name, command]))
        if not ours:
            for option in LONG.findall(" ".join(words)):
                if option not in known:
                    yield option, "any program"


def code_in(markdown):
    """(line number, text) of what a document shows as code: blocks and words between backticks."""
    fenced = False
    for number, line in enumerate(markdown.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line.strip().removeprefix("$ ")
        else:
            for span in re.findall(r"`([^`]+)`", line):
                yield number, span


def code_in_page(lines):
    """The same of a manual page: lines between .nf and .fi, and all others for the options that they name."""
    example = False
    for line in lines:
        if line.startswith((".nf", ".EX")):
            example = True
        elif line.startswith((".fi", ".EE")):
            example = False
        elif example:
            yield plain(line)
        else:
            yield from LONG.findall(plain(line))


def check_page(program, page, answer, programs, known):
    sections = page_sections(page)
    documented, offered = tagged_options(sections.get("OPTIONS", [])), program.all_options()
    for option in sorted(offered - documented):
        yield f"{program.name}.1: OPTIONS does not have {option}, which --help lists"
    for option in sorted(documented - offered):
        yield f"{program.name}.1: OPTIONS has {option}, which --help does not list"
    for lines in sections.values():
        for text in code_in_page(lines):
            for option, whose in misused_options(text, programs, known | documented):
                yield f"{program.name}.1: {option} is not an option of {whose}"
    if answer is not None:
        line = " ".join(plain(line) for line in sections.get("NAME", [])).partition(" - ")[2].strip()
        if line != answer:
            yield f"{program.name}.1: NAME says \"{line}\", --describe \"{answer}\""


def check(programs, pages, answers, documents, known):
    """programs, pages and answers (to --describe): by name. documents: texts by path. known: options of others."""
    known = known.union(*(program.all_options() for program in programs.values()))
    for name in sorted(programs.keys() - pages.keys()):
        yield f"{name} has no manual page"
    for name in sorted(pages.keys() - programs.keys()):
        yield f"{name}.1 is about no program"
    for name in sorted(programs.keys() & pages.keys()):
        yield from check_page(programs[name], pages[name], answers.get(name), programs, known)
    for path, text in sorted(documents.items()):
        for number, code in code_in(text):
            for option, whose in misused_options(code, programs, known):
                yield f"{path}:{number}: {option} is not an option of {whose}"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def output(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True).stdout


def files(root):
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(("build", "."))]
        for name in names:
            yield os.path.join(folder, name)


def options_of_scripts(root):
    """Options that scripts and programs of the tree which are not installed take, as far as their text shows."""
    found = set()
    for path in files(root):
        name = os.path.basename(path)
        if name.endswith((".sh", ".py", ".cc")) or ("." not in name and os.access(path, os.X_OK)):
            try:
                found.update(LONG.findall(read(path).replace('"', " ").replace("'", " ").replace("(", " ")))
            except UnicodeDecodeError:
                continue
    return found


def main(directory, root):
    programs, answers = {}, {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if name.startswith("panda-") and "." not in name and os.access(path, os.X_OK):
            programs[name] = Program(name, lambda words, path=path: output([path, *words, "--help"]))
            if name.startswith("panda-analyze-"):
                answers[name] = output([path, "--describe"]).strip()
    if len(programs) < 5:
        print(f"only {len(programs)} programs in {directory}")
        return 1
    folder = os.path.join(root, "docs/man")
    pages = {name[:-2]: read(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".1")}
    documents = {os.path.relpath(path, root): read(path) for path in files(root) if path.endswith(".md")}
    complaints = list(check(programs, pages, answers, documents, options_of_scripts(root)))
    print("\n".join(complaints))
    count = sum(len(program.all_options()) for program in programs.values())
    print(f"{len(programs)} programs, {count} options, {len(documents)} documents: {len(complaints)} complaints")
    return 1 if complaints else 0


def self_test():
    help_texts = {
        "panda-thing": "usage: panda-thing COMMAND\n\ncommands:\n  one  the first\n\noptions:\n  --help, --version\n",
        "panda-thing one": "Options:\n  -o [ --output ] arg   like --nothing\n                        --wrapped\n",
        "panda-analyze-x": "Options:\n  -h, --help   help\n  --deep arg (=1) how deep\n",
    }
    page = (".SH NAME\npanda-thing \\- does a thing\n.SH OPTIONS\n.TP\n.BR \\-o \", \" \\-\\-output \" \" \\fIF\\fR\nText.\n"
            ".TP\n.BR \\-\\-help\n.TQ\n.B \\-\\-version\nAs\n.B \\-\\-deep\nis.\n")
    analyzer = ".SH NAME\npanda-analyze-x \\- looks\n.SH OPTIONS\n.TP\n.BR \\-h \", \" \\-\\-help\n.TP\n.BI \\-\\-deep \" N\"\n"
    pages = {"panda-thing": page, "panda-analyze-x": analyzer}
    document = ("`--deep 3` and `panda-thing one -o f` and `tools/x.sh --script`.\n\n    panda-analyze x --deep 2 - | panda-thing "
                "--help\n\n```\ncmake --preset x && panda-thing one -- ls --color\n```\n")
    cases = [  # what is changed, and a part of the complaint that is expected; None: there must not be one
        ({}, None),
        ({"page": page.replace(".TQ\n.B \\-\\-version\n", "")}, "does not have --version"),
        ({"page": page + ".TP\n.B \\-\\-more\n"}, "has --more"),
        ({"page": page.replace("As\n.B \\-\\-deep", "As\n.B \\-\\-deeper")}, "--deeper is not"),
        ({"page": page + ".SH EXAMPLES\n.nf\npanda-thing one \\-\\-deep\n.fi\n"}, "--deep is not an option of panda-thing one"),
        ({"document": document.replace("-o f", "-q f")}, "-q is not an option of panda-thing one"),
        ({"document": document.replace("x --deep", "x --output")}, "--output is not an option of panda-analyze-x"),
        ({"document": document.replace("`--deep 3`", "`--depth 3`")}, "document.md:1: --depth is not"),
        ({"document": document.replace("&& panda-thing one", "&& panda-thing one --color")}, "document.md:6: --color"),
        ({"answer": "listens"}, "NAME says \"looks\""),
        ({"pages": {"panda-thing": page}}, "panda-analyze-x has no manual page"),
        ({"pages": {**pages, "panda-old": page}}, "panda-old.1 is about no program"),
    ]
    programs = {name: Program(name, lambda words, name=name: help_texts[" ".join([name, *words])])
                for name in ("panda-thing", "panda-analyze-x")}
    for change, expected in cases:
        used = change.get("pages", {**pages, "panda-thing": change.get("page", page)})
        answers = {"panda-analyze-x": change.get("answer", "looks")}
        found = list(check(programs, used, answers, {"document.md": change.get("document", document)}, {"--script"}))
        if expected is None and found or expected is not None and (len(found) != 1 or expected not in found[0]):
            print(f"expected {expected}, got {found}")
            return 1
    print(f"{len(cases)} cases judged rightly")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
