"""Numbers and streams: "Numbers" in trace/README.md, trace/coding/streams.h, trace/coding/symbol_stream.h."""
from messages import require

MASK = (1 << 64) - 1


def unzigzag(number):
    return (number >> 1) ^ -(number & 1)


def low32(number):
    """A step: the low 32 bits, sign-extended."""
    number &= 0xffffffff
    return number - (1 << 32) if number >> 31 else number


def low_bytes(value, size):
    return value & ((1 << 8 * size) - 1)


class Reader:
    def __init__(self, data):
        self.data = data
        self.place = 0

    def at_end(self):
        return self.place == len(self.data)

    def take(self, size):
        require(self.place + size <= len(self.data), "a stream ends early")
        self.place += size
        return self.data[self.place - size:self.place]

    def byte(self):
        return self.take(1)[0]

    def low(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                require(value <= MASK, "a number is longer than 64 bits")
                return value

    def signed(self):
        return unzigzag(self.varint())


def split_streams(data, names):
    """{name: Reader}"""
    if not data:
        return {name: Reader(b"") for name in names}
    reader = Reader(data)
    sizes = [reader.varint() for _ in names[1:]]
    sizes.append(len(data) - reader.place - sum(sizes))
    return {name: Reader(reader.take(size)) for name, size in zip(names, sizes)}


class Symbols:
    """What each prediction was: None where it was right, or else a symbol."""

    def __init__(self, reader, longest=15, bits=4):
        self.reader = reader
        self.longest = longest
        self.bits = bits
        self.count = 0
        self.next()

    def next(self):
        self.run = self.symbol = None
        if not self.reader.at_end():
            byte = self.reader.byte()
            self.run = byte >> self.bits
            self.symbol = byte & ((1 << self.bits) - 1)
            if self.run == self.longest:
                self.run += self.reader.varint()

    def take(self):
        self.count += 1
        if self.run is None:
            return None
        if self.run > 0:
            self.run -= 1
            return None
        symbol = self.symbol
        self.next()
        return symbol

    def at_end(self):
        return self.run is None
