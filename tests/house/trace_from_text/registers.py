"""The registers where each execution starts: trace/coding/register_codec.h."""
from messages import require
from streams import MASK, Symbols, low32, split_streams, unzigzag

NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rflags".split()
PLACES = 1 << 16


class Registers:
    def __init__(self, column, seen):
        self.streams = split_streams(
            column.bytes, ["masks", "symbols", "added", "copies", "step1", "step2", "step4", "value8"])
        self.masks = Symbols(self.streams["masks"])
        self.symbols = Symbols(self.streams["symbols"])
        self.records = column.records
        self.table = {}
        self.values = [0] * len(NAMES)
        self.seen = seen
        self.enter(PLACES - 1)

    def enter(self, block_id):
        self.habits = self.table.setdefault(block_id % PLACES, {})  # a state for each register that it changes

    def next(self, block_id):
        """The registers with which the next execution, of this block, starts."""
        if self.masks.take() is not None:
            added = self.streams["added"].low(3)
            for number in range(len(NAMES)):
                if added >> number & 1:
                    self.habits[number] = {"last": 0, "steps": [0] * 3, "preferred": 0, "other": 0}
        self.values = [self.take(number) if number in self.habits else value
                       for number, value in enumerate(self.values)]
        self.enter(block_id)
        return self.values

    def take(self, number):
        state = self.habits[number]
        steps = state["steps"]
        before = self.values
        starts = [before[number], state["last"], before[state["other"]]]
        symbol = self.symbols.take()
        self.seen.add(("registers", symbol))
        if symbol is None or symbol < 3:
            chosen = state["preferred"] if symbol is None else symbol
            value = starts[chosen] + steps[chosen]
            state["preferred"] = chosen
        elif symbol == 3:
            state["preferred"] = 2
            state["other"] = self.streams["copies"].byte()
            value = before[state["other"]]
        elif symbol == 10:
            value = self.streams["value8"].low(8)
        else:
            require(symbol < 10, "an invalid symbol of registers")
            from_before, width = divmod(symbol - 4, 3)
            start = starts[0] if from_before else starts[1]
            value = start + unzigzag(self.streams[f"step{1 << width}"].low(1 << width))
        value &= MASK
        if symbol is not None:
            steps[0] = low32(value - before[number])
            steps[2] = low32(value - before[state["other"]])
        steps[1] = low32(value - state["last"])
        state["last"] = value
        return value

    def check_end(self):
        require(self.masks.count == self.records, "another number of registers than it says")
        require(self.masks.at_end() and self.symbols.at_end() and all(s.at_end() for s in self.streams.values()),
                "there are more registers than it says")
