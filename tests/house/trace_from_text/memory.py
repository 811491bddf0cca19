"""Memory accesses of a chunk: trace/README.md (Memory), trace/coding/ shape_codec.h, inner_codec.h and page_codec.h."""
from messages import require
from predictions import Addresses, Values
from streams import MASK, Reader, low_bytes, split_streams

INNER = ["fill", "table write", "helper load", "helper store"]  # InnerKind


class Shapes:
    def __init__(self, data):
        streams = split_streams(data, ["masks", "cuts"])
        self.masks = streams["masks"]
        self.cuts = streams["cuts"]
        self.bits = []
        self.last = {}  # by block and number of the mask
        self.count = 0
        self.next()

    def next(self):
        self.run = None if self.masks.at_end() else self.masks.varint()

    def mask(self, place):
        self.count += 1
        mask = self.last.get(place, 0)
        if self.run == 0:
            mask = self.last[place] = mask ^ self.masks.varint()
            self.next()
        elif self.run is not None:
            self.run -= 1
        return mask

    def start_cut(self):
        require(not any(self.bits), "bits of a cut execution that mean nothing")
        self.bits = []

    def cut_bit(self):
        if not self.bits:
            byte = self.cuts.byte()
            self.bits = [byte >> bit & 1 for bit in range(8)]
        return self.bits.pop(0)

    def at_end(self):
        return self.masks.at_end() and self.cuts.at_end() and self.run is None


class InnerEvent:
    pass


class Inner:
    def __init__(self, data, count):
        streams = split_streams(data, ["heads", "fills", "addresses", "values"])
        self.heads, self.fills = streams["heads"], streams["fills"]
        self.addresses, self.values = streams["addresses"], streams["values"]
        self.left = count
        self.position = self.where = 0
        self.page = self.distance = self.table_value = 0
        self.last = [0] * 4  # addresses, by kind
        self.registers = [0] * 3
        self.read_head()

    def read_head(self):
        self.valid = self.left > 0
        if not self.valid:
            return
        self.left -= 1
        step = self.heads.varint()
        self.where = self.heads.varint() + (0 if step else self.where)
        self.position += step
        self.tag = self.heads.byte()

    def take_until(self, position, place, values):
        """The events of an execution up to this place."""
        while self.valid and self.position == position and self.where <= place:
            event = InnerEvent()
            event.place = self.where
            self.read_rest(event, values)
            yield event
            self.read_head()

    def read_rest(self, event, values):
        event.kind = self.tag & 3
        if self.tag >= 0xf0:
            event.kind = 4
            event.register = self.tag & 15
            event.value = (self.registers[event.register] + self.values.signed()) & MASK
            self.registers[event.register] = event.value
        elif event.kind == 0:
            event.address_space = self.tag >> 2
            self.page = (self.page + self.fills.signed()) & MASK
            self.distance = (self.distance + self.fills.signed()) & MASK
            event.address = self.page << 12
            event.frame = ((self.page + self.distance) & MASK) << 12
        else:
            self.read_access(event, values)

    def read_access(self, event, values):
        event.size = 1 << (self.tag >> 2)
        event.address = self.last[event.kind] = (self.last[event.kind] + self.addresses.signed()) & MASK
        low = min(event.size, 8)
        if event.kind == 1:
            event.value = self.table_value = low_bytes(self.table_value + self.values.signed(), low)
        elif event.kind == 3:
            event.value = low_bytes(values.cached(event.address) + self.values.signed(), low)
            values.remember(event.address, event.value)
            if event.size == 16:
                high = (values.cached(event.address + 8) + self.values.signed()) & MASK
                values.remember(event.address + 8, high)
                event.value |= high << 64

    def at_end(self):
        return not self.valid and all(
            stream.at_end() for stream in (self.heads, self.fills, self.addresses, self.values))


class Memory:
    """Takes a chunk's executions one after another, and tells what each did to memory: a list of dictionaries."""

    def __init__(self, columns, memory, seen):
        def data(name):
            return columns[name].bytes if name in columns else b""

        def records(name):
            return columns[name].records if name in columns else 0

        self.with_values = memory == "values"
        self.shapes = Shapes(data("shapes"))
        self.addresses = Addresses(data("addresses"), seen)
        self.values = Values(data("values"), seen)
        self.inner = Inner(data("inner"), records("inner"))
        self.expected = [records("addresses"), records("values"), records("shapes")]
        self.counts = [0, 0]
        self.registers = [None] * 3
        self.position = 0

    def execute(self, block_id, block, executed):
        accesses = []
        cut = executed < block.instructions
        ran_at = [None] * len(block.operations)  # addresses, or what a word tells
        start = None
        conditional = mask = 0
        self.take_inner(0, accesses)
        start = list(self.registers)
        if cut:
            self.shapes.start_cut()
        for number, operation in enumerate(block.operations):
            self.take_inner(1 + 2 * operation.instruction, accesses)
            if cut:
                ran = self.ran_in_cut(operation, executed)
            elif operation.conditional:
                if conditional % 64 == 0:
                    mask = self.shapes.mask((block_id, conditional))
                ran = mask >> conditional % 64 & 1
                conditional += 1
            else:
                ran = True
            if ran:
                ran_at[number] = self.run((block_id, number), operation, ran_at, start, accesses)
        self.take_inner(1 << 64, accesses)
        if not cut:
            for register, narrow, base, delta in block.changes:
                self.registers[register] = self.counted(base, delta, narrow, ran_at, start)
        self.position += 1
        return accesses

    def ran_in_cut(self, operation, executed):
        if operation.instruction < executed:
            return self.shapes.cut_bit() if operation.conditional else True
        if operation.instruction > executed or operation.derived or operation.size == 0:
            return False
        return self.shapes.cut_bit()

    def counted(self, base, delta, narrow, ran_at, start):
        value = 0
        if base[0] == "operation":
            value = ran_at[base[1]]
        elif base[0] == "register":
            value = start[base[1]]
        require(value is not None, "an address is counted from what is not known")
        return (value + delta) & (0xffffffff if narrow else MASK)

    def run(self, place, operation, ran_at, start, accesses):
        if operation.derived:
            address = self.counted(operation.base, operation.delta, operation.narrow, ran_at, start)
        else:
            address = self.addresses.take(place)
            self.counts[0] += 1
        if operation.size == 0:
            return address
        line = {"instruction": operation.instruction, "access": "store" if operation.store else "load",
                "address": address, "size": operation.size}
        if operation.store:
            line["value"] = self.stored(place, operation, address) if self.with_values else 0
        elif self.with_values:
            self.values.loaded(address)
        accesses.append(line)
        return address

    def stored(self, place, operation, address):
        if operation.has_constant:
            self.values.store(address, operation.constant)
            return operation.constant
        value = 0
        for offset in range(0, operation.size, 8):
            self.counts[1] += 1
            word = self.values.take(place + (offset,), (address + offset) & MASK, min(operation.size, 8))
            value |= word << 8 * offset
        return value

    def take_inner(self, place, accesses):
        for event in self.inner.take_until(self.position, place, self.values):
            if event.kind == 4:
                self.registers[event.register] = event.value
                continue
            line = {"instruction": max(event.place - 1, 0) // 2, "access": INNER[event.kind], "address": event.address}
            if event.kind == 0:
                line.update(frame=event.frame, address_space=event.address_space)
            else:
                line["size"] = event.size
            if event.kind in (1, 3):
                line["value"] = event.value
            accesses.append(line)

    def check_end(self):
        self.shapes.start_cut()
        for part in self.shapes, self.addresses, self.values, self.inner:
            require(part.at_end(), "the memory columns hold more than the chunk's executions")
        require(self.counts + [self.shapes.count] == self.expected, "another number of records than it says")


def read_translations(column):
    streams = split_streams(column.bytes, ["pages", "frames", "spaces"])
    page = -1
    distance = 0
    translations = []
    for _ in range(column.records):
        page += 1 + streams["pages"].varint()
        distance = (distance + streams["frames"].signed()) & MASK
        translations.append((page, (page + distance) & MASK, streams["spaces"].varint()))
    require(all(stream.at_end() for stream in streams.values()), "there are more translations than it says")
    return translations


def read_keys(reader, count):
    key = -1
    keys = []
    for _ in range(count):
        key += 1 + reader.varint()
        keys.append(key)
    return keys


class WrittenPages:
    """What pagesWritten should say: follows from the stores, the translations and the transfers."""

    def __init__(self, columns):
        self.column = columns["pagesWritten"]
        self.translations = {}
        if "translations" in columns:
            self.translations = {page: (space, frame)
                                 for page, frame, space in read_translations(columns["translations"])}
        self.complete = True
        self.physical = set()
        self.blocks = set()

    def take(self, access):
        address = access["address"]
        if access["access"] == "fill":
            self.translations[address >> 12] = (access["address_space"], access["frame"] >> 12)
        elif access["access"] == "table write":
            self.physical.add((0, address >> 12))
        elif access["access"] in ("store", "helper store"):
            for page in {address >> 12, (address + access["size"] - 1 & MASK) >> 12}:
                self.complete = self.complete and page in self.translations
                if page in self.translations:
                    self.physical.add(self.translations[page])

    def transferred(self, block, offset, size):
        self.blocks.update((block, page) for page in range(offset >> 12, (offset + size + 4095) >> 12 if size else 0))

    def check_end(self):
        reader = Reader(self.column.bytes)
        complete = bool(reader.byte())
        count = reader.varint()
        physical = {divmod(key, 1 << 52) for key in read_keys(reader, count)}
        blocks = {divmod(key, 1 << 32) for key in read_keys(reader, self.column.records - count)}
        require(reader.at_end(), "there are more pages than it says")
        require((complete, physical, blocks) == (self.complete, self.physical, self.blocks),
                "the pages that were stored to are others")
