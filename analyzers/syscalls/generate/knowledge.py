"""Reads the tables in knowledge/, which have what the kernel's headers do not say."""

import re


def read_lines(path):
    """(number, text) of the lines that are not empty. A line that starts with a space continues the one before."""
    entries = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#", 1)[0].rstrip()
        if not line:
            continue
        if line[0] == " " and entries:
            entries[-1] = (entries[-1][0], entries[-1][1] + line)
        else:
            entries.append((number, line))
    return entries


class Family:
    """A family of constants: NAME  HEADER,…  [=UNKNOWN]  PATTERN…"""

    def __init__(self, words):
        self.name, headers, *patterns = words
        self.headers = tuple(headers.split(","))
        self.unknown = None
        if patterns[0].startswith("="):
            self.unknown = patterns.pop(0)[1:]
        # NAME=VALUE stands for a constant that no header of the kernel has.
        self.include = [pattern for pattern in patterns if not pattern.startswith("!")]
        self.exclude = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
        if self.unknown is None:
            wild = [pattern for pattern in self.include if "*" in pattern]
            self.unknown = wild[-1].replace("*", "???") if wild else "???"

    def select(self, names):
        """The names, in the order of the patterns: a list for each pattern. A whole name is never excluded."""
        groups, taken = [], set()
        for pattern in self.include:
            if "=" in pattern:
                groups.append([pattern])
                continue
            group = [name for name in names if name not in taken and matches(pattern, name) and
                     (pattern == name or not any(matches(other, name) for other in self.exclude))]
            taken.update(group)
            groups.append(group)
        return groups


def matches(pattern, name):
    return re.fullmatch(re.escape(pattern).replace(r"\*", r"\w*"), name) is not None


class Structure:
    """NAME  HEADER,…  C TYPE [/ C TYPE of i386] : [LABEL=]FIELD:NOTATION …"""

    def __init__(self, text):
        head, body = re.split(r"\s:\s", text, maxsplit=1)
        self.name, headers, types = head.split(None, 2)
        self.headers = tuple(headers.split(","))
        types = [kind.strip() for kind in types.split("/")]
        self.types = {"x86_64": types[0], "i386": types[-1]}
        self.fields = []
        for word in body.split():
            match = re.fullmatch(r"(?:([\w.]+)=)?([\w.\[\]]+):(.*)", word)
            if not match:
                raise SystemExit(f"structs.table: {word!r} is not a field")
            self.fields.append((match.group(1) or match.group(2), match.group(2), match.group(3)))


def read_families(path):
    return {family.name: family for family in (Family(text.split()) for _, text in read_lines(path))}


def read_structures(path):
    return {structure.name: structure for structure in (Structure(text) for _, text in read_lines(path))}


class Call:
    """[i386] NAME[,NAME…]  NOTATION…  [-> RESULT]  [~ RESTART], or NAME[CONSTANT,…]  NOTATION…  [-> RESULT]"""

    def __init__(self, text):
        words = text.split()
        self.only = words.pop(0) if words[0] in ("i386", "x86_64") else None
        names, _, constants = words.pop(0).partition("[")
        self.names = names.split(",")
        # The argument that has constants has one of these.
        self.constants = constants.rstrip("]").split(",") if constants else []
        self.result, self.restart = "number", None
        if "~" in words:
            place = words.index("~")
            self.restart, words = words[place + 1], words[:place]
        if "->" in words:
            place = words.index("->")
            self.result, words = words[place + 1], words[:place]
        self.arguments = words


def read_calls(path, abi):
    """({name: Call}, {name: [Call for some constants]}) for an ABI. A line for this ABI alone overrides one for both."""
    calls, variants = {}, {}
    for _, text in read_lines(path):
        call = Call(text)
        if call.only not in (None, abi):
            continue
        for name in call.names:
            if call.constants:
                variants.setdefault(name, []).append(call)
            elif name not in calls or calls[name].only is None:
                calls[name] = call
    return calls, variants


def read_groups(path):
    """{group: names}, as far as groups do not follow from the arguments."""
    return {words[0]: words[1:] for words in (text.split() for _, text in read_lines(path))}
