#include "analyzers/lift/replayed_guest.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace panda::lift {

using trace::Access;
using trace::AccessKind;

void ReplayedGuest::start(const trace::AddressSpace& memory, std::span<const Access> delivered,
                          std::span<const Access> accesses, std::span<const Input> inputs) {
    loaded_.clear();
    start_again(memory, accesses, inputs);
    for (const Access& access : delivered) {
        const std::array value = {access.value, access.value_high};
        if (access.is_store())
            write(access.address,
                  std::as_bytes(std::span(value)).first(std::min<size_t>(access.size, sizeof value)));
    }
    delivered_ = written_.size();
}

void ReplayedGuest::start_again(const trace::AddressSpace& memory, std::span<const Access> accesses,
                                std::span<const Input> inputs) {
    memory_ = &memory;
    accesses_ = accesses;
    inputs_ = inputs;
    at_ = loads_ = inputs_taken_ = 0;
    written_.clear();
    delivered_ = 0;
    stop_ = Stop::none;
    difference_[0] = '\0';
}

bool ReplayedGuest::at_end() {
    while (at_ < accesses_.size() &&
           (accesses_[at_].kind == AccessKind::fill || accesses_[at_].kind == AccessKind::table_write))
        ++at_;
    return at_ == accesses_.size();
}

void ReplayedGuest::give_up(Stop stop) {
    stop_ = stop;
    Runner::stop();
}

const Access& ReplayedGuest::next(uint64_t address, unsigned size, bool store) {
    if (at_end()) {
        std::snprintf(difference_, sizeof(difference_),
                      "%s %u bytes at %#" PRIx64 ", and the trace has no more accesses",
                      store ? "stores" : "loads", size, address);
        give_up(Stop::ended);
    }
    const Access& access = accesses_[at_++];
    if (access.is_store() != store || access.address != address || access.size != size) {
        std::snprintf(difference_, sizeof(difference_),
                      "%s %u bytes at %#" PRIx64 ", and the trace %s %u bytes at %#" PRIx64,
                      store ? "stores" : "loads", size, address, access.is_store() ? "stores" : "loads",
                      access.size, access.address);
        give_up(Stop::mismatch);
    }
    if (observer_ != nullptr)
        observer_->access(access);
    return access;
}

std::array<uint64_t, 2> ReplayedGuest::read(uint64_t address, unsigned size) {
    if (loads_ < loaded_.size())
        return loaded_[loads_++];
    std::array<uint64_t, 2> value{};
    const auto out = std::as_writable_bytes(std::span(value)).first(size);
    if (!memory_->read(address, out))
        value = {next_input().value, 0};  // a device's memory
    for (const Written& byte : written_) {
        if (byte.address - address < out.size())
            out[byte.address - address] = byte.value;
    }
    loaded_.push_back(value);
    ++loads_;
    return value;
}

const ReplayedGuest::Input& ReplayedGuest::next_input() {
    if (inputs_taken_ == inputs_.size())
        give_up(Stop::input);
    return inputs_[inputs_taken_++];
}

void ReplayedGuest::write(uint64_t address, std::span<const std::byte> bytes) {
    for (size_t i = 0; i < bytes.size(); ++i)
        written_.push_back({address + i, bytes[i]});
}

uint64_t ReplayedGuest::load(uint64_t address, unsigned size) {
    next(address, size, false);
    return read(address, size)[0];
}

std::array<uint64_t, 2> ReplayedGuest::load_wide(uint64_t address) {
    next(address, 16, false);
    return read(address, 16);
}

void ReplayedGuest::store(uint64_t address, uint64_t value, unsigned size) {
    const Access& access = next(address, size, true);
    value &= size == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
    if (access.value != value) {
        std::snprintf(difference_, sizeof(difference_),
                      "stores %#" PRIx64 " at %#" PRIx64 ", and the trace %#" PRIx64, value, address,
                      access.value);
        give_up(Stop::mismatch);
    }
    write(address, std::as_bytes(std::span(&value, 1)).first(size));
}

void ReplayedGuest::store_wide(uint64_t address, std::array<uint64_t, 2> value) {
    const Access& access = next(address, 16, true);
    if (access.value != value[0] || access.value_high != value[1]) {
        std::snprintf(difference_, sizeof(difference_),
                      "stores %#" PRIx64 " %016" PRIx64 " at %#" PRIx64 ", and the trace %#" PRIx64
                      " %016" PRIx64,
                      value[1], value[0], address, access.value_high, access.value);
        give_up(Stop::mismatch);
    }
    write(address, std::as_bytes(std::span(value)));
}

uint64_t ReplayedGuest::input(int, unsigned, uint64_t, uint64_t& second) {
    const Input& input = next_input();
    second = input.second;
    return input.value;
}

}  // namespace panda::lift
