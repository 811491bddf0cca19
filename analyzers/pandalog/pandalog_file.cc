#include "analyzers/pandalog/pandalog_file.h"

#include <capnp/serialize.h>

#include <span>

namespace panda::pandalog {
namespace {

constexpr size_t buffer_size = size_t{1} << 16;

}  // namespace

void PandalogFile::write(capnp::MessageBuilder& entry) {
    const auto words = capnp::messageToFlatArray(entry);
    const auto bytes = std::as_bytes(std::span(words.begin(), words.end()));
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() >= buffer_size)
        flush();
}

void PandalogFile::flush() {
    file_.write(buffer_);
    buffer_.clear();
}

void PandalogFile::finish() {
    flush();
    file_.close();
}

}  // namespace panda::pandalog
