#include "analyzers/taps/tap_file.h"

#include <bit>

namespace panda::taps {

static_assert(std::endian::native == std::endian::little);

TapFile::TapFile(const std::string& path, const trace::TraceHeader& header)
    : file_(path, IfExists::overwrite), address_size_(header.architecture == "i386" ? 4 : 8) {}

void TapFile::write_tap(const callstack::Tap& tap) {
    write_address(tap.caller);
    write_address(tap.pc);
    write_address(tap.asid);
}

void TapFile::write(const void* data, size_t size) {
    constexpr size_t buffer_size = 1 << 16;
    const auto* const bytes = static_cast<const std::byte*>(data);
    buffer_.insert(buffer_.end(), bytes, bytes + size);
    if (buffer_.size() < buffer_size)
        return;
    file_.write(buffer_);
    buffer_.clear();
}

void TapFile::close() {
    file_.write(buffer_);
    buffer_.clear();
    file_.close();
}

}  // namespace panda::taps
