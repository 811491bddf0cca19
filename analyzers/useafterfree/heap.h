// The blocks that a program got from its allocator, and those that it gave back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace panda::useafterfree {

// Where the program was: an instr, and the number of its stack in a StackTable.
struct Moment {
    uint64_t instr = 0;
    uint32_t stack = 0;
};

struct Block {
    uint64_t start = 0;  // linear address
    uint64_t size = 0;   // bytes, as the program asked for them
    Moment allocated;
    Moment freed = {};  // of a block that was given back

    // The least is one byte: malloc(0) returns an address as well.
    uint64_t end() const { return start + (size == 0 ? 1 : size); }
};

// What the allocator does with an address that it is given.
enum class Release : uint8_t {
    done,
    twice,    // the block was given back before, and has not been handed out again
    unknown,  // there never was such a block
};

// One address space's heap. Each call takes the logarithm of the number of blocks. Memory that the allocator hands out
// again is no longer freed: an old pointer into it goes unnoticed.
class Heap {
  public:
    // The allocator returned a block. Does nothing if it wraps around the end of the address space.
    void allocate(const Block& block);
    // The program gives the block at `start` back.
    Release release(uint64_t start, const Moment& when);
    // The kernel took [start, end) away: what lies there later is not the freed blocks'.
    void unmap(uint64_t start, uint64_t end) { reuse(start, end); }
    // The block at `start` that was not given back; null if there is none.
    const Block* live_at(uint64_t start) const {
        const auto found = live_.find(start);
        return found == live_.end() ? nullptr : &found->second;
    }
    // The block that was given back and holds one of these bytes; null if there is none.
    const Block* freed_at(uint64_t address, uint64_t size) const {
        if (address >= freed_end_ || address + size <= freed_start_) [[likely]]
            return nullptr;
        return find_freed(address, size);
    }

    // By start.
    const std::map<uint64_t, Block>& live() const { return live_; }
    // How many blocks were ever handed out.
    uint64_t allocated() const { return allocated_; }

  private:
    const Block* find_freed(uint64_t address, uint64_t size) const;
    void reuse(uint64_t start, uint64_t end);

    std::map<uint64_t, Block> live_;
    std::map<uint64_t, Block> freed_;  // do not overlap
    uint64_t freed_start_ = ~uint64_t{0};
    uint64_t freed_end_ = 0;
    uint64_t allocated_ = 0;
};

}  // namespace panda::useafterfree
