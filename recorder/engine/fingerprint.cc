#include "recorder/engine/fingerprint.h"

#include <cstring>

#include "common/checksum.h"
#include "common/hex.h"

namespace panda::engine {
namespace {

constexpr const char* group_names[] = {"flags",
                                       "general registers",
                                       "segment and descriptor table registers",
                                       "control and debug registers",
                                       "model-specific registers",
                                       "x87 registers",
                                       "vector registers"};

template <typename T>
uint32_t hash(const T& group) {
    return static_cast<uint32_t>(checksum(std::as_bytes(std::span(&group, 1))));
}

}  // namespace

Fingerprint Fingerprint::of(const GlueProcessor& processor) {
    Fingerprint result;
    result.data_ = {
        processor.flow.rip,
        {hash(processor.flow.rflags), hash(processor.general), hash(processor.segmentation),
         hash(processor.control), hash(processor.msr), hash(processor.x87), hash(processor.vector)},
        0};
    return result;
}

Fingerprint Fingerprint::parse(std::span<const std::byte> bytes) {
    Fingerprint result;
    if (bytes.size() != sizeof(result.data_))
        throw Error("a state check has an unknown size");
    std::memcpy(&result.data_, bytes.data(), sizeof(result.data_));
    return result;
}

std::string Fingerprint::difference(const Fingerprint& replayed) const {
    std::string text;
    const auto add = [&text](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
    if (data_.rip != replayed.data_.rip)
        add("instruction pointer (recorded " + hex(data_.rip) + ", replayed " + hex(replayed.data_.rip) +
            ")");
    for (int i = 0; i < groups; i++) {
        if (data_.hashes[i] != replayed.data_.hashes[i])
            add(group_names[i]);
    }
    return text;
}

}  // namespace panda::engine
