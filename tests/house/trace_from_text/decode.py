#!/usr/bin/env python3
"""Decodes a trace by what the format's text says, and with nothing of this project's code: prints blocks, events,
memory accesses, registers and definitions as `panda-trace dump --json` does. The text is trace/trace.capnp,
trace/README.md and the comments of trace/coding/*.h; where it does not suffice for this program, mend the text.

usage: decode.py SCHEMA TRACE
"""
import json
import re
import struct
import sys

import blocks
import memory
import registers
from messages import read_columns, read_messages, require
from streams import MASK

CODINGS = {
    "blocks": ["successors"], "cuts": ["cutList"], "events": ["eventList"], "shapes": ["shapeList"],
    "addresses": ["addressPredictions"], "values": ["valuePredictions"], "registers": ["registerPredictions"],
    "inner": ["innerList"], "pagesWritten": ["pageList"], "blockRecords": ["definitionList"], "code": ["raw"],
    "memoryOperations": ["followingList", "operationList"], "operations": ["blobList"], "pages": ["raw"],
    "translations": ["translationList"],
}


def read_event_kinds(schema):
    """From the schema's own text: {number: (name, names of the fields)}."""
    with open(schema) as file:
        text = re.search(r"enum EventKind \{(.*?)\n\}", file.read(), re.DOTALL).group(1)
    kinds = {}
    for name, number, comment in re.findall(r"^  (\w+) @(\d+);\n((?:  #.*\n)*)", text + "\n", re.MULTILINE):
        fields = re.findall(r"^  #   (\d+) +(\w+)", comment, re.MULTILINE)
        require([int(field) for field, _ in fields] == list(range(len(fields))), f"fields of {name} are not in order")
        words = re.sub(r"([A-Z])", r" \1", name).lower()
        kinds[int(number)] = (words, [field for _, field in fields])
    return kinds


class Trace:
    """seen: symbols of the codings that occurred."""

    def __init__(self, schema, path, seen):
        self.kinds = read_event_kinds(schema)
        self.messages = read_messages(schema, path)
        self.path = path
        self.seen = seen
        self.blocks = []
        self.offsets = {"chunk": [], "definitions": [], "memoryMap": [], "snapshot": [], "index": []}
        self.instr = None

    def lines(self):
        for offset, kind, message in self.messages:
            self.offsets.setdefault(kind, []).append(offset)
            yield from getattr(self, "take_" + kind)(message)
        require(list(self.offsets)[-1] == "end", "the trace was cut short")

    def take_header(self, header):
        require(struct.pack("<Q", int(header["magic"])) == b"pandatrc", "it is not a trace")
        require(header["version"] in (1, 2), "it is of a version that the text does not have")
        self.devices = header["devices"]
        self.instr = int(header["firstInstr"])
        return ()

    def take_definitions(self, definitions):
        require(definitions["firstId"] == len(self.blocks), "block ids are not dense")
        columns = read_columns(definitions["columns"], CODINGS)
        new = blocks.read_definitions(columns, definitions["count"])
        for block in new:
            line = {"kind": "definition", "id": len(self.blocks), "pc": hex(block.pc), "cs_base": hex(block.cs_base),
                    "flags": hex(block.flags), "physical_pc": hex(block.physical_pc), "size": block.size,
                    "instructions": block.instructions, "memory_operations": len(block.operations),
                    "code": block.code.hex()}
            if block.second_page != blocks.NOWHERE:
                line["physical_second_page"] = hex(block.second_page)
            self.blocks.append(block)
            yield line

    def take_memoryMap(self, memory_map):
        require(memory_map["number"] == len(self.offsets["memoryMap"]) - 1, "memory maps are not in order")
        return ()

    def take_chunk(self, chunk):
        columns = read_columns(chunk["columns"], CODINGS)
        require(chunk["definitionCount"] <= len(self.blocks), "blocks are executed that are not defined")
        require(int(chunk["firstInstr"]) == self.instr, "a chunk does not follow the one before")
        ids = blocks.read_blocks(columns["blocks"], self.seen)
        cuts = blocks.read_cuts(columns["cuts"]) if "cuts" in columns else {}
        events = blocks.read_events(columns["events"]) if "events" in columns else []
        require((len(ids), len(events)) == (chunk["blockCount"], chunk["eventCount"]), "another number than it says")
        accesses = memory.Memory(columns, chunk["memory"], self.seen) if chunk["memory"] != "none" else None
        values = registers.Registers(columns["registers"], self.seen) if "registers" in columns else None
        written = memory.WrittenPages(columns) if accesses else None
        events.reverse()
        for position, block_id in enumerate(ids):
            yield from self.take_events(events, position, written)
            block = self.blocks[block_id]
            executed = cuts.pop(position, block.instructions)
            yield {"kind": "block", "instr": self.instr, "id": block_id, "pc": hex(block.pc), "size": block.size,
                   "executed": executed}
            if values:
                yield {"kind": "registers", "instr": self.instr,
                       **{name: hex(value) for name, value in zip(registers.NAMES, values.next(block_id))}}
            for access in accesses.execute(block_id, block, executed) if accesses else ():
                written.take(access)
                yield self.access_line(access)
            self.instr = (self.instr + executed) & MASK
        yield from self.take_events(events, len(ids), written)
        require(not events and not cuts, "an event or a cut stands behind the chunk's end")
        end = int(chunk["firstInstr"]) + int(chunk["instrCount"])
        require(end & MASK == self.instr, "another number of instructions than it says")
        for part in accesses, values, written:
            if part:
                part.check_end()

    def take_events(self, events, position, written):
        while events and events[-1].position == position:
            event = events.pop()
            name, names = self.kinds.get(event.kind, (f"event {event.kind}", []))
            names = names + [f"field{number}" for number in range(len(names), len(event.fields))]
            line = {"kind": "event", "instr": (self.instr + event.instr_offset) & MASK, "event": name}
            fields = dict(zip(names, event.fields))
            line.update({field: hex(value) for field, value in fields.items()})
            if name == "transfer":
                if 0 < fields["device"] <= len(self.devices):
                    device = self.devices[fields["device"] - 1]
                    line.update({"device_" + key: device[key] for key in ("model", "place", "kind")})
                if written:
                    written.transferred(fields["block"], fields["offset"], len(event.data))
            elif name == "gap":
                self.instr = (self.instr + fields["instructions"]) & MASK
            if event.data:
                line["data"] = event.data.hex()
            yield line

    def access_line(self, access):
        line = {"kind": "access", "instr": (self.instr + access["instruction"]) & MASK, "access": access["access"],
                "address": hex(access["address"])}
        if access["access"] == "fill":
            line.update(frame=hex(access["frame"]), address_space=access["address_space"])
        else:
            line["size"] = access["size"]
        if "value" in access:
            line["value"] = f"0x{access['value']:0{2 * access['size']}x}"
        return line

    def take_snapshot(self, snapshot):
        require(int(snapshot["instr"]) == self.instr, "a snapshot is not where the chunk before it ends")
        self.pages = self.page_messages = 0
        return ()

    def take_pages(self, pages):
        content = read_columns(pages.get("content", []), CODINGS)
        size = len(content["pages"].bytes) if content else 0
        require(size == 4096 * len(pages["pages"]), "another number of pages than it says")
        self.pages += len(pages["pages"]) + len(pages["zeroPages"])
        self.page_messages += 1
        return ()

    def take_snapshotEnd(self, end):
        require((int(end["pageCount"]), end["messageCount"]) == (self.pages, self.page_messages), "pages are missing")
        return ()

    def take_index(self, index):
        require([int(entry["offset"]) for entry in index["chunks"]] == self.offsets["chunk"], "chunks are elsewhere")
        require([int(entry["offset"]) for entry in index["definitions"]] == self.offsets["definitions"],
                "definitions are elsewhere")
        require(list(map(int, index["memoryMaps"])) == self.offsets["memoryMap"], "memory maps are elsewhere")
        require([int(entry["offset"]) for entry in index["snapshots"]] == self.offsets["snapshot"],
                "snapshots are elsewhere")
        return ()

    def take_end(self, end):
        require(int(end["instrEnd"]) == self.instr, "the trace ends elsewhere")
        require(list(map(int, end["indexes"])) == self.offsets["index"], "the index is elsewhere")
        with open(self.path, "rb") as file:
            file.seek(-16, 2)
            locator = struct.pack("<Q", self.offsets["end"][0]) + b"pandaend"
            require(file.read() == locator, "the locator leads elsewhere")
        return ()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for line in Trace(sys.argv[1], sys.argv[2], set()).lines():
        print(json.dumps(line))
