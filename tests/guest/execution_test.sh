#!/bin/bash
# Tests the small analyzers of what was executed, against other ways to the same numbers.
. "$(dirname "$0")/common.sh"
panda-record -o ls.panda -- ls -l /proc >ls.out
panda-replay --quiet --trace ls.capnp ls.panda

# Instructions by address space are those of blocks, and all of them together the trace's.
panda-analyze asid_instr_count --json ls.capnp >asids
panda-analyze blocks --json --top 1 --no-names ls.capnp >hottest
panda-analyze track_intexc --json ls.capnp >served
# How often the hottest block's first instruction ran is how often the block ran.
pc=$(sed -n 's/^{"kind":"block","pc":"\([^"]*\)".*/\1/p' hottest)
panda-analyze pc_search --json --pc "$pc" ls.capnp >hits
panda-analyze pc_search --json --pc "$pc" --first-last-only ls.capnp >ends
panda-analyze coverage --mode instruction ls.capnp >instructions
panda-analyze memstats --json ls.capnp >accesses
panda-analyze mmio_trace --json ls.capnp >mmio
/usr/bin/python3 - "$pc" <<'PYTHON' || fail "numbers that do not agree"
import csv
import json
import sys


def lines(name):
    return [json.loads(line) for line in open(name)]


blocks = lines("hottest")
summary = blocks[0]
spaces = {line["asid"]: line["instructions"] for line in blocks if line["kind"] == "space"}
assert {line["asid"]: line["instructions"] for line in lines("asids")} == spaces
served = {line["kind"]: line for line in lines("served")}
assert sum(line["instructions"] for line in served.values()) == summary["instructions"]
assert served["interrupt"]["entered"] > 10 and served["exception"]["entered"] > 100
assert 0 < served["interrupt"]["instructions"] < summary["kernel"]
rows = [row for row in csv.DictReader(open("instructions")) if int(row["address"], 16) == int(sys.argv[1], 16)]
hits = lines("hits")
assert len(hits) == sum(int(row["executions"]) for row in rows), (len(hits), rows)
assert [hit["instr"] for hit in hits] == sorted(hit["instr"] for hit in hits)
ends = lines("ends")
assert [ends[0]["instr"], ends[-1]["instr"]] == [hits[0]["instr"], hits[-1]["instr"]]
counts = {line["kind"]: line for line in lines("accesses")}
for name in ("loads", "stores", "bytes_read", "bytes_written"):
    assert counts["all"][name] == counts["kernel"][name] + counts["user"][name] > 100000
mmio = lines("mmio")
assert mmio and all(line["pc"] != "0x0" and int(line["virt_addr"], 16) & 0xfff == int(line["phys_addr"], 16) & 0xfff for line in mmio)
assert "apic" in {line["dev_name"] for line in mmio}
print(f"ok: {len(hits)} executions found, {len(mmio)} accesses to devices")
PYTHON

# Instructions one by one: as many as blocks have, and pushes store the register that they name where rsp says.
panda-replay --quiet --registers --trace registers.capnp ls.panda
half=$(panda-trace info --json registers.capnp | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["end_instr"] // 2)')
window=(--from "$half" --to $((half + 400000)))
panda-analyze trace --registers --json "${window[@]}" registers.capnp >listed.json
panda-analyze trace --registers --format tenet "${window[@]}" registers.capnp >listed.tenet
panda-analyze blocks --json --top 1 --no-names "${window[@]}" registers.capnp >counted
/usr/bin/python3 - <<'PYTHON' || fail "instructions"
import json

names = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"]
registers, pushes, lines = {}, 0, 0
for line, tenet in zip(open("listed.json"), open("listed.tenet"), strict=True):
    one = json.loads(line)
    lines += 1
    fields = dict(word.split("=") for word in tenet.split(",") if not word.startswith("m"))
    assert fields["rip"].strip() == one["pc"]
    accesses = [word.strip() for word in tenet.split(",") if word.startswith("m")]
    assert accesses == [f"m{access['type'][0]}={access['address']}:{access['bytes']}" for access in one["accesses"]]
    if "registers" not in one:
        continue
    registers.update({name: int(value, 16) for name, value in one["registers"].items()})
    code = bytes.fromhex(one["code"])
    if len(code) == 1 and 0x50 <= code[0] < 0x58 and len(one["accesses"]) == 1:
        access = one["accesses"][0]
        assert access["type"] == "write" and int(access["address"], 16) == registers["rsp"] - 8
        assert int.from_bytes(bytes.fromhex(access["bytes"]), "little") == registers[names[code[0] - 0x50]]
        pushes += 1
assert lines == json.loads(open("counted").readline())["instructions"], lines
assert pushes > 500, pushes
print(f"ok: {lines} instructions listed, {pushes} pushes at the starts of blocks")
PYTHON
rm listed.json listed.tenet registers.capnp

# Processes: each run that asidstory tells, and the files that /proc tells.
panda-record -o maps.panda -- sh -c 'cat /proc/self/maps; ls / >/dev/null' >maps
panda-replay --quiet --trace maps.capnp maps.panda
panda-analyze proc_trace --json maps.capnp >processes
panda-analyze asidstory --json maps.capnp >story
panda-analyze loaded_libs --json --program-name cat maps.capnp >libraries
/usr/bin/python3 - <<'PYTHON' || fail "processes"
import json
lines = [json.loads(line) for line in open("processes")]
runs = [json.loads(line) for line in open("story") if '"kind":"running"' in line]
pids = [line["pid"] for line in lines]
story = [run["pid"] for run in runs]
squeezed = [pid for i, pid in enumerate(story) if i == 0 or pid != story[i - 1]]
assert [pid for i, pid in enumerate(pids) if i == 0 or pid != pids[i - 1]] == squeezed
assert {"cat", "ls"} <= {line["name"] for line in lines}
files = {}
for line in open("maps"):
    fields = line.split()
    if len(fields) == 6 and fields[5].startswith("/"):
        start, end = (int(text, 16) for text in fields[0].split("-"))
        base, size = files.get(fields[5], (start, 0))
        files[fields[5]] = (base, end - base)
found = [json.loads(line) for line in open("libraries")]
assert len(found) == 1
assert {module["file"]: (int(module["base_addr"], 16), module["size"]) for module in found[0]["modules"]} == files, (found, files)
print(f"ok: {len(lines)} processes got the processor, {len(files)} files mapped")
PYTHON
