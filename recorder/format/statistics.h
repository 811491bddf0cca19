// Counts and sizes of what a recording consists of.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "recorder/format/recording.h"

namespace panda::recording {

struct KindStatistics {
    uint64_t entries = 0;
    uint64_t bytes = 0;  // in the log's columns, before zstd
};

// What a device wrote to memory.
struct DeviceStatistics {
    uint64_t writes = 0;
    uint64_t bytes = 0;

    bool operator==(const DeviceStatistics&) const = default;
};

struct PartStatistics {
    uint64_t chunks = 0;
    uint64_t raw_bytes = 0;     // before zstd
    uint64_t stored_bytes = 0;  // in the file, chunk headers included

    PartStatistics& operator+=(const PartStatistics& other) {
        chunks += other.chunks;
        raw_bytes += other.raw_bytes;
        stored_bytes += other.stored_bytes;
        return *this;
    }
};

struct Statistics {
    std::array<KindStatistics, entry_kinds> kinds{};  // by EntryKind
    PartStatistics snapshot;                          // processor, maps and memory
    PartStatistics constants;
    PartStatistics log;
    std::vector<DeviceStatistics> devices;  // by Entry::device; empty: none ever wrote

    void add_write(uint32_t device, uint64_t bytes) {
        if (device >= devices.size())
            devices.resize(device + 1);
        ++devices[device].writes;
        devices[device].bytes += bytes;
    }
    const KindStatistics& of(EntryKind kind) const { return kinds[static_cast<size_t>(kind)]; }
    uint64_t entries() const {
        uint64_t sum = 0;
        for (const KindStatistics& kind : kinds)
            sum += kind.entries;
        return sum;
    }
};

}  // namespace panda::recording
