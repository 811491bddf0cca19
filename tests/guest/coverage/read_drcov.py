"""Reads a drcov file as Lighthouse documents the format (plugins/lighthouse/reader/parsers/drcov.py and DynamoRIO's
drcov documentation): a text header, a module table of version 2, and 8 bytes for each block."""
import struct


def read(path):
    """Returns (modules, blocks): a list of (base, end, path), and a list of (module, start, size)."""
    with open(path, "rb") as file:
        data = file.read()

    def line():
        nonlocal data
        text, data = data.split(b"\n", 1)
        return text.decode()

    assert line() == "DRCOV VERSION: 2"
    assert line().startswith("DRCOV FLAVOR: ")
    name, _, rest = line().partition(": ")
    assert name == "Module Table"
    fields = dict(part.split(" ") for part in rest.split(", "))
    assert fields["version"] == "2", fields
    name, _, columns = line().partition(": ")
    assert name == "Columns"
    columns = columns.split(", ")
    modules = []
    for number in range(int(fields["count"])):
        row = dict(zip(columns, line().split(", ", len(columns) - 1)))
        assert int(row["id"]) == number
        modules.append((int(row["base"], 16), int(row["end"], 16), row["path"]))
    name, _, rest = line().partition(": ")
    count, unit = rest.split(" ")
    assert name == "BB Table" and unit == "bbs"
    assert len(data) == 8 * int(count), (len(data), count)
    blocks = []
    for start, size, module in struct.iter_unpack("<IHH", data):
        base, end, _ = modules[module]
        assert base + start + size <= end + 4096, (module, start)
        blocks.append((module, start, size))
    return modules, blocks
