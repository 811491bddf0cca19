"""Block definitions and what was executed: trace/coding/ definition_codec.h, operation_codec.h, block_codec.h,
cut_codec.h and event_codec.h."""
from messages import require
from streams import MASK, Reader, Symbols, split_streams

NOWHERE = MASK  # 2^64 - 1, of physical_second_page


class Operation:
    """A MemoryOperation of trace/types.h. base: None, or ("operation", index), ("register", number), ("zero",)."""

    def __init__(self, marks):
        self.store = bool(marks & 1)
        self.conditional = bool(marks & 2)
        self.derived = bool(marks & 4)
        self.narrow = bool(marks & 8)
        self.constant = None
        self.has_constant = bool(marks & 16)
        self.size = 0 if marks >> 5 == 7 else 1 << (marks >> 5)
        self.base = None
        self.delta = 0


def read_base(reader, count):
    distance = reader.varint()
    if distance:
        require(distance <= count, "a base is not before what is counted from it")
        return ("operation", count - distance)
    code = reader.byte()
    require(code <= 3, "a base is not a register")
    return ("register", code - 1) if code else ("zero",)


def read_operations(reader, following):
    operations = []
    instruction = 0
    for number in range(reader.varint()):
        operation = Operation(reader.byte())
        instruction += reader.varint()
        operation.instruction = instruction
        if operation.derived:
            operation.base = read_base(reader, number)
            operation.delta = reader.signed()
        if operation.has_constant:
            operation.constant = reader.varint() & ((1 << 8 * operation.size) - 1)
        if operation.size == 0:
            operation.told = reader.byte()
        operations.append(operation)
    changes = []
    for _ in range(reader.varint() if following else 0):
        marks = reader.byte()
        base = read_base(reader, len(operations))
        changes.append((marks & 15, bool(marks & 16), base, reader.signed()))
    return operations, changes


class Block:
    operations = ()
    changes = ()


def read_definitions(columns, count):
    records = Reader(columns["blockRecords"].bytes)
    code = Reader(columns["code"].bytes)
    operations = columns.get("memoryOperations")
    operation_reader = operations and Reader(operations.bytes)
    pc = cs_base = flags = physical_pc = 0
    second_page = NOWHERE
    blocks = []
    for _ in range(count):
        block = Block()
        block.pc = pc = (pc + records.signed()) & MASK
        block.cs_base = cs_base = (cs_base + records.signed()) & MASK
        block.flags = flags = flags ^ records.varint()
        block.physical_pc = physical_pc = (physical_pc + records.signed()) & MASK
        block.second_page = second_page = (second_page + records.signed()) & MASK
        block.size = records.varint()
        block.instructions = records.varint()
        lengths = [records.varint() for _ in range(block.instructions - 1)]
        require(sum(lengths) < block.size, "instructions are longer than their block")
        block.code = code.take(block.size) if records.byte() else b""
        if operations:
            block.operations, block.changes = read_operations(operation_reader, operations.coding == "followingList")
        blocks.append(block)
    for reader in records, code, operation_reader:
        require(reader is None or reader.at_end(), "there are more definitions than it says")
    return blocks


def read_blocks(column, seen):
    """Ids, in order."""
    streams = split_streams(column.bytes, ["symbols", "literals"])
    symbols = Symbols(streams["symbols"], longest=63, bits=2)
    literal = -1
    successors = {}
    last = None
    ids = []
    for _ in range(column.records):
        first, second, third = successors.get(last, (None, None, None))
        symbol = symbols.take()
        seen.add(("blocks", symbol))
        if symbol is None:
            block = first
        elif symbol == 0:
            literal += 1 + streams["literals"].signed()
            block = literal
            successors[last] = (block, first, second)
        elif symbol == 1:
            block = second
            successors[last] = (block, first, third)
        else:
            require(symbol == 2, "an invalid symbol of blocks")
            block = third
            successors[last] = (block, first, second)
        require(block is not None, "a successor that is not known")
        ids.append(block)
        last = block
    require(symbols.at_end() and streams["literals"].at_end(), "there are more blocks than it says")
    return ids


def read_cuts(column):
    """{position: instructions executed}"""
    reader = Reader(column.bytes)
    cuts = {}
    position = -1
    for _ in range(column.records):
        position += 1 + reader.varint()
        cuts[position] = reader.varint()
    require(reader.at_end(), "there are more cuts than it says")
    return cuts


class Event:
    pass


def read_events(column):
    reader = Reader(column.bytes)
    history = {}
    position = 0
    events = []
    for _ in range(column.records):
        event = Event()
        event.position = position = position + reader.varint()
        event.kind = reader.varint()
        event.instr_offset = reader.signed()
        shape = reader.varint()
        before = history.setdefault(event.kind, [])
        before.extend([0] * ((shape >> 1) - len(before)))
        event.fields = []
        for number in range(shape >> 1):
            before[number] = (before[number] + reader.signed()) & MASK
            event.fields.append(before[number])
        event.data = reader.take(reader.varint()) if shape & 1 else b""
        events.append(event)
    require(reader.at_end(), "there are more events than it says")
    return events
