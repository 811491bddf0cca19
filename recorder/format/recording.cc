#include "recorder/format/recording.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/checksum.h"

namespace panda::recording {

const char* entry_kind_name(EntryKind kind) {
    static constexpr std::array<const char*, entry_kinds> names = {
        "mmio-read", "port-read",       "time-stamp", "msr-read",     "task-priority-read", "random",
        "cpuid",     "interrupt",       "wake",       "memory-write", "memory-map",         "a20",
        "reset",     "processor-write", "check",      "end"};
    return names.at(static_cast<size_t>(kind));
}

const char* device_kind_name(DeviceKind kind) {
    static constexpr std::array<const char*, device_kinds> names = {"other", "disk",  "network", "display",
                                                                    "usb",   "sound", "input"};
    return names.at(static_cast<size_t>(kind));
}

std::string entry_kind_with_article(EntryKind kind) {
    const std::string name = entry_kind_name(kind);
    const bool spelled_with_vowel = name.starts_with("mmio") || name.starts_with("msr");
    const bool vowel = std::string_view("aeiou").find(name.front()) != std::string_view::npos;
    return (vowel || spelled_with_vowel ? "an " : "a ") + name;
}

std::vector<uint64_t> hash_memory(std::span<const std::byte> block) {
    std::vector<uint64_t> hashes;
    while (!block.empty()) {
        const auto piece = block.first(std::min<uint64_t>(block.size(), memory_hash_granule));
        hashes.push_back(checksum(piece));
        block = block.subspan(piece.size());
    }
    return hashes;
}

}  // namespace panda::recording
