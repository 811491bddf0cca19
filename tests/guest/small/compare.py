"""Compares what signal, loaded, memorymap and bufmon found with what small.c printed."""
import json
import re


def lines(name):
    return [json.loads(line) for line in open(name)]


said = open("said").read()
pid = int(re.search(r"^self (\d+)$", said, re.M).group(1))
child = int(re.search(r"^child (\d+) killed by 11$", said, re.M).group(1))
signals = [(line["number"], line["target_pid"], line["source_pid"]) for line in lines("signals")]
expected = [(int(number), pid, int(sender)) for number, sender in re.findall(r"^signal (\d+) from (\d+)$", said, re.M)]
assert len(expected) == 4 and signals[:4] == expected, (signals, expected)
# The kernel drops SIGCHLD, which the program neither handles nor ignores.
assert sorted(signals[4:]) == [(10, pid, child), (11, child, 0)], signals
assert all(line["source"] == ("kernel" if line["source_pid"] == 0 else "small") for line in lines("signals"))

# The program itself and its loader are mapped by the kernel, libraries by the loader.
mapped = {}
for start, end, path in re.findall(r"^map ([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+ +(/\S+)$", said, re.M):
    mapped[path] = (int(start, 16), int(end, 16) - int(start, 16))
found = {line["file"]: (int(line["base"], 16), line["size"]) for line in lines("mappings")}
libraries = {path: place for path, place in mapped.items() if "libc.so" in path}
assert libraries and set(found) == set(libraries), (found, libraries)
for path, (start, size) in libraries.items():
    base, length = found[path]
    assert base <= start and start + size <= base + length, (path, found, libraries)
    assert (size + 4095) // 4096 == (length + 4095) // 4096, (path, found, libraries)

# All stores in order, and every load sees what was stored there last.
accesses = lines("accesses")
start = int(re.search(r"^buffer ([0-9a-f]+)$", said, re.M).group(1), 16)
own = [access for access in accesses if int(access["asid"], 16) == int(accesses[0]["asid"], 16)]
values = [int.from_bytes(bytes.fromhex(access["bytes"]), "little") for access in own if access["direction"] == "write"
          and int(access["address"], 16) < start + 12 and access["size"] == 4]
assert values[-3:] == [0x01020304, 0x02040608, 0x0306090C], [hex(value) for value in values]
memory = {}
for access in own:
    for place, byte in enumerate(bytes.fromhex(access["bytes"]), int(access["address"], 16)):
        if access["direction"] == "write":
            memory[place] = byte
        else:
            assert memory.get(place, byte) == byte, access
reads = [access for access in own if access["direction"] == "read"]
assert len(reads) >= 7, len(reads)
# The handler runs for each signal that is handled, in the program; waitpid in the library.
places = lines("places")
handled = [line for line in places if line["image_path"] == "/tmp/small"]
waited = [line for line in places if line["image_path"] in libraries]
assert len(handled) == 5 and len(waited) >= 1 and len(places) == len(handled) + len(waited), places
assert all((line["process"], line["pid"], line["in_kernel"]) == ("small", pid, False) for line in places), places

print(f"ok: {len(signals)} signals, {len(found)} libraries, {len(own)} accesses as the program says")
