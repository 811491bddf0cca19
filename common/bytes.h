// Little-endian scalars and LEB128 varints in byte buffers: the building blocks of both file formats.
// Writing appends, and fails only when memory runs out; reading is bounded and throws on hostile input.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/error.h"

namespace panda {

static_assert(std::endian::native == std::endian::little, "file formats are written by plain copies");

using Bytes = std::vector<std::byte>;

inline uint64_t zigzag_encode(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t zigzag_decode(uint64_t value) {
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Appends to a buffer that it owns.
class ByteWriter {
  public:
    template <typename T>
        requires std::is_trivially_copyable_v<T>
    void put(const T& value) {
        put_bytes(std::as_bytes(std::span<const T, 1>(&value, 1)));
    }
    void put_bytes(std::span<const std::byte> bytes) {
        data_.insert(data_.end(), bytes.begin(), bytes.end());
    }
    // Unsigned LEB128, 1 to 10 bytes.
    void put_varint(uint64_t value) {
        while (value >= 0x80) {
            data_.push_back(static_cast<std::byte>(value | 0x80));
            value >>= 7;
        }
        data_.push_back(static_cast<std::byte>(value));
    }
    // Length as a varint, then the bytes.
    void put_string(std::string_view text) {
        put_varint(text.size());
        put_bytes(std::as_bytes(std::span(text.data(), text.size())));
    }

    size_t size() const { return data_.size(); }
    bool empty() const { return data_.empty(); }
    void clear() { data_.clear(); }
    std::span<const std::byte> bytes() const { return data_; }
    Bytes take() { return std::move(data_); }

  private:
    Bytes data_;
};

// Reads a buffer that outlives it. Every call throws Error when the buffer ends early or a varint is
// malformed; the caller adds the file and the place.
class ByteReader {
  public:
    explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    template <typename T>
        requires std::is_trivially_copyable_v<T>
    T get() {
        T value;
        std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
        return value;
    }
    // The next `size` bytes, in place.
    std::span<const std::byte> take(uint64_t size) {
        if (size > remaining())
            throw Error("data ends early");
        auto result = bytes_.subspan(position_, size);
        position_ += size;
        return result;
    }
    uint64_t get_varint() {
        uint64_t value = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            if (position_ == bytes_.size())
                throw Error("data ends early");
            const auto byte = std::to_integer<uint64_t>(bytes_[position_++]);
            if (shift == 63 && byte > 1)
                break;
            value |= (byte & 0x7f) << shift;
            if (byte < 0x80)
                return value;
        }
        throw Error("a number is longer than 64 bits");
    }
    // A string of at most `limit` bytes.
    std::string get_string(uint64_t limit) {
        const uint64_t size = get_varint();
        if (size > limit)
            throw Error("a string is longer than " + std::to_string(limit) + " bytes");
        auto text = take(size);
        return std::string(reinterpret_cast<const char*>(text.data()), text.size());
    }
    size_t remaining() const { return bytes_.size() - position_; }
    bool at_end() const { return remaining() == 0; }
    size_t position() const { return position_; }

  private:
    std::span<const std::byte> bytes_;
    size_t position_ = 0;
};

}  // namespace panda
