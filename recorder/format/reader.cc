#include "recorder/format/reader.h"

#include <algorithm>
#include <deque>
#include <thread>

namespace panda::recording {
namespace {

// Where a chunk type belongs in the order of the file.
unsigned stage(ChunkType type) {
    switch (type) {
        case ChunkType::facts:
            return 0;
        case ChunkType::blocks:
            return 1;
        case ChunkType::processor:
        case ChunkType::map:
        case ChunkType::memory:
        case ChunkType::constants:
        case ChunkType::constant_data:
        case ChunkType::devices:
            return 2;
        case ChunkType::snapshot_end:
            return 3;
        case ChunkType::log:
            return 4;
        case ChunkType::trailer:
            break;
    }
    return 5;
}

bool is_single(ChunkType type) {
    return type != ChunkType::map && type != ChunkType::memory && type != ChunkType::constant_data &&
           type != ChunkType::log;
}

}  // namespace

RecordingReader::RecordingReader(const std::string& path) : chunks_(path) {
    check_layout();
    for (const ChunkPlace& chunk : chunks_.chunks())
        read_head(chunk);
    std::ranges::sort(initial_maps_, {}, &MemoryMap::address_space);
}

void RecordingReader::check_layout() const {
    std::array<uint64_t, chunk_types> count{};
    unsigned reached = 0;
    for (const ChunkPlace& chunk : chunks_.chunks()) {
        const ChunkType type = chunk.header.type;
        const unsigned now = stage(type);
        if (now < reached || (++count[static_cast<size_t>(type)] > 1 && is_single(type)))
            chunks_.fail(chunk, std::string("a ") + chunk_type_name(type) + " chunk out of place");
        reached = now;
    }
    const auto has = [&count](ChunkType type) { return count[static_cast<size_t>(type)] != 0; };
    if (!has(ChunkType::snapshot_end) && reached < stage(ChunkType::snapshot_end))
        throw FileError(
            chunks_.path(),
            "the recording was cut short before its snapshot was complete: there is nothing to replay");
    for (const ChunkType type :
         {ChunkType::facts, ChunkType::blocks, ChunkType::processor, ChunkType::map, ChunkType::snapshot_end})
        if (!has(type))
            throw FileError(chunks_.path(),
                            std::string("the recording has no ") + chunk_type_name(type) + " chunk");
}

void RecordingReader::read_head(const ChunkPlace& chunk) {
    const ChunkType type = chunk.header.type;
    if (type == ChunkType::memory || type == ChunkType::constant_data || type == ChunkType::log)
        return;
    Bytes raw = chunks_.read(chunk);
    try {
        if (type == ChunkType::facts)
            facts_ = decode_facts(raw);
        else if (type == ChunkType::blocks)
            blocks_ = decode_blocks(raw);
        else if (type == ChunkType::processor)
            processor_ = std::move(raw);
        else if (type == ChunkType::map)
            initial_maps_.push_back(decode_map(raw, blocks_));
        else if (type == ChunkType::devices)
            devices_ = decode_devices(raw);
        else if (type == ChunkType::constants)
            constants_ = decode_constants(raw);
        else if (type == ChunkType::trailer)
            trailer_ = decode_trailer(raw, blocks_, devices_.size());
    } catch (const Error& error) {
        chunks_.fail(chunk, error.what());
    }
}

std::string RecordingReader::fact(const std::string& name) const {
    const auto found = facts_.find(name);
    return found == facts_.end() ? std::string() : found->second;
}

void RecordingReader::read_memory(const MemoryUse& use) const {
    struct Ahead {
        const ChunkPlace* chunk;
        std::future<Bytes> raw;
    };
    WorkerPool pool(std::clamp(std::thread::hardware_concurrency(), 1u, 4u));
    std::deque<Ahead> ahead;
    const auto use_oldest = [&] {
        const Bytes raw = ahead.front().raw.get();
        const Pages pages = read_pages(*ahead.front().chunk, raw);
        ahead.pop_front();
        for (const PageRun& run : pages.runs)
            use(pages.block, run.offset, run.bytes);
    };
    for (const ChunkPlace& chunk : chunks_.chunks()) {
        if (chunk.header.type != ChunkType::memory)
            continue;
        ahead.push_back({&chunk, pool.submit([this, &chunk] { return chunks_.read(chunk); })});
        if (ahead.size() > size_t{2} * pool.threads())
            use_oldest();
    }
    while (!ahead.empty())
        use_oldest();
}

Pages RecordingReader::read_pages(const ChunkPlace& chunk, const Bytes& raw) const {
    try {
        return decode_pages(raw, blocks_);
    } catch (const Error& error) {
        chunks_.fail(chunk, error.what());
    }
}

Position RecordingReader::last_position() const {
    if (trailer_)
        return trailer_->end;
    const auto log = run_of(ChunkType::log);
    return log.empty() ? Position() : read_log(log.back(), {}).last();
}

const std::vector<uint64_t>& RecordingReader::memory_hashes() const {
    static const std::vector<uint64_t> none;
    return trailer_ ? trailer_->memory_hashes : none;
}

LogCursor RecordingReader::log() const {
    return LogCursor(*this, run_of(ChunkType::log), read_constants());
}

Bytes RecordingReader::read_constants() const {
    uint64_t size = 0;
    for (const Constant& constant : constants_)
        size += constant.size;
    Bytes all;
    for (const ChunkPlace& chunk : chunks_.chunks()) {
        if (chunk.header.type != ChunkType::constant_data)
            continue;
        const Bytes piece = chunks_.read(chunk);
        if (piece.size() > size - all.size())
            chunks_.fail(chunk, "it holds more than the recording's constants");
        all.insert(all.end(), piece.begin(), piece.end());
    }
    if (all.size() != size)
        throw FileError(chunks_.path(), "the recording's constants are not whole");
    return all;
}

void RecordingReader::count_device_writes(Statistics& statistics) const {
    LogCursor entries = log();
    for (const Entry* entry = entries.peek(); entry != nullptr; entry = entries.peek()) {
        if (entry->kind == EntryKind::memory_write)
            statistics.add_write(entry->device, entry->data.size());
        entries.pop();
    }
}

Statistics RecordingReader::statistics() const {
    Statistics result;
    for (const ChunkPlace& chunk : chunks_.chunks()) {
        const PartStatistics part = {1, chunk.header.raw_size, chunk_header_size + chunk.header.stored_size};
        const ChunkType type = chunk.header.type;
        const unsigned place = stage(type);
        if (type == ChunkType::constants || type == ChunkType::constant_data)
            result.constants += part;
        else if (place == stage(ChunkType::memory))
            result.snapshot += part;
        else if (place == stage(ChunkType::log))
            result.log += part;
        if (place != stage(ChunkType::log) || trailer_)
            continue;
        const LogDecoder log = read_log(chunk, {});
        for (unsigned kind = 0; kind < entry_kinds; ++kind) {
            result.kinds[kind].entries += log.kinds()[kind].entries;
            result.kinds[kind].bytes += log.kinds()[kind].bytes;
        }
    }
    if (trailer_) {
        result.kinds = trailer_->kinds;
        result.devices = trailer_->devices;
    } else {
        count_device_writes(result);
    }
    return result;
}

LogDecoder RecordingReader::read_log(const ChunkPlace& chunk, std::span<const std::byte> constants) const {
    Bytes raw = chunks_.read(chunk);
    try {
        return LogDecoder(std::move(raw), blocks_, constants, devices_.size());
    } catch (const Error& error) {
        chunks_.fail(chunk, error.what());
    }
}

std::span<const ChunkPlace> RecordingReader::run_of(ChunkType type) const {
    const auto& all = chunks_.chunks();
    const auto is_type = [type](const ChunkPlace& chunk) { return chunk.header.type == type; };
    const auto begin = std::ranges::find_if(all, is_type);
    const auto end = std::find_if_not(begin, all.end(), is_type);
    return {begin, end};
}

}  // namespace panda::recording
