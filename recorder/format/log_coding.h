// The content of a log chunk: entries, as columns of similar values, which zstd compresses well.
//
//   varint entries
//   varint instr, varint exceptions   of the first entry
//   varint instr, varint exceptions   of the last entry
//   16 times varint: the number of entries of each kind
//   column kinds: a byte per entry: EntryKind, plus 0x10 if exceptions is not 0, plus 0x20 if the data are in
//     the constants
//   column exceptions: varints, for the entries that are marked with 0x10
//   then for each kind that occurs:
//     column distances: varints, instr minus that of the entry before, whatever its kind
//     value, value2: a scale and four columns each, see value_coding.h
//     column data sizes: varints; left out when all are zero
//     column data; a memory map is here as in a map chunk, and for data in the constants a varint says where
//       in them
//     only for memory writes, column devices: varints, Entry::device; left out when all are zero
// A column is a varint size and then its bytes. Nothing carries over from one chunk to the next.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "recorder/format/constants.h"
#include "recorder/format/recording.h"
#include "recorder/format/statistics.h"
#include "recorder/format/value_coding.h"

namespace panda::recording {

// Entries that will become a chunk. Adding one takes a few stores; they are coded later, on another thread.
class LogBatch {
  public:
    // Reserves room for this many entries and bytes of data.
    LogBatch(size_t entries, size_t data) {
        entries_.reserve(entries);
        data_.reserve(data);
    }
    void add(EntryKind kind, Position position, uint64_t value, uint64_t value2,
             std::span<const std::byte> data, uint16_t device = 0) {
        entries_.push_back({position.instr, value, value2, position.exceptions,
                            static_cast<uint32_t>(data.size()), kind, device});
        data_.insert(data_.end(), data.begin(), data.end());
    }
    bool empty() const { return entries_.empty(); }
    size_t entries() const { return entries_.size(); }
    size_t data_bytes() const { return data_.size(); }
    // Bytes of memory in use.
    size_t memory() const { return entries_.size() * sizeof(Item) + data_.size(); }

  private:
    friend struct LogEncoder;
    struct Item {
        uint64_t instr;
        uint64_t value;
        uint64_t value2;
        uint32_t exceptions;
        uint32_t data_size;
        EntryKind kind;
        uint16_t device;
    };
    std::vector<Item> entries_;
    Bytes data_;  // of all entries, one after the other
};

struct EncodedLog {
    Bytes raw;
    std::array<KindStatistics, entry_kinds> kinds{};
};

// The content of a log chunk. The batch is not empty and its positions ascend. Codes about 10 M entries per
// second. constants: device writes that are found there become references.
EncodedLog encode_log(const LogBatch& batch, const ConstantPool& constants = {});

// Walks the entries of one log chunk. Every call throws Error on damaged content.
class LogDecoder {
  public:
    // raw: the chunk's content, which is kept. blocks: the recording's, which must outlive this; entries that
    // refer to memory outside of them are refused. constants: the bytes of all constants of the recording,
    // which must outlive this. devices: how many the recording lists.
    LogDecoder(Bytes raw, std::span<const MemoryBlock> blocks, std::span<const std::byte> constants = {},
               size_t devices = 0);
    LogDecoder(LogDecoder&&) = default;
    LogDecoder& operator=(LogDecoder&&) = default;

    // Decodes the next entry into `entry`, whose buffers are reused. Returns false after the last entry.
    bool next(Entry& entry);

    Position first() const { return first_; }
    Position last() const { return last_; }
    const std::array<KindStatistics, entry_kinds>& kinds() const { return kinds_; }

  private:
    struct Columns {
        Columns(ByteReader& in, EntryKind kind);
        bool at_end() const;

        ByteReader distances;
        ValueDecoder value;
        ValueDecoder value2;
        ByteReader sizes;
        ByteReader data;
        bool no_data;
        ByteReader devices{{}};
        bool no_devices = true;
    };
    void decode_position(Columns& columns, bool exceptions_coded);
    void decode_data(Columns& columns, Entry& entry, bool in_constants);
    std::span<const std::byte> constant(uint64_t at, uint64_t size) const;
    void check_end() const;

    Bytes raw_;
    std::span<const MemoryBlock> blocks_;
    std::span<const std::byte> constants_;
    size_t devices_;
    Position first_;
    Position last_;
    Position position_;  // of the entry decoded last
    std::array<KindStatistics, entry_kinds> kinds_{};
    std::array<uint64_t, entry_kinds> left_{};  // entries not yet decoded
    ByteReader kind_column_{{}};
    ByteReader exception_column_{{}};
    std::array<std::optional<Columns>, entry_kinds> columns_;
};

}  // namespace panda::recording
