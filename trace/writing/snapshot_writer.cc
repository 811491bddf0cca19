#include "trace/writing/snapshot_writer.h"

#include <array>
#include <cstring>
#include <utility>

#include "common/checksum.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr std::array<std::byte, page_size> zero_page{};

}  // namespace

SnapshotWriter::SnapshotWriter(const std::vector<MemoryBlock>& blocks)
    : blocks_(blocks), hashes_(blocks.size()) {}

void SnapshotWriter::write(uint32_t number, SnapshotKind kind, const MemoryProvider& memory,
                           const std::function<void(Work)>& put) {
    put_ = &put;
    end_ = {number, 0, 0};
    for (uint32_t block = 0; block < blocks_.size(); ++block) {
        const auto bytes = memory(block);
        if (bytes.size() != blocks_[block].size)
            throw Error("memory block " + blocks_[block].name +
                        " does not have the size that the trace's header says");
        write_block(block, kind, bytes);
    }
    put(end_);
}

void SnapshotWriter::write_block(uint32_t block, SnapshotKind kind, std::span<const std::byte> memory) {
    static const uint64_t zero_hash = checksum(zero_page);
    auto& hashes = hashes_[block];
    hashes.resize(memory.size() / page_size, zero_hash);
    pages_.snapshot = end_.snapshot;
    pages_.block = block;
    for (uint32_t number = 0; number < hashes.size(); ++number) {
        const auto page = memory.subspan(number * page_size, page_size);
        const uint64_t hash = checksum(page);
        if (std::exchange(hashes[number], hash) == hash && kind == SnapshotKind::changed)
            continue;
        const bool zero = hash == zero_hash && std::memcmp(page.data(), zero_page.data(), page_size) == 0;
        if (kind == SnapshotKind::full && zero)
            continue;
        if (zero) {
            pages_.zero_pages.push_back(number);
        } else {
            pages_.pages.push_back(number);
            pages_.content.insert(pages_.content.end(), page.begin(), page.end());
        }
        if (pages_.pages.size() + pages_.zero_pages.size() == max_pages_per_message)
            flush();
    }
    flush();
}

void SnapshotWriter::flush() {
    const size_t count = pages_.pages.size() + pages_.zero_pages.size();
    if (count == 0)
        return;
    end_.page_count += count;
    ++end_.message_count;
    PagesWork next;
    next.snapshot = pages_.snapshot;
    next.block = pages_.block;
    (*put_)(std::exchange(pages_, std::move(next)));
}

}  // namespace panda::trace
