#!/usr/bin/env python3
"""QEMU's patches as a series: each adds the members of PandaHooks that it calls, and none that it does not call; their
numbers, subjects and messages are as QEMU's own.

usage: patches_test.py DIRECTORY    checks the patches in it
       patches_test.py --self-test  changes a right series in ways that are wrong, and expects each to be found
"""
import os
import re
import sys
import tempfile

HEADER = "include/exec/panda-hooks.h"
NAME = re.compile(r"^(\d{4})-[\w.-]+\.patch$")
SUBJECT = re.compile(r"^[a-z][\w/.-]*: [a-z]\S* .*[^.]$")
MEMBER = re.compile(r"^ .*\(\*(\w+)\)\(")
# Directly, or by the macro of target/i386/tcg/seg_helper.c, whose own text says `hook`.
CALL = re.compile(r"panda_hooks->(?!hook\b)(\w+)\(|\bpanda_gate\(env, (?!hook\b)(\w+),")
LONGEST_SUBJECT = 75
LONGEST_LINE = 75


def parse(text):
    """Subject, lines of the message, and the added lines of each file."""
    head, _, rest = text.partition("\n\n")
    subject = re.search(r"^Subject: \[PATCH\] (.*(?:\n .*)*)", head, re.MULTILINE)
    message, _, diff = rest.partition("\ndiff --git ")
    added = {}
    path = None
    for line in diff.splitlines():
        if line.startswith("+++ b/"):
            path = line[len("+++ b/"):]
        elif line.startswith("+") and path:
            added.setdefault(path, []).append(line[1:])
    return subject and subject.group(1).replace("\n ", " "), message.strip().splitlines(), added


def complaints(name, text, known):
    """What is wrong with a patch; known: the members that are there before it, to which its own are added."""
    subject, message, added = parse(text)
    if not subject or not SUBJECT.match(subject) or len(subject) > LONGEST_SUBJECT:
        yield f"{name}: its subject is not as QEMU's, `subsystem: what it does`: {subject}"
    if not message:
        yield f"{name}: its message does not say why"
    if any(len(line) > LONGEST_LINE for line in message):
        yield f"{name}: its message has lines of more than {LONGEST_LINE} characters"
    if not added:
        yield f"{name}: it adds nothing"
    members = {m.group(1) for line in added.get(HEADER, []) if (m := MEMBER.match(line))}
    calls = {a or b for lines in added.values() for line in lines for a, b in CALL.findall(line)}
    for call in sorted(calls - members - known):
        yield f"{name}: it calls {call}, which no patch up to it adds"
    for member in sorted(members - calls):
        yield f"{name}: it adds {member}, and does not call it"
    known |= members


def check(directory):
    found = []
    known = set()
    names = sorted(os.listdir(directory))
    for number, name in enumerate(names, 1):
        match = NAME.match(name)
        if not match or int(match.group(1)) != number:
            found.append(f"{name}: expected number {number:04}")
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            found += complaints(name, file.read(), known)
    return found, len(names), len(known)


def patch(subject, message, files):
    """files: name to added lines."""
    diff = "".join(f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n" +
                   "".join(f"+{line}\n" for line in lines) for path, lines in files.items())
    return f"From 0\nFrom: A <a@b>\nSubject: [PATCH] {subject}\n\n{message}\n\n{diff}"


def self_test():
    def series(subject="accel/tcg: tell an engine of one", message="Why.", member="    void (*one)(int a);",
               call="    panda_hooks->one(1);", second="    panda_hooks->one(2);", name="0002-b.patch"):
        return {"0001-a.patch": patch(subject, message, {HEADER: [member], "a.c": [call]}),
                name: patch("hw/ide: tell it again\n and again", "Why.\nWhy.", {"b.c": [second]})}

    gate = "    panda_gate(env, one, PANDA_IRET);"
    cases = [
        ("a right one", series(), False),
        ("a call by the macro", series(call=gate), False),
        ("the macro itself", series(second="#define panda_gate(env, hook, gate) panda_hooks->hook(env, gate)"), False),
        ("a member that is added too late", series(second="    panda_hooks->two(2);"), True),
        ("a member that is added too early", series(call="    return;", second="    panda_hooks->one(2);"), True),
        ("a subject without a subsystem", series(subject="Tell an engine of one"), True),
        ("a subject with a full stop", series(subject="accel/tcg: tell an engine of one."), True),
        ("a subject that is too long", series(subject="accel/tcg: tell an engine " + "x" * 60), True),
        ("no message", series(message=""), True),
        ("a message in one long line", series(message="why " * 30), True),
        ("a gap in the numbers", series(name="0003-b.patch"), True),
    ]
    for title, files, expected in cases:
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                    file.write(text)
            found = check(directory)[0]
        if bool(found) != expected:
            print(f"{title}: expected {'a complaint' if expected else 'none'}, got {found}")
            return 1
    print(f"{len(cases)} series judged rightly")
    return 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    found, patches, members = check(sys.argv[1])
    if not members:
        found.append(f"{sys.argv[1]}: no member of PandaHooks is added by {patches} patches")
    print("\n".join(found) if found else f"{patches} patches add and call {members} members")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
