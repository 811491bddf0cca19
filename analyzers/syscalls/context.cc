#include "analyzers/syscalls/context.h"

#include "common/bytes.h"

namespace panda::syscalls {

const CallForm* Context::form_of(const Call& call) {
    static constexpr CallForm none{};
    return call.description == nullptr ? &none : &call.description->form_for(call.arguments);
}

uint64_t Context::argument(const Notation& notation) const {
    return notation.position < call_.arguments.size() ? call_.arguments[notation.position] : 0;
}

uint64_t Context::argument_at(size_t index) const {
    return index < notations().size() ? argument(notations()[index]) : 0;
}

std::optional<uint64_t> Context::read_unsigned(uint64_t address, unsigned size) const {
    uint64_t value = 0;
    if (size > sizeof value || !read(address, std::as_writable_bytes(std::span(&value, 1)).first(size)))
        return std::nullopt;
    return value;
}

std::optional<int64_t> Context::read_signed(uint64_t address, unsigned size) const {
    const auto value = read_unsigned(address, size);
    if (!value || size == 0)
        return std::nullopt;
    const unsigned unused = 64 - 8 * size;
    return static_cast<int64_t>(*value << unused) >> unused;
}

}  // namespace panda::syscalls
