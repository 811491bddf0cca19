"""Lets the compiler compute C expressions in the ABI of the guest's programs. Nothing is linked or run."""

import re
import subprocess
import tempfile
from pathlib import Path

ABI_OPTIONS = {"x86_64": "-m64", "i386": "-m32"}
# As in the kernel's asm-offsets, the compiler writes each value into its assembly; as a string, because clang parses
# what it writes.
MARK = "@value@"
# Headers of the C library that some of the kernel's headers include but do not need (linux/shm.h, until Linux 6.13).
# They are empty here, because this machine need not have a C library for the guest's ABI, but for what linux/if.h wants.
LIBRARY_TEXTS = {"sys/socket.h": "#pragma once\nstruct sockaddr { unsigned short sa_family; char sa_data[14]; };\n"}
LIBRARY_HEADERS = ("errno.h", "stdint.h", "stdlib.h", "string.h", "sys/ioctl.h", "sys/socket.h", "sys/time.h",
                   "sys/types.h", "time.h", "unistd.h")


class Compiler:
    def __init__(self, command, include, kernel):
        self.command = command
        self.include = include
        self.kernel = kernel
        # By ABI and headers, because many families share their headers.
        self.known_names, self.known_values = {}, {}

    def source(self, headers):
        """Includes the kernel's headers for programs. From the kernel's own headers, "kernel:…", it takes the constants."""
        text = "#include <linux/types.h>\n#include <linux/posix_types.h>\ntypedef __kernel_size_t size_t;\n"
        for header in headers:
            if header.startswith("kernel:"):
                text += constants_of((self.kernel / header[len("kernel:"):]).read_text())
            else:
                text += f"#include <{header}>\n"
        return text

    def run(self, abi, *arguments, source):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "source.c"
            path.write_text(source)
            for header in LIBRARY_HEADERS:
                empty = Path(directory) / "library" / header
                empty.parent.mkdir(parents=True, exist_ok=True)
                empty.write_text(LIBRARY_TEXTS.get(header, ""))
            command = [self.command, "-std=gnu11", "-w", ABI_OPTIONS[abi], "-nostdinc", "-isystem", str(self.include),
                       "-idirafter", str(Path(directory) / "library"), "-fno-asynchronous-unwind-tables", "-O1", *arguments,
                       "-o", "-", str(path)]
            result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr}\n{source}")
        return result.stdout

    def names(self, abi, headers):
        """The names of macros without arguments, and every word that looks like a constant of an enum."""
        key = (abi, headers)
        if key not in self.known_names:
            self.known_names[key] = self.read_names(abi, headers)
        return self.known_names[key]

    def read_names(self, abi, headers):
        text = self.run(abi, "-E", "-dD", source=self.source(headers))
        macros = set(re.findall(r"^#define (\w+) ", text, flags=re.MULTILINE))
        macros -= set(re.findall(r"^#undef (\w+)", text, flags=re.MULTILINE))
        for body in re.findall(r"\benum\b[^{};]*\{([^}]*)\}", text):
            body = re.sub(r"^#.*$", "", body, flags=re.MULTILINE)
            macros |= {match for match in re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", body)}
        return macros

    def values(self, abi, headers, expressions):
        """The values of constant expressions, as unsigned 64-bit numbers, in order."""
        known = self.known_values.setdefault((abi, headers), {})
        if missing := [expression for expression in dict.fromkeys(expressions) if expression not in known]:
            known.update(zip(missing, self.compute(abi, headers, missing)))
        return [known[expression] for expression in expressions]

    def compute(self, abi, headers, expressions):
        # In halves, because an operand on i386 has 32 bits.
        lines = [f'asm volatile(".ascii \\"{MARK} {number} %c0 %c1\\"" :: "i"((int)(long long)({expression})), '
                 f'"i"((int)((long long)({expression}) >> 32)));' for number, expression in enumerate(expressions)]
        source = self.source(headers) + "void values(void) {\n" + "\n".join(lines) + "\n}\n"
        mask = 2**32 - 1
        found = {int(number): int(low) & mask | (int(high) & mask) << 32 for number, low, high in
                 re.findall(MARK + r" (\d+) (-?\d+) (-?\d+)", self.run(abi, "-S", source=source))}
        return [found[number] for number in range(len(expressions))]


def constants_of(text):
    """The enums of a header of the kernel itself, and its macros that stand for a number or another macro."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    macros = re.findall(r"^#\s*define[ \t]+[A-Z]\w*[ \t]+[\w()<|\t ~-]+$", text, flags=re.MULTILINE)
    enums = re.findall(r"\benum\s*\w*\s*\{[^}]*\};", text)
    return "\n".join(macros + enums) + "\n"
