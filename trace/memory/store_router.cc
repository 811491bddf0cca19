#include "trace/memory/store_router.h"

namespace panda::trace {

void StoreTranslations::restart(std::span<const Translation> translations) {
    frames_.clear();
    for (const Translation& translation : translations)
        fill(translation);
}

void StoreTranslations::fill(const Translation& translation) {
    frames_[translation.page] = {translation.frame, translation.address_space};
}

void StoreTranslations::set_map(const MemoryMap& map) {
    while (maps_.size() <= map.address_space)
        maps_.push_back({static_cast<uint32_t>(maps_.size()), {}});
    maps_[map.address_space] = map;
}

StoreTranslations::Target StoreTranslations::virtual_target(uint64_t address, uint64_t size) const {
    const auto found = frames_.find(address / page_size);
    if (found == frames_.end())
        return {};
    const uint64_t offset = address % page_size;
    return physical_target(found->second.address_space, found->second.frame * page_size + offset,
                           std::min(size, page_size - offset));
}

StoreTranslations::Target StoreTranslations::physical_target(uint32_t address_space, uint64_t address,
                                                             uint64_t size) const {
    Target target;
    target.known = true;
    target.size = 1;  // an address outside of all ranges: the next one may be inside
    const MappedRange* range =
        address_space < maps_.size() ? find_range(maps_[address_space], address) : nullptr;
    if (range == nullptr)
        return target;
    const uint64_t in_range = address - range->address;
    target.memory = true;
    target.ram = range->kind == RangeKind::ram;
    target.block = range->block;
    target.offset = range->block_offset + in_range;
    target.size = std::min(size, range->size - in_range);
    const uint64_t in_page = address % page_size;
    target.whole_page = target.offset % page_size == in_page && in_range >= in_page &&
                        range->size - in_range >= page_size - in_page;
    return target;
}

}  // namespace panda::trace
