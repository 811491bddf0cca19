"""usage: compare_log.py EXECLOG INSTRUCTIONS EVENTS: holds the instructions that panda-analyze coverage counts against the
log that QEMU's plugin execlog wrote of the same replay. The plugin logs instructions that begin, coverage counts those that
come to their end; EVENTS (of panda-trace dump) has the exceptions that lie between."""
import collections
import csv
import json
import sys


def main():
    logged = collections.Counter()
    strings = set()
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        for text in file:
            fields = text.split(", ")
            if len(fields) < 3 or fields[0] != "0":
                continue
            address = int(fields[1], 16)
            logged[address] += 1
            # A repeated string instruction counts once for each time around, and its callback runs once.
            opcode = fields[2].removeprefix("0x")
            if "f2" in opcode or "f3" in opcode:
                strings.add(address)
    counted = collections.Counter()
    with open(sys.argv[3], encoding="utf-8") as file:
        for text in file:
            event = json.loads(text)
            # A fetch that faults (bit 4) has begun no instruction.
            if event.get("event") == "exception" and not int(event["error_code"], 16) & 0x10:
                counted[int(event["pc"], 16)] += 1
    with open(sys.argv[2], encoding="utf-8") as file:
        for row in csv.DictReader(file):
            counted[int(row["address"], 16)] += int(row["executions"])
    assert sum(logged.values()) > 100000, sum(logged.values())
    only_logged = sorted(logged.keys() - counted.keys())
    only_counted = sorted(counted.keys() - logged.keys())
    # The plugin logs an instruction when the next one begins, so the last one is missing.
    differ = [address for address in logged if logged[address] != counted[address] and address not in strings]
    missing = differ + only_counted
    if len(missing) == 1 and counted[missing[0]] == logged[missing[0]] + 1:
        differ, only_counted = [], []
    print(f"{sum(logged.values())} instructions logged, at {len(logged)} addresses; only logged: {len(only_logged)}, only counted: "
          f"{len(only_counted)}, counts that differ: {len(differ)}")
    for address in (only_logged + only_counted + differ)[:10]:
        print(f"  {address:#x}: logged {logged[address]}, counted {counted[address]}")
    return 1 if only_logged or only_counted or differ else 0


sys.exit(main())
