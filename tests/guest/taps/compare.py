#!/usr/bin/env python3
"""What the program of plant.c does, against what analyzers say of it.

usage: compare.py WHAT …    in the directory of taps_test.sh
"""
import collections
import gzip
import json
import re
import struct
import subprocess
import sys

TEXT = b"planted: seed of a tree"
WHOLE = TEXT + b"\0"
# Function, direction and caller's function of each place, and how often the text passes there.
PLACES = {("decode", "write", "first_caller"): 3, ("decode", "write", "second_caller"): 5, ("sum", "read", "main"): 7,
          ("copy", "read", "main"): 2, ("copy", "write", "main"): 2}


def functions():
    found = []
    with open("functions", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if len(words) == 4 and words[2] in "tT":
                found.append((int(words[0], 16), int(words[1], 16), words[3].split(".")[0]))
    return found


FUNCTIONS = functions()


def name(address):
    return next((one for begin, size, one in FUNCTIONS if begin <= address < begin + size), None)


def json_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def taps_of_program():
    """The taps that matched, by place; and the address space."""
    places = {}
    asids = set()
    for line in json_lines("matches"):
        if line["kind"] == "match":
            tap = tuple(int(line[one], 16) for one in ("caller", "pc", "asid"))
            places.setdefault((name(tap[1]), line["direction"], name(tap[0])), set()).add(tap)
            asids.add(tap[2])
    assert all(len(taps) == 1 for taps in places.values()), places
    return {place: taps.pop() for place, taps in places.items()}, asids


def stringsearch():
    counts = collections.Counter()
    for line in json_lines("matches"):
        if line["kind"] == "match":
            assert line["string"] == 0
            counts[name(int(line["pc"], 16)), line["direction"], name(int(line["caller"], 16))] += 1
    assert counts == PLACES, counts
    _, asids = taps_of_program()
    assert len(asids) == 1 and asids != {0}, asids
    taps = [line for line in json_lines("matches") if line["kind"] == "tap"]
    assert len(taps) == len(PLACES)
    for tap in taps:
        assert tap["function"] == name(int(tap["pc"], 16)), tap
        assert tap["callers"][0]["function"] == name(int(tap["caller"], 16)), tap
    with open("stringsearch_string_matches.txt", encoding="ascii") as file:
        lines = [line.split() for line in file]
    assert len(lines) == len(PLACES)
    found = sorted((name(int(line[-4], 16)), name(int(line[-5], 16)), int(line[-2]), int(line[-1])) for line in lines)
    assert found == sorted((pc, caller, count, 0) for (pc, _, caller), count in PLACES.items()), found
    # The outermost caller comes first, so main is somewhere before the last.
    assert all("main" in [name(int(word, 16)) for word in line[:-3]] for line in lines), lines
    print(f"ok: {sum(counts.values())} matches at {len(counts)} taps")


def histograms(path):
    with open(path, "rb") as file:
        data = file.read()
    assert struct.unpack_from("<I", data)[0] == 8
    assert (len(data) - 4) % 1048 == 0
    return {struct.unpack_from("<3Q", data, at): struct.unpack_from("<256I", data, at + 24)
            for at in range(4, len(data), 1048)}


def expected_histogram(count):
    counts = collections.Counter(WHOLE)
    return tuple(counts[byte] * count for byte in range(256))


def statistics():
    taps, _ = taps_of_program()
    unigrams = {"read": histograms("unigram_mem_read_report.bin"), "write": histograms("unigram_mem_write_report.bin")}
    finder = histograms("mem_report.bin")
    assert finder == unigrams["write"]
    sizes = {}
    for direction in ("read", "write"):
        with open(f"tap_{direction}s.idx", "rb") as file:
            data = file.read()
        sizes[direction] = {struct.unpack_from("<3Q", data, at): struct.unpack_from("<Q", data, at + 24)[0]
                            for at in range(4, len(data), 32)}
        # The same taps as unigrams, but for loads whose values are not known: those from devices.
        both = set(sizes[direction]) & set(unigrams[direction])
        assert len(both) >= 0.99 * len(sizes[direction]) and len(both) == len(unigrams[direction])
        if direction == "write":
            assert all(sum(unigrams[direction][tap]) == sizes[direction][tap] for tap in both)
        keys = list(sizes[direction])
        assert keys == sorted(keys, key=lambda tap: (tap[1], tap[0], tap[2]))
    for place, count in PLACES.items():
        assert unigrams[place[1]][taps[place]] == expected_histogram(count), place
        assert sizes[place[1]][taps[place]] == len(WHOLE) * count, place
    with open("bigram_mem_report.bin", "rb") as file:
        data = file.read()
    bigrams, at = {}, 4
    while at < len(data):
        tap, number = struct.unpack_from("<3Q", data, at), struct.unpack_from("<I", data, at + 24)[0]
        bigrams[tap] = dict(struct.unpack_from("<HI", data, at + 28 + 6 * i) for i in range(number))
        at += 28 + 6 * number
    stream = WHOLE * PLACES["decode", "write", "second_caller"]
    pairs = collections.Counter(stream[i] << 8 | stream[i + 1] for i in range(len(stream) - 1))
    assert bigrams[taps["decode", "write", "second_caller"]] == pairs
    with open("correlated_taps.bin", "rb") as file:
        data = file.read()
    pairs = [(struct.unpack_from("<6Q", data, at), struct.unpack_from("<i", data, at + 48)[0]) for at in range(0, len(data), 52)]
    halves = [(pair, count) for pair, count in pairs if name(pair[1]) == "halves" and name(pair[4]) == "halves"]
    assert len(halves) == 1 and halves[0][1] >= 11, halves
    with gzip.open("memstrings_strings.txt.gz", "rt", encoding="ascii") as file:
        found = sum(line.rstrip("\n").split(":", 2)[1:] == ["A", TEXT.decode()] for line in file)
    assert found == sum(PLACES.values()), found
    print(f"ok: {len(unigrams['read'])} and {len(unigrams['write'])} taps have the bytes that they should")


def tap(function, caller):
    taps, _ = taps_of_program()
    print(*(f"{one:x}" for one in next(tap for place, tap in taps.items() if (place[0], place[2]) == (function, caller))))


def printed():
    with gzip.open("write_tap_buffers.txt.gz", "rt", encoding="ascii") as file:
        lines = [line.split() for line in file]
    assert bytes(int(line[-1], 16) for line in lines) == WHOLE * PLACES["decode", "write", "first_caller"], lines
    text = said_addresses()["text"]
    assert [int(line[3], 16) - text for line in lines] == list(range(len(WHOLE))) * 3
    assert all(name(int(line[0], 16)) == "first_caller" and name(int(line[1], 16)) == "decode" for line in lines)
    with gzip.open("read_tap_buffers.txt.gz", "rt", encoding="ascii") as file:
        assert file.read() == ""
    with open("read_tap_buffers.txt", "rb") as file:
        assert file.read() == WHOLE * PLACES["sum", "read", "main"]
    print("ok: the bytes of both taps are printed")


def said_addresses():
    with open("said", encoding="utf-8", errors="replace") as file:
        said = file.read()
    found = {what: int(address, 16) for what, address in re.findall(r"(\w+) 0x([0-9a-f]+)", said)}
    found["jiffies"] = int(re.search(r"^([0-9a-f]{16}) \w jiffies_64$", said, re.MULTILINE)[1], 16)
    return found


def ever():
    lives = json_lines("ever")
    story = [(line["begin"].get("function"), line["end"].get("function")) for line in lives]
    assert sorted(story) == [("copy", "halves"), ("decode", "wipe"), ("decode", "wipe")], lives
    print("ok: the text came and went three times")


def found():
    places = json_lines("places")
    assert len(places) == 1, places
    assert hex(said_addresses()["text"]) in places[0]["virtual"], places


def frame(address, instr):
    """The physical page behind an address, by a walk through the page tables that asks for each entry."""
    answer = subprocess.run(["panda-analyze", "memory", "read", address, "1", "--at", instr, "--json", "run.capnp"],
                            check=True, capture_output=True)
    assert answer.stdout
    cr3 = next(iter(taps_of_program()[1]))
    table = cr3
    for shift in (39, 30, 21, 12):
        place = table + (int(address, 16) >> shift & 511) * 8
        out = subprocess.run(["panda-analyze", "memory", "read", hex(place), "8", "--physical", "--at", instr, "--json",
                              "run.capnp"], check=True, capture_output=True, text=True).stdout
        entry = int.from_bytes(bytes.fromhex(json.loads(out)["data"]), "little")
        table = entry & 0x000ffffffffff000
        if shift in (30, 21) and entry & 0x80:
            print((table & ~((1 << shift) - 1) | int(address, 16) & ((1 << shift) - 1)) >> 12)
            return
    print(table >> 12)


def history(what):
    with open("plain", encoding="ascii") as file:
        plain = [line.split() for line in file]
    lines = json_lines("accesses")
    found = [[str(line["instr"]), line["access"], line["pc"][2:], str(line["size"]), line["address"][2:], line["value"][2:]]
             for line in lines if line["kind"] == "access" and line["by"] == "store"]
    assert len(found) > 0
    others = sum(line["kind"] == "access" and line["by"] != "store" for line in lines)
    # Accesses of the processor itself are in both, but plain does not say which they are.
    if others:
        processor = {(line["instr"], line["address"][2:]) for line in lines if line["kind"] == "access" and line["by"] == "processor"}
        plain = [line for line in plain if (int(line[0]), line[4]) not in processor]
    assert found == plain, (len(found), len(plain), [one for one in found if one not in plain][:3],
                            [one for one in plain if one not in found][:3])
    print(f"ok: {what}: {len(found)} accesses, {others} of the processor and of devices")


if __name__ == "__main__":
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == "address":
        print(hex(said_addresses()[arguments[0]]))
    else:
        {"stringsearch": stringsearch, "statistics": statistics, "tap": tap, "printed": printed, "ever": ever, "found": found,
         "frame": frame, "history": history}[what](*arguments)
