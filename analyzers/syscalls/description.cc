#include "analyzers/syscalls/description.h"

#include <algorithm>
#include <utility>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls {

std::span<const CallDescription> calls(Abi abi) {
    return abi == Abi::x86_64 ? x86_64_calls() : i386_calls();
}

const CallDescription* find_call(Abi abi, uint64_t number) {
    if (number == no_number)
        return nullptr;
    const auto all = calls(abi);
    if (abi == Abi::x86_64 && (number & x32_bit) != 0) {
        const auto others = x32_calls();
        const auto found = std::find_if(others.begin(), others.end(), [number](const X32Call& call) {
            return call.number == (number & ~x32_bit);
        });
        return found == others.end() ? nullptr : &all[found->place];
    }
    const auto place =
        std::lower_bound(all.begin(), all.end(), number,
                         [](const CallDescription& call, uint64_t n) { return call.number < n; });
    return place != all.end() && place->number == number ? &*place : nullptr;
}

const CallDescription* find_call(Abi abi, const std::string& name) {
    for (const CallDescription& call : calls(abi))
        if (call.name == name)
            return &call;
    return nullptr;
}

const CallForm& CallDescription::form_for(std::span<const uint64_t> registers) const {
    for (const Variant& variant : variants) {
        const size_t place = variant.form.arguments[variant.selector].position;
        if (place < registers.size() && static_cast<uint32_t>(registers[place]) == variant.value)
            return variant.form;
    }
    return form;
}

uint32_t group_bit(const std::string& name) {
    static constexpr std::pair<const char*, Group> groups[] = {
        {"file", group_file},       {"desc", group_desc},     {"process", group_process},
        {"network", group_network}, {"net", group_network},   {"signal", group_signal},
        {"ipc", group_ipc},         {"memory", group_memory}, {"creds", group_creds},
        {"clock", group_clock}};
    for (const auto& [group, bit] : groups)
        if (name == group)
            return bit;
    return 0;
}

std::string Call::name() const {
    return description ? description->name : "syscall_" + hex(number);
}

}  // namespace panda::syscalls
