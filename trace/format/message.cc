#include "trace/format/message.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "common/checksum.h"
#include "common/compression.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

std::span<const capnp::word> as_words(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)};
}

uint64_t load(std::span<const std::byte> bytes, size_t offset) {
    uint64_t value;
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
}

// Whether the root pointer leads to a struct right behind it, large enough for checksum and checkedBytes.
// Then the places of these two are known before the message is parsed.
bool root_is_in_place(std::span<const std::byte> message) {
    constexpr size_t minimum = checksum_offset + 3 * sizeof(uint64_t);
    if (message.size() < minimum)
        return false;
    const uint64_t pointer = load(message, frame_header_bytes);
    const auto data_words = static_cast<uint16_t>(pointer >> 32);
    return static_cast<uint32_t>(pointer) == 0 && data_words >= 3;
}

}  // namespace

uint64_t message_checksum(std::span<const std::byte> message, uint64_t checked_bytes) {
    const std::array<std::byte, sizeof(uint64_t)> zero{};
    const auto checked = message.first(checked_bytes);
    const auto rest = checked.subspan(checksum_offset + zero.size());
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, checked.data(), checksum_offset);
    XXH3_64bits_update(&state, zero.data(), zero.size());
    XXH3_64bits_update(&state, rest.data(), rest.size());
    return XXH3_64bits_digest(&state);
}

EncodedColumn encode_column(schema::ColumnId id, schema::Coding coding, uint64_t records,
                            std::span<const std::byte> raw, int compression_level) {
    EncodedColumn column{id, coding, schema::Compression::ZSTD, records, raw.size(), 0, {}};
    column.data = compress(raw, compression_level);
    if (column.data.size() >= raw.size()) {
        column.compression = schema::Compression::NONE;
        column.data.assign(raw.begin(), raw.end());
    }
    column.checksum = checksum(column.data);
    return column;
}

MessageDraft::MessageDraft(size_t extra_bytes)
    : builder_(static_cast<uint>((extra_bytes + 1024) / sizeof(capnp::word)),
               capnp::AllocationStrategy::FIXED_SIZE),
      root_(builder_.initRoot<schema::Message>()) {}

uint64_t MessageDraft::size() {
    return frame_header_bytes + builder_.sizeInWords() * sizeof(capnp::word);
}

void MessageDraft::end_checked_part() {
    checked_bytes_ = size();
}

void MessageDraft::put_columns(capnp::List<schema::Column>::Builder list,
                               std::span<const EncodedColumn> columns) {
    for (uint32_t i = 0; i < columns.size(); ++i) {
        auto column = list[i];
        column.setId(columns[i].id);
        column.setCoding(columns[i].coding);
        column.setCompression(columns[i].compression);
        column.setRecords(columns[i].records);
        column.setRawSize(columns[i].raw_size);
        column.setChecksum(columns[i].checksum);
    }
    end_checked_part();
    for (uint32_t i = 0; i < columns.size(); ++i) {
        auto data = list[i].initData(static_cast<uint>(columns[i].data.size()));
        std::copy_n(reinterpret_cast<const kj::byte*>(columns[i].data.data()), columns[i].data.size(),
                    data.begin());
    }
}

Bytes MessageDraft::finish() {
    const uint64_t total = size();
    if (total > max_message_bytes)
        throw Error("a message of the trace would be larger than its limit");
    const uint64_t checked = checked_bytes_.value_or(total);
    root_.setCheckedBytes(checked);
    const auto segments = builder_.getSegmentsForOutput();
    if (segments.size() != 1)
        throw Error("a message of the trace was larger than planned");
    const auto segment = segments[0].asBytes();
    ByteWriter out;
    out.put(uint32_t{0});  // one segment
    out.put(static_cast<uint32_t>(segments[0].size()));
    out.put_bytes(std::as_bytes(std::span(segment.begin(), segment.size())));
    Bytes message = out.take();
    const uint64_t sum = message_checksum(message, checked);
    std::memcpy(message.data() + checksum_offset, &sum, sizeof(sum));
    return message;
}

Bytes decode_column(const ColumnView& column, schema::Coding coding, uint64_t max_bytes) {
    const std::string name = "column " + std::to_string(column.id) + " ";
    if (column.coding != static_cast<uint16_t>(coding))
        throw Error(name + "has a coding that this version does not know");
    if (column.raw_size > std::min(max_bytes, max_column_bytes))
        throw Error(name + "is larger than it can be");
    if (checksum(column.data) != column.checksum)
        throw Error(name + "is damaged (its checksum is wrong)");
    switch (static_cast<schema::Compression>(column.compression)) {
        case schema::Compression::NONE:
            if (column.data.size() != column.raw_size)
                throw Error(name + "has an unexpected size");
            return Bytes(column.data.begin(), column.data.end());
        case schema::Compression::ZSTD:
            return decompress(column.data, column.raw_size);
    }
    throw Error(name + "has a compression that this version does not know");
}

std::vector<ColumnView> read_columns(capnp::List<schema::Column>::Reader list) {
    std::vector<ColumnView> columns;
    for (const auto column : list) {
        const auto data = column.getData();
        const auto id = static_cast<uint16_t>(column.getId());
        if (find_column(columns, column.getId()) != nullptr)
            throw Error("has column " + std::to_string(id) + " twice");
        columns.push_back({id, static_cast<uint16_t>(column.getCoding()),
                           static_cast<uint16_t>(column.getCompression()), column.getRecords(),
                           column.getRawSize(), column.getChecksum(),
                           std::as_bytes(std::span(data.begin(), data.size()))});
    }
    return columns;
}

const ColumnView* find_column(std::span<const ColumnView> columns, schema::ColumnId id) {
    for (const ColumnView& column : columns) {
        if (column.id == static_cast<uint16_t>(id))
            return &column;
    }
    return nullptr;
}

MessageView::MessageView(Frame frame, std::string path) : frame_(std::move(frame)), path_(std::move(path)) {
    const auto bytes = frame_.bytes;
    if (!root_is_in_place(bytes))
        fail(frame_, path_, "is not a message of a trace");
    const uint64_t checked = load(bytes, checksum_offset + sizeof(uint64_t));
    if (checked < checksum_offset + sizeof(uint64_t) || checked > bytes.size() ||
        message_checksum(bytes, checked) != load(bytes, checksum_offset))
        fail(frame_, path_, "is damaged (its checksum is wrong)");
    // The traversal limit stops pointers that make a small message look endless. A list may be read more than
    // once, so it is a multiple of the message's size.
    const capnp::ReaderOptions options{4 * bytes.size() / sizeof(capnp::word) + 1024, 16};
    const auto words = as_words(bytes);
    which_ = guarded_parse(frame_, path_, [&] {
        reader_ = std::make_unique<capnp::FlatArrayMessageReader>(kj::arrayPtr(words.data(), words.size()),
                                                                  options);
        return reader_->getRoot<schema::Message>().which();
    });
}

void MessageView::fail(const Frame& frame, const std::string& path, const std::string& reason) {
    throw FileError(path, "message at offset " + std::to_string(frame.offset), reason);
}

}  // namespace panda::trace
