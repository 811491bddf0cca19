#include "analyzers/lift/run_log.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/error.h"

namespace panda::lift {
namespace {

constexpr std::string_view magic = "PANDALLT";
constexpr uint32_t version = 1;
constexpr size_t head_size = 16, record_size = 16;
constexpr size_t buffer_size = 1 << 16;

// Both ends of the format are little-endian, as this program's processor is.
template <typename T>
void put(std::byte* at, T value) {
    std::memcpy(at, &value, sizeof value);
}

template <typename T>
T number(std::span<const std::byte> bytes, size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// Whether a record's fields are such as its kind has.
bool is_sound(const LogRecord& record) {
    const bool nothing_else = record.instructions == 0 && record.block == 0;
    switch (record.kind) {
        case LogKind::block:
            return record.size <= 1;
        case LogKind::load:
        case LogKind::store:
            return nothing_else && record.size != 0 && record.size <= 16;
        case LogKind::branch:
            return nothing_else && record.size <= 1 && record.value == 0;
    }
    return false;
}

}  // namespace

LogWriter::LogWriter(const std::string& path, IfExists if_exists) : file_(path, if_exists) {
    buffer_.resize(head_size);
    std::ranges::copy(std::as_bytes(std::span(magic)), buffer_.begin());
    put(buffer_.data() + magic.size(), version);
}

void LogWriter::write(const LogRecord& record) {
    std::array<std::byte, record_size> bytes;
    put(&bytes[0], record.kind);
    put(&bytes[1], record.size);
    put(&bytes[2], record.instructions);
    put(&bytes[4], record.block);
    put(&bytes[8], record.value);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() >= buffer_size)
        flush();
}

void LogWriter::flush() {
    file_.write(buffer_);
    buffer_.clear();
}

void LogWriter::close() {
    flush();
    file_.close();
}

LogReader::LogReader(std::span<const std::byte> bytes, std::string name)
    : bytes_(bytes), name_(std::move(name)) {
    if (bytes.size() < head_size ||
        !std::ranges::equal(bytes.first(magic.size()), std::as_bytes(std::span(magic))))
        throw FileError(name_, "is not a log of lifted blocks");
    if (const auto found = number<uint32_t>(bytes, magic.size()); found != version)
        throw FileError(name_, "has version " + std::to_string(found) +
                                   " of the log, and this program reads " + std::to_string(version));
    at_ = head_size;
}

std::optional<LogRecord> LogReader::next() {
    if (at_ == bytes_.size())
        return std::nullopt;
    const std::string place = "offset " + std::to_string(at_);
    if (bytes_.size() - at_ < record_size)
        throw FileError(name_, place, "the last record is cut short");
    const auto bytes = bytes_.subspan(at_, record_size);
    const LogRecord record{static_cast<LogKind>(bytes[0]), number<uint8_t>(bytes, 1),
                           number<uint16_t>(bytes, 2), number<uint32_t>(bytes, 4),
                           number<uint64_t>(bytes, 8)};
    if (!is_sound(record))
        throw FileError(name_, place, "is not a record");
    if (record.kind != LogKind::block && !in_block_)
        throw FileError(name_, place, "the record belongs to no block");
    in_block_ = true;
    at_ += record_size;
    return record;
}

}  // namespace panda::lift
