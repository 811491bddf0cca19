"""Takes names, numbers and prototypes of system calls from the kernel's headers."""

import re
from pathlib import Path

# The header with the numbers of calls, by ABI.
NUMBER_HEADERS = {"x86_64": "asm/unistd_64.h", "i386": "asm/unistd_32.h"}


def read_numbers(include, abi):
    """{number: name} from asm/unistd_64.h or asm/unistd_32.h."""
    text = (include / NUMBER_HEADERS[abi]).read_text()
    numbers = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)\n", text)}
    if len(numbers) < 300:
        raise SystemExit(f"{include / NUMBER_HEADERS[abi]} has only {len(numbers)} system calls")
    return numbers


def read_x32_numbers(include):
    """{number: name} of the calls of x32, without the bit that marks them."""
    text = (include / "asm/unistd_x32.h").read_text()
    return {int(number): name for name, number in
            re.findall(r"#define __NR_(\w+) \(__X32_SYSCALL_BIT \+ (\d+)\)\n", text)}


def read_prototypes(kernel):
    """{name: [(type, parameter's name or ""), ...]} from the declarations "asmlinkage long sys_...(...);"."""
    text = ""
    for header in ("linux/syscalls.h", "asm-generic/syscalls.h"):
        text += (kernel / header).read_text()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    prototypes = {}
    for name, parameters in re.findall(r"\basmlinkage long sys_(\w+)\(([^;]*)\);", text):
        prototypes.setdefault(name, split_parameters(parameters))
    return prototypes


def split_parameters(text):
    text = " ".join(text.split())
    if text in ("void", ""):
        return []
    return [split_parameter(parameter.strip()) for parameter in text.split(",")]


TYPE_WORDS = {"unsigned", "signed", "int", "long", "short", "char", "void", "const", "struct", "union", "enum",
              "__user", "volatile"}


def split_parameter(text):
    """"const char __user *name" gives ("const char *", "name"); a name may be missing."""
    text = text.replace("__user ", "").replace("__user", "")
    match = re.fullmatch(r"(.*?)(\w+)(\[\w*\])?", text)
    kind, name = (match.group(1).strip(), match.group(2)) if match else (text, "")
    if match and match.group(3):
        kind += " *"
    # A type alone, "int" or "struct x", has no name after it.
    if not kind or name in TYPE_WORDS or kind.split()[-1] in ("struct", "union", "enum"):
        return (text, "")
    return (kind, name)


def notation_by_type(kind, name):
    """How to write an argument if only the prototype is known: a token of knowledge/calls.table."""
    if "*" in kind:
        if kind.replace(" ", "") == "constchar*":
            return "path" if "name" in name or "path" in name else "string"
        return "address"
    if name in ("dfd", "dirfd", "olddfd", "newdfd"):
        return "dirfd"
    if name.endswith("fd"):
        return "fd"
    if kind == "umode_t":
        return "mode"
    if kind.endswith("_t") or "long" in kind:
        return "lu" if kind in ("size_t", "unsigned long") and name in ("size", "len", "count") else "lx"
    if "flags" in name:
        return "x"
    return "u" if "unsigned" in kind or kind.startswith(("u", "__u")) else "d"


KEYWORDS = {"new", "class", "delete", "private", "public", "template", "this", "operator", "namespace", "typename"}


def member_type(kind):
    """The C++ type of the member for a parameter: what its register holds, by size and sign."""
    if "*" in kind:
        return "uint64_t"
    words = set(kind.replace("const", "").split())
    if words & {"umode_t"}:
        return "uint16_t"
    if words & {"loff_t", "off_t", "long", "ssize_t", "aio_context_t", "u64", "__u64", "size_t", "old_sigset_t"}:
        return "uint64_t" if words & {"unsigned", "size_t", "u64", "__u64", "aio_context_t"} else "int64_t"
    if words & {"unsigned", "u32", "__u32", "uid_t", "gid_t", "qid_t", "uint32_t"}:
        return "uint32_t"
    return "int32_t"


def typed_call(name, prototype):
    """A C++ structure with the arguments of a call by their names."""
    kind = "".join(part.capitalize() for part in name.split("_")) + "Call"
    lines = [f"struct {kind} {{", f'    static constexpr const char* name = "{name}";']
    members, register, taken = [], [], set()
    for index, (c_type, parameter) in enumerate(prototype):
        member = parameter or f"argument{index}"
        if member in KEYWORDS or member in taken or member == "name":
            member += "_"
        taken.add(member)
        members.append((member_type(c_type), member))
        # On i386, 64 bits take two registers.
        register.append("loff_t" in c_type)
    lines += [f"    {kind_} {member} = 0;" for kind_, member in members]
    lines.append(f"    explicit {kind}([[maybe_unused]] const Call& made) {{")
    if members:
        lines.append("        RegisterReader registers(made);")
    for (kind_, member), wide in zip(members, register):
        lines.append(f"        this->{member} = static_cast<{kind_}>(registers.{'wide' if wide else 'next'}());")
    return "\n".join(lines + ["    }", "};"])
