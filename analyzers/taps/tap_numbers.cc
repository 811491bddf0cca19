#include "analyzers/taps/tap_numbers.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace panda::taps {
namespace {

uint64_t mix(uint64_t sum, uint64_t value) {
    sum = (sum ^ value) * 0x9e37'79b9'7f4a'7c15;
    return sum ^ sum >> 32;
}

}  // namespace

size_t TapNumbers::Hash::operator()(const RowKey& key) const {
    return mix(mix(mix(0, key.caller), key.asid), key.block);
}

size_t TapNumbers::Hash::operator()(const Tap& tap) const {
    return mix(mix(mix(0, tap.caller), tap.asid), tap.pc);
}

std::vector<uint32_t> TapNumbers::sorted() const {
    std::vector<uint32_t> numbers(taps_.size());
    std::iota(numbers.begin(), numbers.end(), 0);
    std::sort(numbers.begin(), numbers.end(), [this](uint32_t a, uint32_t b) {
        const Tap& left = taps_[a];
        const Tap& right = taps_[b];
        return std::tie(left.pc, left.caller, left.asid) < std::tie(right.pc, right.caller, right.asid);
    });
    return numbers;
}

uint32_t TapNumbers::Row::find(uint16_t instruction) {
    if (numbers_[instruction] == unwanted)
        return unwanted;
    const trace::BlockView view = blocks_[block_];
    const uint64_t pc = view.pc + view.instruction_offsets[instruction];
    return numbers_[instruction] = owner_.number_of({caller_, pc, asid_});
}

TapNumbers::Cached TapNumbers::find_row(const trace::BlockTable& blocks, uint32_t block, uint64_t caller,
                                        uint64_t asid) {
    const auto [place, fresh] = rows_.try_emplace({caller, asid, block}, nullptr);
    if (fresh)
        place->second = new_row(blocks[block].instruction_offsets.size());
    return {caller, asid, place->second, block};
}

uint32_t* TapNumbers::new_row(size_t size) {
    size = std::max<size_t>(size, 1);  // what happens before a block has instruction 0
    if (size > slab_left_) {
        slab_left_ = std::max(slab_size, size);
        slabs_.push_back(std::make_unique_for_overwrite<uint32_t[]>(slab_left_));
    }
    // From the end of the slab to its beginning.
    slab_left_ -= size;
    uint32_t* const row = slabs_.back().get() + slab_left_;
    std::fill_n(row, size, unseen);
    return row;
}

uint32_t TapNumbers::number_of(const Tap& tap) {
    if (wanted_ && !wanted_(tap))
        return unwanted;
    const auto [place, fresh] = numbers_.try_emplace(tap, size());
    if (fresh)
        taps_.push_back(tap);
    return place->second;
}

}  // namespace panda::taps
