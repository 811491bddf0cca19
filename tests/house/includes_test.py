#!/usr/bin/env python3
"""Which folder may include which: reads the includes of the whole tree and fails on any that runs up.

usage: includes_test.py ROOT        checks the tree
       includes_test.py --self-test plants includes that run up into small trees and expects each to be found

The rules are those of trace/README.md (wings) and of docs/architecture.md (folders). Tests and documentation may
include anything.
"""
import os
import re
import sys
import tempfile

# Each wing of the trace library uses the values in trace/ itself, and the wings before it.
WINGS = ["format", "memory", "coding", "tcg", "reading", "writing", "pass", "moment", "edit", "proof"]

# What each folder may include beside itself. Below trace/ the order of the wings decides as well.
MAY_USE = {
    "common": [],
    "trace": ["common"],
    "kernelinfo": ["common", "trace"],
    "osi": ["kernelinfo", "trace", "common"],
    "analyzers": ["osi", "kernelinfo", "trace", "common"],
    "recorder": ["common"],
    "replayer": ["recorder", "trace", "common"],
    "tools": ["analyzers", "osi", "kernelinfo", "recorder", "replayer", "trace", "common"],
}

# Compiled against QEMU's or a kernel's own headers, which are not in this tree.
SEES_QEMU = ("recorder/", "replayer/")
SEES_KERNEL = ("kernelinfo/module/",)
QEMU_FOLDERS = ("qemu/", "exec/", "hw/", "tcg/", "accel/", "migration/", "monitor/", "qapi/", "qobject/", "qom/",
                "system/", "sysemu/", "io/", "block/", "target/", "chardev/", "ui/", "disas/", "cpu.h", "glib-compat.h")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = (".h", ".cc", ".c", ".cpp", ".hpp", ".inc")


def sources(root):
    for top in MAY_USE:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(SOURCES):
                    yield os.path.relpath(os.path.join(folder, name), root)


def wing_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "trace" and len(parts) > 2 else None


def resolved(path, quote, included, root):
    """What an include leads to, from the root: a quoted one is looked for beside the file first, as compilers do."""
    if quote == '"':
        beside = os.path.normpath(os.path.join(os.path.dirname(path), included))
        if not beside.startswith("..") and os.path.exists(os.path.join(root, beside)):
            return beside
    return included


def complaint(path, included, root):
    """Why `path` may not include `included`, or None."""
    top = path.split("/")[0]
    target = included.split("/")[0]
    if "/" in included and target not in MAY_USE and os.path.exists(os.path.join(root, included)):
        return f"{target}/ has no place in the order"
    if "/" in included and target in MAY_USE and os.path.exists(os.path.join(root, included)):
        if target != top and target not in MAY_USE[top]:
            return f"{top}/ may not use {target}/"
        if target == "trace" and top == "trace":
            below, own = wing_of(included), wing_of(path)
            if below is None or below == own:
                return None
            if own is None:
                return f"trace/ itself may not use its wing {below}/"
            if below not in WINGS or own not in WINGS:
                return f"wing {below if below not in WINGS else own}/ has no place in the order"
            if WINGS.index(below) > WINGS.index(own):
                return f"wing {own}/ stands before {below}/"
        return None
    if included.startswith(QEMU_FOLDERS) and not path.startswith(SEES_QEMU + SEES_KERNEL):
        if not os.path.exists(os.path.join(root, os.path.dirname(path), included)):
            return "only recorder/ and replayer/ may see QEMU's headers"
    return None


def check(root):
    found = []
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        for match in INCLUDE.finditer(text):
            why = complaint(path, resolved(path, match.group(1), match.group(2), root), root)
            if why:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path}:{line}: includes {match.group(2)}: {why}")
    return found


def self_test():
    """Each case: a file, what it includes, and whether that must be found."""
    cases = [
        ("trace/coding/streams.cc", "../pass/pass.h", True),
        ("trace/coding/streams.cc", "../../osi/osi.h", True),
        ("trace/pass/shards.cc", "../coding/streams.h", False),
        ("trace/types.cc", "pass/pass.h", True),
        ("trace/coding/streams.cc", "newfolder/thing.h", True),
        ("trace/format/message.h", "trace/coding/streams.h", True),
        ("trace/coding/streams.cc", "trace/format/message.h", False),
        ("trace/reading/reader.h", "trace/writing/writer.h", True),
        ("trace/types.h", "trace/format/message.h", True),
        ("trace/proof/verify.cc", "trace/pass/pass.h", False),
        ("trace/new_wing/thing.h", "trace/format/message.h", True),
        ("trace/pass/pass.h", "osi/osi.h", True),
        ("osi/osi.h", "analyzers/osi/text.h", True),
        ("kernelinfo/btf.h", "osi/osi.h", True),
        ("analyzers/osi/text.h", "osi/osi.h", False),
        ("analyzers/osi/text.h", "replayer/engine/tracer.h", True),
        ("common/bytes.h", "trace/types.h", True),
        ("trace/types.h", "exec/memory.h", True),
        ("analyzers/osi/text.h", "qemu/osdep.h", True),
        ("recorder/engine/glue.c", "qemu/osdep.h", False),
        ("replayer/engine/tracer.h", "trace/writing/writer.h", False),
        ("recorder/engine/recorder.h", "trace/types.h", True),
    ]
    for path, included, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            for name, text in ((included, ""), (path, f'#include "{included}"\n')):
                if name == included and name.startswith(QEMU_FOLDERS):
                    continue
                # A path that is not from the root is beside the file that includes it.
                if name == included and (name.startswith("..") or name.startswith("pass/")):
                    name = os.path.normpath(os.path.join(os.path.dirname(path), name))
                os.makedirs(os.path.join(root, os.path.dirname(name)), exist_ok=True)
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(text)
            found = check(root)
        if bool(found) != expected:
            print(f"{path} includes {included}: expected {'a complaint' if expected else 'none'}, got {found}")
            return 1
    print(f"{len(cases)} planted includes judged rightly")
    return 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--self-test":
        return self_test()
    files = sum(1 for _ in sources(sys.argv[1]))
    if files < 100:
        print(f"only {files} sources below {sys.argv[1]}: not this project's tree")
        return 1
    found = check(sys.argv[1])
    print("\n".join(found) if found else f"{files} files: no include runs up")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
