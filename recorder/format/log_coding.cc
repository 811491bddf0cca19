#include "recorder/format/log_coding.h"

#include <algorithm>
#include <utility>

#include "recorder/format/container.h"
#include "recorder/format/values.h"

namespace panda::recording {
namespace {

constexpr uint8_t exceptions_flag = 0x10;
constexpr uint8_t constant_flag = 0x20;

void put_position(ByteWriter& out, Position position) {
    out.put_varint(position.instr);
    out.put_varint(position.exceptions);
}

uint32_t get_exceptions(ByteReader& in) {
    const uint64_t value = in.get_varint();
    if (value > UINT32_MAX)
        throw Error("a number is longer than 32 bits");
    return static_cast<uint32_t>(value);
}

Position get_position(ByteReader& in) {
    Position position;
    position.instr = in.get_varint();
    position.exceptions = get_exceptions(in);
    return position;
}

struct KindColumns {
    ByteWriter distances;
    ValueEncoder value;
    ValueEncoder value2;
    ByteWriter sizes;
    ByteWriter data;
    ByteWriter devices;
    bool has_devices = false;
};

}  // namespace

struct LogEncoder {
    LogEncoder(const LogBatch& batch, const ConstantPool& constants) : batch(batch), constants(constants) {}
    void find_scales();
    void code_entries();
    EncodedLog assemble();

    const LogBatch& batch;
    const ConstantPool& constants;
    EncodedLog result;
    ByteWriter kinds;
    ByteWriter exceptions;
    std::array<KindColumns, entry_kinds> columns;
};

void LogEncoder::find_scales() {
    std::array<std::array<ScaleFinder, 2>, entry_kinds> finders;
    for (const LogBatch::Item& item : batch.entries_) {
        auto& [value, value2] = finders[static_cast<size_t>(item.kind)];
        value.add(item.value);
        value2.add(item.value2);
    }
    for (unsigned kind = 0; kind < entry_kinds; ++kind) {
        columns[kind].value = ValueEncoder(finders[kind][0].scale());
        columns[kind].value2 = ValueEncoder(finders[kind][1].scale());
    }
}

void LogEncoder::code_entries() {
    uint64_t instr = batch.entries_.front().instr;
    std::span<const std::byte> data(batch.data_);
    for (const LogBatch::Item& item : batch.entries_) {
        const auto kind = static_cast<uint8_t>(item.kind);
        const auto bytes = data.first(item.data_size);
        const auto constant =
            item.kind == EntryKind::memory_write ? constants.find(bytes) : std::optional<uint64_t>();
        kinds.put(static_cast<uint8_t>(kind | (item.exceptions != 0 ? exceptions_flag : 0) |
                                       (constant ? constant_flag : 0)));
        if (item.exceptions != 0)
            exceptions.put_varint(item.exceptions);
        KindColumns& c = columns[kind];
        c.distances.put_varint(item.instr - instr);
        c.value.put(item.value, item.instr);
        c.value2.put(item.value2, item.instr);
        c.sizes.put_varint(item.data_size);
        c.devices.put_varint(item.device);
        c.has_devices = c.has_devices || item.device != 0;
        if (constant)
            c.data.put_varint(*constant);
        else
            c.data.put_bytes(bytes);
        data = data.subspan(item.data_size);
        instr = item.instr;
        ++result.kinds[kind].entries;
    }
}

EncodedLog LogEncoder::assemble() {
    const auto position_of = [](const LogBatch::Item& item) { return Position{item.instr, item.exceptions}; };
    ByteWriter out;
    out.put_varint(batch.entries());
    put_position(out, position_of(batch.entries_.front()));
    put_position(out, position_of(batch.entries_.back()));
    for (const KindStatistics& kind : result.kinds)
        out.put_varint(kind.entries);
    put_column(out, kinds.bytes());
    put_column(out, exceptions.bytes());
    for (unsigned kind = 0; kind < entry_kinds; ++kind) {
        if (result.kinds[kind].entries == 0)
            continue;
        const size_t before = out.size();
        KindColumns& c = columns[kind];
        put_column(out, c.distances.bytes());
        c.value.finish(out);
        c.value2.finish(out);
        put_column(out, c.data.empty() ? std::span<const std::byte>() : c.sizes.bytes());
        put_column(out, c.data.bytes());
        if (static_cast<EntryKind>(kind) == EntryKind::memory_write)
            put_column(out, c.has_devices ? c.devices.bytes() : std::span<const std::byte>());
        result.kinds[kind].bytes = out.size() - before + result.kinds[kind].entries;
    }
    result.raw = out.take();
    return std::move(result);
}

EncodedLog encode_log(const LogBatch& batch, const ConstantPool& constants) {
    LogEncoder encoder(batch, constants);
    encoder.find_scales();
    encoder.code_entries();
    return encoder.assemble();
}

LogDecoder::Columns::Columns(ByteReader& in, EntryKind kind)
    : distances(take_column(in)),
      value(in),
      value2(in),
      sizes(take_column(in)),
      data(take_column(in)),
      no_data(data.at_end()) {
    if (kind == EntryKind::memory_write)
        devices = ByteReader(take_column(in));
    no_devices = devices.at_end();
}

bool LogDecoder::Columns::at_end() const {
    return distances.at_end() && value.at_end() && value2.at_end() && sizes.at_end() && data.at_end() &&
           devices.at_end();
}

LogDecoder::LogDecoder(Bytes raw, std::span<const MemoryBlock> blocks, std::span<const std::byte> constants,
                       size_t devices)
    : raw_(std::move(raw)), blocks_(blocks), constants_(constants), devices_(devices) {
    ByteReader in(raw_);
    const uint64_t entries = in.get_varint();
    first_ = get_position(in);
    last_ = get_position(in);
    position_ = {first_.instr, 0};
    uint64_t sum = 0;
    for (KindStatistics& kind : kinds_) {
        kind.entries = in.get_varint();
        if (kind.entries > entries - sum)
            throw Error("its entries do not add up");
        sum += kind.entries;
        left_[static_cast<size_t>(&kind - kinds_.data())] = kind.entries;
    }
    kind_column_ = ByteReader(take_column(in));
    exception_column_ = ByteReader(take_column(in));
    if (entries == 0 || sum != entries || kind_column_.remaining() != entries)
        throw Error("its entries do not add up");
    for (unsigned kind = 0; kind < entry_kinds; ++kind) {
        if (kinds_[kind].entries == 0)
            continue;
        const size_t before = in.position();
        columns_[kind].emplace(in, static_cast<EntryKind>(kind));
        kinds_[kind].bytes = in.position() - before + kinds_[kind].entries;
    }
    if (!in.at_end())
        throw Error("data goes on after its end");
}

bool LogDecoder::next(Entry& entry) {
    if (kind_column_.at_end()) {
        check_end();
        return false;
    }
    const auto code = kind_column_.get<uint8_t>();
    const bool in_constants = (code & constant_flag) != 0;
    const unsigned kind = code & ~(exceptions_flag | constant_flag);
    if (kind >= entry_kinds || (in_constants && static_cast<EntryKind>(kind) != EntryKind::memory_write))
        throw Error("an entry of unknown kind");
    if (left_[kind]-- == 0)
        throw Error("its entries do not add up");
    Columns& columns = *columns_[kind];
    decode_position(columns, (code & exceptions_flag) != 0);
    entry.kind = static_cast<EntryKind>(kind);
    entry.position = position_;
    entry.value = columns.value.get(position_.instr);
    entry.value2 = columns.value2.get(position_.instr);
    decode_data(columns, entry, in_constants);
    const uint64_t device = columns.no_devices ? 0 : columns.devices.get_varint();
    if (device > devices_)
        throw Error("a device write by a device that is not listed");
    entry.device = static_cast<uint32_t>(device);
    return true;
}

void LogDecoder::decode_position(Columns& columns, bool exceptions_coded) {
    const uint64_t distance = columns.distances.get_varint();
    if (distance > UINT64_MAX - position_.instr)
        throw Error("a position overflows");
    const Position position = {position_.instr + distance,
                               exceptions_coded ? get_exceptions(exception_column_) : 0};
    const bool is_first = kind_column_.position() == 1;
    if (is_first ? position != first_ : position < position_)
        throw Error("positions do not ascend");
    position_ = position;
}

void LogDecoder::decode_data(Columns& columns, Entry& entry, bool in_constants) {
    const uint64_t size = columns.no_data ? 0 : columns.sizes.get_varint();
    if (size > maximum_entry_data)
        throw Error("an entry of " + std::to_string(size) + " bytes");
    const auto data = in_constants ? constant(columns.data.get_varint(), size) : columns.data.take(size);
    entry.map.ranges.clear();
    if (entry.kind == EntryKind::memory_map) {
        entry.map = decode_map(data, blocks_);
        entry.data.clear();
        return;
    }
    entry.data.assign(data.begin(), data.end());
    if (entry.kind == EntryKind::memory_write &&
        (entry.value >= blocks_.size() || entry.value2 > blocks_[entry.value].size ||
         size > blocks_[entry.value].size - entry.value2))
        throw Error("a device write outside the memory blocks");
}

std::span<const std::byte> LogDecoder::constant(uint64_t at, uint64_t size) const {
    if (at > constants_.size() || size > constants_.size() - at)
        throw Error("a device write of bytes outside the constants");
    return constants_.subspan(at, size);
}

void LogDecoder::check_end() const {
    const bool all = std::ranges::all_of(columns_, [](const auto& c) { return !c || c->at_end(); });
    if (!all || !exception_column_.at_end() || position_ != last_)
        throw Error("its columns do not end together");
}

}  // namespace panda::recording
