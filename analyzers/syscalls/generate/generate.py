#!/usr/bin/python3
"""Writes the tables of system calls (see ../description.h) as C++: tables.cc, tables.h, typed_calls.h.

usage: generate.py --headers DIRECTORY --knowledge DIRECTORY --compiler COMMAND --output DIRECTORY

The directory of headers has include/ and kernel/ as tools/setup.sh unpacks them.
"""

import argparse
import re
from pathlib import Path

from compiler import Compiler
from knowledge import read_calls, read_families, read_groups, read_structures
from prototypes import notation_by_type, read_numbers, read_prototypes, read_x32_numbers, typed_call

ABIS = ("x86_64", "i386")
# Plain numbers: the function of the notation, and the size of such an argument in bytes (0 = a word of the ABI).
NUMBERS = {}
for letter, function in (("d", "decimal"), ("u", "unsigned_decimal"), ("x", "hexadecimal"), ("o", "octal")):
    NUMBERS[letter] = (function, 4)
    NUMBERS["l" + letter] = (function, 0)
    NUMBERS[letter + "64"] = (function, 8)
# An argument that is the address of a value.
POINTED = {"in:": "pointed_in", "out:": "pointed_out"}
# Arguments that each take two registers on i386, and those that do on both ABIs.
WIDE = ("offset64", "flags64")
PAIRS = ("offset_pair",)


class Generator:
    def __init__(self, compiler, knowledge, include, kernel):
        self.compiler = compiler
        self.families = read_families(knowledge / "constants.table")
        self.structures = read_structures(knowledge / "structs.table")
        self.groups = read_groups(knowledge / "groups.table")
        self.calls, self.variants = {}, {}
        for abi in ABIS:
            self.calls[abi], self.variants[abi] = read_calls(knowledge / "calls.table", abi)
        self.numbers = {abi: read_numbers(include, abi) for abi in ABIS}
        self.x32_numbers = read_x32_numbers(include)
        self.prototypes = read_prototypes(kernel)
        self.out = []
        if both := self.families.keys() & self.structures.keys():
            raise SystemExit(f"in constants.table and in structs.table: {', '.join(sorted(both))}")

    def generate(self):
        self.out.append('#include "analyzers/syscalls/tables.h"\n\n#include "analyzers/syscalls/notation.h"\n\nnamespace panda::syscalls {\nnamespace {\n')
        self.write_families()
        self.write_layouts()
        for abi in ABIS:
            self.write_calls(abi)
        self.write_x32_calls()
        self.out.append("}  // namespace\n")
        self.write_access()
        self.out.append("}  // namespace panda::syscalls\n")
        return "\n".join(self.out)

    def generate_header(self):
        """Declares what write_access() defines."""
        lines = ["#pragma once", "", '#include "analyzers/syscalls/description.h"', "", "namespace panda::syscalls {"]
        lines += [f"std::span<const CallDescription> {abi}_calls();" for abi in ABIS]
        lines.append("std::span<const X32Call> x32_calls();")
        lines += [f"const Family& {name}_constants();" for name in self.families]
        lines += [f"const Layout& {name}_layout();" for name in self.structures]
        return "\n".join(lines) + "\n}  // namespace panda::syscalls\n"

    def generate_typed_calls(self):
        """The arguments of every call that has a prototype and a number."""
        lines = ["#pragma once", "", '#include "analyzers/syscalls/register_reader.h"', "",
                 "namespace panda::syscalls {"]
        known = set().union(*(self.numbers[abi].values() for abi in ABIS))
        lines += [typed_call(name, prototype) for name, prototype in sorted(self.prototypes.items())
                  if name in known and len(prototype) <= 6]
        return "\n\n".join(lines) + "\n\n}  // namespace panda::syscalls\n"

    # --- constants ---

    def compute_constants(self):
        """Has the constants of all families with the same headers computed at once."""
        wanted = {}
        for family in self.families.values():
            for abi in ABIS:
                for group in family.select(self.compiler.names(abi, family.headers)):
                    wanted.setdefault((abi, family.headers), []).extend(name.partition("=")[2] or name for name in group)
        for (abi, headers), expressions in wanted.items():
            self.compiler.values(abi, headers, expressions)

    def write_families(self):
        self.compute_constants()
        for family in self.families.values():
            spans = []
            for abi in ABIS:
                constants = self.constants(family, abi)
                if not constants:
                    raise SystemExit(f"constants.table: {family.name} has no constants")
                name = f"constants_{family.name}_{abi}"
                values = ", ".join(f'{{{value:#x}u, "{text}"}}' for value, text in constants)
                self.out.append(f"constexpr Constant {name}[] = {{{values}}};")
                spans.append(name)
            self.out.append(f'constexpr Family family_{family.name} = '
                            f'{{"{family.unknown}", {{{{{spans[0]}, {spans[1]}}}}}}};\n')

    def constants(self, family, abi):
        """[(value, name)] in the order of the patterns, and by value within a pattern; one name for each value."""
        groups = family.select(self.compiler.names(abi, family.headers))
        names = [name for group in groups for name in group]
        expressions = [name.partition("=")[2] or name for name in names]
        values = dict(zip(names, self.compiler.values(abi, family.headers, expressions)))
        constants, taken = [], set()
        for group in groups:
            for name in sorted(group, key=lambda name: (values[name], len(name), name)):
                if values[name] not in taken:
                    taken.add(values[name])
                    constants.append((values[name], name.partition("=")[0]))
        return constants

    # --- structures ---

    def write_layouts(self):
        names = list(self.structures)
        for name in names:
            self.out.append(f"extern const Layout layout_{name};")
        for structure in self.structures.values():
            layouts = [self.layout(structure, abi) for abi in ABIS]
            fields = []
            for (label, _, notation), offset, size in zip(structure.fields, zip(*[layout[1] for layout in layouts]),
                                                          zip(*[layout[2] for layout in layouts])):
                fields.append(f'    {{"{label}", {{{{{offset[0]}, {offset[1]}}}}}, {{{{{size[0]}, {size[1]}}}}}, '
                              f'{self.notation(notation, 0)}}}')
            self.out.append(f"const Field fields_{structure.name}[] = {{\n" + ",\n".join(fields) + "};")
            self.out.append(f"const Layout layout_{structure.name} = "
                            f"{{{{{{{layouts[0][0]}, {layouts[1][0]}}}}}, fields_{structure.name}}};\n")

    def layout(self, structure, abi):
        """(size, offsets, sizes of the fields)"""
        kind = structure.types[abi]
        members = [member for _, member, _ in structure.fields]
        expressions = [f"sizeof({kind})"]
        expressions += [f"__builtin_offsetof({kind}, {member})" for member in members]
        expressions += [f"sizeof((({kind} *)0)->{member})" for member in members]
        values = self.compiler.values(abi, structure.headers, expressions)
        return values[0], values[1:1 + len(members)], values[1 + len(members):]

    # --- notations ---

    def notation(self, token, position):
        """The C++ for a token of calls.table or structs.table: NAME or NAME(PARAMETER,…), with in: or out: before it."""
        match = re.fullmatch(r"(in:|out:)?(\w+)(?:\(([\w,]*)\))?", token)
        if not match:
            raise SystemExit(f"{token!r} is not a notation")
        name, parameters = match.group(2), (match.group(3) or "").split(",")
        pointed = f"&notation::{POINTED[match.group(1)]}, " if match.group(1) else ""
        function, size = NUMBERS.get(name, (name, 4))
        if name in ("address", "path", "string"):
            size = 0
        if name.startswith("word_"):
            function, size = name[len("word_"):], 0
        families, layout, numbers = [], "nullptr", []
        for parameter in filter(None, parameters):
            if parameter == "return":
                numbers.append("returned")
            elif parameter.isdigit():
                numbers.append(parameter)
            elif parameter in self.families:
                families.append(f"&family_{parameter}")
            elif parameter in self.structures:
                layout = f"&layout_{parameter}"
            else:
                raise SystemExit(f"{token!r}: {parameter} is neither in constants.table nor in structs.table")
        families = (families + ["nullptr", "nullptr"])[:2]
        numbers = (numbers + ["0", "0"])[:2]
        return (f"{{{pointed}&notation::{function}, {{{{{families[0]}, {families[1]}}}}}, {layout}, "
                f"{{{{{numbers[0]}, {numbers[1]}}}}}, {size}, {position}}}")

    # --- calls ---

    def write_calls(self, abi):
        entries = []
        numbered = sorted(self.numbers[abi].items())
        # Calls that only socketcall and ipc make have no number. They follow those that have one.
        known = set(self.numbers[abi].values())
        others = [(2**32 - 1, name) for name in sorted(self.calls[abi]) if name not in known and abi == "i386"
                  and name in self.groups["network"] + self.groups["ipc"]]
        for number, name in numbered + others:
            call = self.calls[abi].get(name)
            tokens, result, restart = self.describe(name, call)
            form = self.form(abi, tokens, result, f"{abi}_{name}")
            variants = self.write_variants(abi, name)
            entries.append(f'    {{{number}u, "{name}", {form}, {variants}, {restart}, {self.group_bits(name, tokens)}}}')
        self.out.append(f"const CallDescription calls_{abi}[] = {{\n" + ",\n".join(entries) + "};\n")

    def form(self, abi, tokens, result, name):
        """Writes the notations of a call, and returns the C++ for its CallForm."""
        notations, position = [], 0
        for token in tokens:
            notations.append(self.notation(token, position))
            kind = token.split("(")[0]
            position += 2 if kind in PAIRS or (abi == "i386" and kind in WIDE) else 1
        arguments = "{}"
        if notations:
            arguments = f"arguments_{name}"
            self.out.append(f"const Notation {arguments}[] = {{\n    " + ",\n    ".join(notations) + "};")
        function, _, family = result.rstrip(")").partition("(")
        if family and family not in self.families:
            raise SystemExit(f"{result!r}: {family} is not in constants.table")
        return f"{{{arguments}, &notation::result_{function}, {f'&family_{family}' if family else 'nullptr'}}}"

    def write_variants(self, abi, name):
        """Writes the forms that a call has for some constants, and returns the name of their table."""
        rows = []
        for number, call in enumerate(self.variants[abi].get(name, [])):
            selector = next((i for i, token in enumerate(call.arguments) if re.match(r"(word_)?(one|decimal_one|flags)\(", token)), None)
            if selector is None:
                raise SystemExit(f"calls.table: {name}{call.constants} has no argument with constants")
            family = self.families[re.search(r"\((\w+)", call.arguments[selector]).group(1)]
            form = self.form(abi, call.arguments, call.result, f"{abi}_{name}_{number}")
            for value in self.compiler.values(abi, family.headers, call.constants):
                rows.append(f"    {{{value & 0xffffffff:#x}u, {selector}, {form}}}")
        if not rows:
            return "{}"
        self.out.append(f"const Variant variants_{abi}_{name}[] = {{\n" + ",\n".join(rows) + "};")
        return f"variants_{abi}_{name}"

    def write_x32_calls(self):
        """The places among the calls of x86_64 of those that x32 has, by number."""
        places = {name: place for place, (_, name) in enumerate(sorted(self.numbers["x86_64"].items()))}
        rows = [f"    {{{number}u, {places[name]}u}}" for number, name in sorted(self.x32_numbers.items()) if name in places]
        self.out.append("const X32Call calls_x32[] = {\n" + ",\n".join(rows) + "};\n")

    def describe(self, name, call):
        """(notations, result, kernel's error for an interrupted call), from the table or else from the prototype."""
        if call:
            restart = f"Restart::{call.restart}" if call.restart else "Restart::system"
            return call.arguments, call.result, restart
        prototype = self.prototypes.get(name)
        # Calls without a prototype (they belong to other processors, or are gone from the kernel) show their registers.
        tokens = ["lx"] * 6 if prototype is None else [notation_by_type(*parameter) for parameter in prototype]
        return tokens, "number", "Restart::system"

    def group_bits(self, name, tokens):
        """strace's classes of a call. Most of those about files and descriptors follow from the arguments."""
        groups = {group for group, names in self.groups.items() if name in names}
        if any(token.startswith("path") for token in tokens):
            groups.add("file")
        if "network" not in groups and any(token.startswith(("fd", "dirfd")) for token in tokens):
            groups.add("desc")
        groups -= {group for group, names in self.groups.items() if "-" + name in names}
        return " | ".join(f"group_{group}" for group in sorted(groups)) or "0"

    def write_access(self):
        for abi in ABIS:
            self.out.append(f"std::span<const CallDescription> {abi}_calls() {{ return calls_{abi}; }}")
        self.out.append("std::span<const X32Call> x32_calls() { return calls_x32; }")
        for name in self.families:
            self.out.append(f"const Family& {name}_constants() {{ return family_{name}; }}")
        for name in self.structures:
            self.out.append(f"const Layout& {name}_layout() {{ return layout_{name}; }}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--headers", "--knowledge", "--output"):
        parser.add_argument(option, required=True, type=Path)
    parser.add_argument("--compiler", required=True)
    options = parser.parse_args()
    include, kernel = options.headers / "include", options.headers / "kernel"
    generator = Generator(Compiler(options.compiler, include, kernel), options.knowledge, include, kernel)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "tables.cc").write_text(generator.generate())
    (options.output / "tables.h").write_text(generator.generate_header())
    (options.output / "typed_calls.h").write_text(generator.generate_typed_calls())


if __name__ == "__main__":
    main()
