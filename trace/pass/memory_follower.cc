#include "trace/pass/memory_follower.h"

#include <algorithm>
#include <cstdio>

#include "common/error.h"

namespace panda::trace {

MemoryFollower::MemoryFollower(const TraceHeader& header, const std::vector<MemoryMap>& maps)
    : all_maps_(maps), flat_(MemoryLayout(header.memory_blocks)), router_(flat_.layout(), flat_) {}

void MemoryFollower::restore(const GuestMemory& memory) {
    flat_.restore(memory);
    set_maps(memory.maps());
    for (const MemoryMap& map : memory.maps())
        router_.set_map(map);
    router_.restart({});
}

void MemoryFollower::start(const Chunk& chunk) {
    const auto& numbers = chunk.summary().first_memory_maps;
    for (const uint32_t number : numbers)
        if (number != 0)
            change_map(number - 1);
    router_.restart(chunk.translations());
}

std::span<const Access> MemoryFollower::apply_with_values(std::span<const Access> accesses) {
    if (valued_.size() < accesses.size())
        valued_.resize(accesses.size());
    Access* out = valued_.data();
    for (const Access& access : accesses) {
        *out = access;
        out += router_.apply_valued(*out) ? 1 : 0;
    }
    return {valued_.data(), out};
}

void MemoryFollower::apply(const Event& event) {
    if (const auto* transfer = std::get_if<Transfer>(&event.detail))
        lost_transfers_ += router_.write_block(transfer->block, transfer->offset, transfer->data) ? 0 : 1;
    else if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
        change_map(change->map);
}

void MemoryFollower::change_map(uint32_t number) {
    if (number >= all_maps_.size())
        throw Error("a chunk names memory map " + std::to_string(number) +
                    ", which does not stand before it");
    const MemoryMap& map = all_maps_[number];
    if (map.address_space < maps().size() && maps()[map.address_space] == map)
        return;
    set_map(map);
    router_.set_map(map);
}

bool MemoryFollower::read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const {
    settle();
    const MemoryLayout& layout = flat_.layout();
    if (block >= layout.block_count() || offset > layout.block_size(block) ||
        out.size() > layout.block_size(block) - offset)
        return false;
    const auto bytes = flat_.bytes().subspan(layout.flat(block, offset), out.size());
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return true;
}

std::vector<uint64_t> MemoryFollower::take_stored_pages() {
    settle();
    router_.reset();
    return flat_.take_stored_pages();
}

void MemoryFollower::require_nothing_lost() const {
    settle();
    if (lost_transfers_ != 0)
        throw Error("a device writes outside of the guest's memory");
    if (router_.lost_stores() != 0) {
        char text[96];
        std::snprintf(text, sizeof(text), "the trace stores to 0x%llx and does not say where that leads",
                      static_cast<unsigned long long>(router_.first_lost_address()));
        throw Error(text);
    }
}

}  // namespace panda::trace
