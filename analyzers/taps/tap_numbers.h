// Numbers for the tap points that a pass comes to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "analyzers/callstack/tap.h"
#include "trace/coding/block_table.h"

namespace panda::taps {

using callstack::Tap;

// Taps are numbered from 0 in the order in which they are first seen. What an analyzer knows of a tap can so be in a
// vector. Takes about 50 bytes a tap, and 4 bytes for each instruction of a block under each of its callers.
class TapNumbers {
  public:
    // Returns whether a tap is of interest. Called once for each tap, or more often for one that is not.
    using Wanted = std::function<bool(const Tap&)>;
    static constexpr uint32_t unwanted = ~uint32_t{0};

    // wanted: empty for all.
    explicit TapNumbers(Wanted wanted = {}) : wanted_(std::move(wanted)), cache_(cache_size) {}

    // How many there are.
    uint32_t size() const { return static_cast<uint32_t>(taps_.size()); }
    const Tap& operator[](uint32_t number) const { return taps_[number]; }
    // All numbers by program counter, then caller, then address space, as PANDA's files have them.
    std::vector<uint32_t> sorted() const;

    // The numbers of a block's taps under one caller.
    class Row {
      public:
        // The number of the tap of this instruction, which is an index in the block; or `unwanted`.
        uint32_t operator[](uint16_t instruction) {
            const uint32_t number = numbers_[instruction];
            return number < unseen ? number : find(instruction);
        }

      private:
        friend class TapNumbers;
        Row(TapNumbers& owner, const trace::BlockTable& blocks, uint32_t block, uint64_t caller,
            uint64_t asid, uint32_t* numbers)
            : owner_(owner),
              blocks_(blocks),
              block_(block),
              caller_(caller),
              asid_(asid),
              numbers_(numbers) {}
        uint32_t find(uint16_t instruction);

        TapNumbers& owner_;
        const trace::BlockTable& blocks_;
        uint32_t block_;
        uint64_t caller_;
        uint64_t asid_;
        uint32_t* numbers_;
    };
    // The row of a block. caller, asid: as in Tap.
    Row row(const trace::BlockTable& blocks, uint32_t block, uint64_t caller, uint64_t asid) {
        const size_t place =
            (block * 0x9e37'79b9u ^ static_cast<uint32_t>(caller * 0x85eb'ca6bu)) % cache_size;
        Cached& cached = cache_[place];
        if (cached.numbers == nullptr || cached.block != block || cached.caller != caller ||
            cached.asid != asid) [[unlikely]]
            cached = find_row(blocks, block, caller, asid);
        return {*this, blocks, block, caller, asid, cached.numbers};
    }

  private:
    static constexpr uint32_t unseen = ~uint32_t{0} - 1;
    static constexpr size_t cache_size = 1 << 14;
    static constexpr size_t slab_size = 1 << 16;  // numbers

    struct Cached {
        uint64_t caller = 0;
        uint64_t asid = 0;
        uint32_t* numbers = nullptr;
        uint32_t block = 0;
    };
    struct RowKey {
        uint64_t caller;
        uint64_t asid;
        uint32_t block;
        bool operator==(const RowKey&) const = default;
    };
    struct Hash {
        size_t operator()(const RowKey& key) const;
        size_t operator()(const Tap& tap) const;
    };

    Cached find_row(const trace::BlockTable& blocks, uint32_t block, uint64_t caller, uint64_t asid);
    uint32_t* new_row(size_t size);
    uint32_t number_of(const Tap& tap);

    Wanted wanted_;
    std::vector<Tap> taps_;
    std::unordered_map<Tap, uint32_t, Hash> numbers_;
    std::unordered_map<RowKey, uint32_t*, Hash> rows_;
    std::vector<Cached> cache_;
    std::vector<std::unique_ptr<uint32_t[]>> slabs_;
    size_t slab_left_ = 0;
};

}  // namespace panda::taps
