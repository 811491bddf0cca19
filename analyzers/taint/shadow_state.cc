#include "analyzers/taint/shadow_state.h"

#include <bit>

namespace panda::taint {
namespace {

constexpr size_t own_classes = 47;         // the rest shares those above
constexpr size_t x87_class = own_classes;  // for itself
constexpr size_t shared_begin = x87_class + 1;
constexpr size_t shared_classes = 64 - shared_begin;
constexpr size_t shared_bytes = 64;  // neighbours of a class: a vector register

}  // namespace

ShadowState::ShadowState(const trace::tcg::Dialect& dialect)
    : dialect_(dialect), class_by_word_(whole_size / 8), bytes_(whole_size), known_(whole_size / 8) {
    for (size_t word = 0; word < class_by_word_.size(); ++word)
        class_by_word_[word] = static_cast<uint8_t>(shared_begin + word * 8 / shared_bytes % shared_classes);
    for (size_t word = size / 8; word < class_by_word_.size(); ++word)
        class_by_word_[word] = x87_class;
    size_t next = 0;
    for (const trace::tcg::Global& global : dialect.globals()) {
        if (!inside({global.offset, 8}) || global.name == "env" || next == own_classes)
            continue;
        uint8_t& number = class_by_word_[static_cast<size_t>(global.offset) / 8];
        if (number >= shared_begin)
            number = static_cast<uint8_t>(next++);
    }
}

std::optional<StateRange> ShadowState::find(const std::string& name) const {
    for (const trace::tcg::Global& global : dialect_.globals())
        if (global.name == name)
            return StateRange{global.offset, trace::tcg::width(global.type) / 8};
    return std::nullopt;
}

bool ShadowState::has_vector_layout() const {
    const auto is_at = [this](const char* name, int64_t offset) {
        const auto found = find(name);
        return found && found->offset == offset && found->size == 8;
    };
    return is_at("rax", 0) && is_at("rip", 128) && is_at("cc_dst", 144) && is_at("bnd0_lb", 512);
}

Classes ShadowState::classes(const StateRange& range) const {
    Classes found = 0;
    if (!inside(range))
        return found;
    for (int64_t at = range.offset / 8; at <= (range.offset + int64_t{range.size} - 1) / 8; ++at)
        found |= Classes{1} << class_by_word_[static_cast<size_t>(at)];
    return found;
}

void ShadowState::settle() {
    for (Classes rest = stale_; rest != 0; rest &= rest - 1)
        ++epochs_[static_cast<size_t>(std::countr_zero(rest))];
    stale_ = 0;
}

std::optional<uint64_t> ShadowState::value_across(const StateRange& range) const {
    uint64_t value = 0;
    for (uint32_t i = 0; i < range.size; ++i) {
        const int64_t at = range.offset + i;
        const Known& known = known_[static_cast<size_t>(at) / 8];
        if (known.epoch != epochs_[class_of(at)] || (known.bytes >> (at % 8) & 1) == 0)
            return std::nullopt;
        value |= (known.value >> (at % 8 * 8) & 0xff) << (8 * i);
    }
    return value;
}

void ShadowState::set_bytes(const StateRange& range, uint64_t value) {
    if (!inside(range))
        return;
    for (uint32_t i = 0; i < range.size; ++i) {
        const int64_t at = range.offset + i;
        Known& known = known_[static_cast<size_t>(at) / 8];
        if (known.epoch != epochs_[class_of(at)])
            known = {0, epochs_[class_of(at)], 0};
        const auto shift = static_cast<unsigned>(at % 8 * 8);
        known.value = (known.value & ~(uint64_t{0xff} << shift)) | (value >> (8 * i) & 0xff) << shift;
        known.bytes |= static_cast<uint8_t>(1 << at % 8);
    }
}

void ShadowState::forget_bytes(const StateRange& range) {
    if (!inside(range))
        return;
    for (uint32_t i = 0; i < range.size; ++i) {
        const int64_t at = range.offset + i;
        known_[static_cast<size_t>(at) / 8].bytes &= static_cast<uint8_t>(~(1 << at % 8));
    }
}

}  // namespace panda::taint
