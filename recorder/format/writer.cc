#include "recorder/format/writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace panda::recording {
namespace {

constexpr size_t initial_batch_entries = 64 << 10;
constexpr size_t initial_batch_data = 64 << 10;
constexpr size_t maximum_batch_entries = 512 << 10;
constexpr size_t maximum_batch_data = 8 << 20;

bool is_zero(std::span<const std::byte, page_size> page) {
    return page[0] == std::byte{0} && std::memcmp(page.data(), page.data() + 1, page_size - 1) == 0;
}

}  // namespace

RecordingWriter::RecordingWriter(const std::string& path, const Facts& facts,
                                 const std::vector<MemoryBlock>& blocks, const WriterOptions& options)
    : options_(options),
      blocks_(blocks),
      batch_(initial_batch_entries, initial_batch_data),
      chunks_(path, options.if_exists, options.threads) {
    submit_value(ChunkType::facts, encode_facts(facts));
    submit_value(ChunkType::blocks, encode_blocks(blocks));
}

void RecordingWriter::write_memory(uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
    if (log_begun_)
        throw Error("memory written to a recording whose snapshot is complete");
    check_memory_write(block, offset, bytes.size());
    if (offset % page_size != 0 || bytes.size() % page_size != 0)
        throw Error("memory written to a recording's snapshot in parts of pages");
    if (pages_ && pages_->block() != block)
        submit_pages();
    for (auto page = static_cast<uint32_t>(offset / page_size); !bytes.empty(); ++page) {
        const auto content = bytes.first<page_size>();
        bytes = bytes.subspan(page_size);
        if (is_zero(content))
            continue;
        if (!pages_)
            pages_.emplace(block, chunks_.spare_buffer());
        pages_->add(page, content);
        if (pages_->full())
            submit_pages();
    }
}

void RecordingWriter::submit_pages() {
    if (!pages_)
        return;
    auto pages = std::make_shared<MemoryChunkBuilder>(std::move(*pages_));
    pages_.reset();
    chunks_.submit(ChunkType::memory, options_.snapshot_level, 3 * maximum_memory_chunk,
                   [pages] { return pages->encode(); });
}

void RecordingWriter::write_processor(std::span<const std::byte> state) {
    if (log_begun_ || processor_written_)
        throw Error("a second processor state written to a recording's snapshot");
    if (state.size() > maximum_entry_data)
        throw Error("a processor state of " + std::to_string(state.size()) + " bytes is too large");
    submit_value(ChunkType::processor, Bytes(state.begin(), state.end()));
    processor_written_ = true;
}

void RecordingWriter::write_map(const MemoryMap& map) {
    if (log_begun_ || !mapped_address_spaces_.insert(map.address_space).second)
        throw Error("a second map of an address space written to a recording's snapshot");
    submit_value(ChunkType::map, encode_map(map, blocks_));
}

void RecordingWriter::write_devices(const std::vector<Device>& devices) {
    if (log_begun_ || devices_written_)
        throw Error("a second list of devices written to a recording's snapshot");
    submit_value(ChunkType::devices, encode_devices(devices));
    devices_written_ = true;
    device_count_ = devices.size();
}

void RecordingWriter::write_constant(const std::string& name, std::span<const std::byte> bytes) {
    if (log_begun_)
        throw Error("a constant written to a recording whose snapshot is complete");
    constants_.add(name, bytes);
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), maximum_constant_chunk));
        submit_value(ChunkType::constant_data, Bytes(piece.begin(), piece.end()));
        bytes = bytes.subspan(piece.size());
    }
}

void RecordingWriter::begin_log() {
    if (log_begun_ || !processor_written_ || mapped_address_spaces_.empty())
        throw Error("a recording's log begins without processor state or memory map, or twice");
    submit_pages();
    if (!constants_.constants().empty())
        submit_value(ChunkType::constants, encode_constants(constants_.constants()));
    submit_value(ChunkType::snapshot_end, {});
    chunks_.drain();
    log_begun_ = true;
}

void RecordingWriter::append(EntryKind kind, Position position, uint64_t value, uint64_t value2,
                             std::span<const std::byte> data, uint32_t device) {
    if (kind == EntryKind::memory_write) {
        check_memory_write(value, value2, data.size());
        for (; data.size() > maximum_entry_data; value2 += maximum_entry_data) {
            add(kind, position, value, value2, data.first(maximum_entry_data), device);
            data = data.subspan(maximum_entry_data);
        }
    }
    add(kind, position, value, value2, data, device);
}

void RecordingWriter::append_map(Position position, const MemoryMap& map) {
    add(EntryKind::memory_map, position, 0, 0, encode_map(map, blocks_));
}

void RecordingWriter::add(EntryKind kind, Position position, uint64_t value, uint64_t value2,
                          std::span<const std::byte> data, uint32_t device) {
    if (!log_begun_ || finished_)
        throw Error("an entry appended to a recording whose log is not open");
    if (position < last_)
        throw Error("an entry at instruction " + std::to_string(position.instr) +
                    " appended to a recording that has reached " + std::to_string(last_.instr));
    if (data.size() > maximum_entry_data)
        throw Error(std::string(entry_kind_name(kind)) + " entry of " + std::to_string(data.size()) +
                    " bytes is too large for a recording");
    if (device > (kind == EntryKind::memory_write ? device_count_ : 0))
        throw Error("an entry of a device that the recording does not list");
    last_ = position;
    if (kind == EntryKind::memory_write)
        appended_.add_write(device, data.size());
    batch_.add(kind, position, value, value2, data, static_cast<uint16_t>(device));
    if (batch_.entries() >= maximum_batch_entries || batch_.data_bytes() >= maximum_batch_data)
        flush();
}

void RecordingWriter::check_memory_write(uint64_t block, uint64_t offset, uint64_t size) const {
    if (block >= blocks_.size() || offset > blocks_[block].size || size > blocks_[block].size - offset)
        throw Error("memory outside the memory blocks written to a recording");
}

void RecordingWriter::flush() {
    if (batch_.empty())
        return;
    auto batch = std::make_shared<LogBatch>(
        std::exchange(batch_, LogBatch(initial_batch_entries, initial_batch_data)));
    chunks_.submit(ChunkType::log, options_.log_level, 2 * batch->memory(), [this, batch] {
        EncodedLog log = encode_log(*batch, constants_);
        const std::lock_guard lock(kinds_mutex_);
        for (unsigned kind = 0; kind < entry_kinds; ++kind) {
            kinds_[kind].entries += log.kinds[kind].entries;
            kinds_[kind].bytes += log.kinds[kind].bytes;
        }
        return std::move(log.raw);
    });
}

void RecordingWriter::finish(Position end, std::span<const uint64_t> memory_hashes) {
    if (memory_hashes.size() != memory_hash_count(blocks_))
        throw Error("a recording ends with memory hashes that do not fit its memory blocks");
    append(EntryKind::end, end);
    finished_ = true;
    flush();
    chunks_.drain();
    Trailer trailer{end, {}, {memory_hashes.begin(), memory_hashes.end()}};
    trailer.kinds = statistics().kinds;
    trailer.devices = appended_.devices;
    submit_value(ChunkType::trailer, encode_trailer(trailer));
    chunks_.close();
}

Statistics RecordingWriter::statistics() const {
    Statistics result;
    const auto parts = chunks_.statistics();
    for (const ChunkType type : {ChunkType::processor, ChunkType::map, ChunkType::devices, ChunkType::memory})
        result.snapshot += parts[static_cast<size_t>(type)];
    for (const ChunkType type : {ChunkType::constants, ChunkType::constant_data})
        result.constants += parts[static_cast<size_t>(type)];
    result.log = parts[static_cast<size_t>(ChunkType::log)];
    result.devices = appended_.devices;
    const std::lock_guard lock(kinds_mutex_);
    result.kinds = kinds_;
    return result;
}

void RecordingWriter::submit_value(ChunkType type, Bytes raw) {
    auto content = std::make_shared<Bytes>(std::move(raw));
    chunks_.submit(type, options_.log_level, content->size(), [content] { return std::move(*content); });
}

}  // namespace panda::recording
