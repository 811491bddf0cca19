"""Addresses and values of memory operations: trace/coding/address_codec.h and value_codec.h."""
from messages import require
from streams import MASK, Symbols, low32, low_bytes, split_streams, unzigzag


class Addresses:
    def __init__(self, data, seen):
        self.streams = split_streams(data, ["symbols", "near1", "near2", "near3", "far", "shared1", "shared2"])
        self.symbols = Symbols(self.streams["symbols"])
        self.recent = [0] * 4  # the last one first
        self.states = {}
        self.seen = seen

    def take(self, place):
        """place: the operation."""
        state = self.states.setdefault(place, {"last": 0, "steps": [0] * 5, "preferred": 0})
        starts = [state["last"]] + self.recent
        steps = state["steps"]
        symbol = self.symbols.take()
        self.seen.add(("addresses", symbol))
        if symbol is None or symbol < 5:
            chosen = state["preferred"] if symbol is None else symbol
            address = starts[chosen] + steps[chosen]
            state["preferred"] = chosen
        elif symbol < 8:
            address = starts[0] + self.difference("near", symbol - 4)
        elif symbol == 8:
            address = self.streams["far"].low(8)
        else:
            require(symbol < 15, "an invalid symbol of addresses")
            age, size = divmod(symbol - 9, 2)
            address = starts[1 + age] + self.difference("shared", size + 1)
        address &= MASK
        if symbol is not None:
            steps[1:] = [low32(address - start) for start in self.recent]
        steps[0] = low32(address - state["last"])
        state["last"] = address
        self.recent = [address] + self.recent[:3]
        return address

    def difference(self, stream, size):
        return unzigzag(self.streams[stream + str(size)].low(size))

    def at_end(self):
        return self.symbols.at_end() and all(stream.at_end() for stream in self.streams.values())


class Values:
    """Without a column it is but the cache, which inner events use."""

    def __init__(self, data, seen):
        self.streams = split_streams(
            data, ["symbols", "step1", "step2", "step4", "value1", "value2", "value4", "value8"])
        self.symbols = Symbols(self.streams["symbols"])
        self.cache = {}
        self.loads = [0, 0]  # the last one first
        self.access = self.stored = 0
        self.states = {}
        self.seen = seen

    @staticmethod
    def place(address):
        return ((address >> 6) * 0x9e3779b97f4a7c15 & MASK) >> 53 << 4 | (address >> 2 & 15)

    def cached(self, address):
        return self.cache.get(self.place(address), 0)

    def remember(self, address, value):
        self.cache[self.place(address)] = value

    def loaded(self, address):
        self.loads = [address, self.loads[0]]
        self.access = address

    def store(self, address, value):
        self.remember(address, value)
        self.access = address
        self.stored = value

    def candidates(self, state, address):
        steps = state["steps"]
        return [state["last"] + steps[0], self.cached(address) + steps[1], self.cached(self.loads[0]),
                self.cached(self.loads[1]), self.cached(self.loads[0]) + steps[2], self.access + steps[3], self.stored]

    def take(self, place, address, size):
        """place: the value word."""
        state = self.states.setdefault(place, {"last": 0, "steps": [0] * 4, "preferred": 0, "doubt": False})
        symbol = self.symbols.take()
        self.seen.add(("values", symbol))
        if symbol is None or symbol < 7:
            value = self.candidates(state, address)[state["preferred"] if symbol is None else symbol]
        elif symbol == 7:
            value = self.streams[f"value{size}"].low(size)
        else:
            require(symbol < 11, "an invalid symbol of values")
            width = 1 << (symbol - 8)
            value = state["last"] + unzigzag(self.streams[f"step{width}"].low(width))
        value = low_bytes(value, size)
        self.learn(state, symbol, value, address)
        self.store(address, value)
        return value

    def learn(self, state, symbol, value, address):
        steps = state["steps"]
        if symbol is None:
            state["doubt"] = False
        else:
            steps[1] = low32(value - self.cached(address))
            steps[2] = low32(value - self.cached(self.loads[0]))
            steps[3] = low32(value - self.access)
            if symbol < 7:
                if state["doubt"]:
                    state["preferred"] = symbol
                state["doubt"] = not state["doubt"]
        steps[0] = low32(value - state["last"])
        state["last"] = value

    def at_end(self):
        return self.symbols.at_end() and all(stream.at_end() for stream in self.streams.values())
