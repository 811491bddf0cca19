// Measuring: perf_event_open; priorities of input and output.
#include <array>
#include <cstring>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls {

// include/uapi/linux/ioprio.h: IOPRIO_CLASS_SHIFT.
std::string io_priority_text(Abi abi, uint64_t value) {
    constexpr unsigned class_shift = 13;
    return "IOPRIO_PRIO_VALUE(" + one_text(io_priority_class_constants(), abi, value >> class_shift) + ", " +
           std::to_string(value & ((1u << class_shift) - 1)) + ")";
}

namespace notation {
namespace {

// The first part of struct perf_event_attr (include/uapi/linux/perf_event.h); strace shows no more unless it
// is asked to.
struct Attributes {
    uint32_t type;
    uint32_t size;
    uint64_t config;
    uint64_t period;
    uint64_t sample_type;
    uint64_t read_format;
    uint64_t bits;
};
static_assert(sizeof(Attributes) == 48);
constexpr uint32_t size_version_0 = 64;

// The bits, from the lowest. At 15 and 16 is a number, precise_ip.
constexpr const char* bit_names[] = {"disabled",
                                     "inherit",
                                     "pinned",
                                     "exclusive",
                                     "exclude_user",
                                     "exclude_kernel",
                                     "exclude_hv",
                                     "exclude_idle",
                                     "mmap",
                                     "comm",
                                     "freq",
                                     "inherit_stat",
                                     "enable_on_exec",
                                     "task",
                                     "watermark",
                                     "precise_ip",
                                     nullptr,
                                     "mmap_data",
                                     "sample_id_all",
                                     "exclude_host",
                                     "exclude_guest",
                                     "exclude_callchain_kernel",
                                     "exclude_callchain_user",
                                     "mmap2",
                                     "comm_exec",
                                     "use_clockid",
                                     "context_switch",
                                     "write_backward",
                                     "namespaces",
                                     "ksymbol",
                                     "bpf_event",
                                     "aux_output",
                                     "cgroup",
                                     "text_poke",
                                     "build_id",
                                     "inherit_thread",
                                     "remove_on_exec",
                                     "sigtrap"};
constexpr unsigned precise_bit = 15, frequency_bit = 10;

std::string bits_text(uint64_t bits) {
    static constexpr const char* precision[] = {"arbitrary skid", "constant skid", "requested to have 0 skid",
                                                "must have 0 skid"};
    std::string text;
    for (unsigned bit = 0; bit < std::size(bit_names); ++bit) {
        if (bit == precise_bit) {
            const auto precise = bits >> bit & 3;
            text += ", precise_ip=" + std::to_string(precise) + " /* " + precision[precise] + " */";
        } else if (bit_names[bit] != nullptr && (bits >> bit & 1) != 0) {
            text += std::string(", ") + bit_names[bit] + "=1";
        }
    }
    if (const uint64_t rest = bits >> std::size(bit_names); rest != 0)
        text +=
            ", __reserved_1=" + hex(rest) + " /* Bits 63.." + std::to_string(std::size(bit_names)) + " */";
    return text;
}

std::string configuration_text(Abi abi, uint32_t type, uint64_t config) {
    switch (type) {
        case 0:
            return one_text(perf_hardware_constants(), abi, config);
        case 1:
            return one_text(perf_software_constants(), abi, config);
        case 2:
            return std::to_string(config);
        case 3: {
            const std::string rest = config >> 24 == 0 ? "" : hex(config >> 24) + "<<24|";
            return rest + one_text(perf_cache_result_constants(), abi, config >> 16 & 0xff) + "<<16|" +
                   one_text(perf_cache_operation_constants(), abi, config >> 8 & 0xff) + "<<8|" +
                   one_text(perf_cache_constants(), abi, config & 0xff);
        }
        default:
            return config == 0 ? "0" : hex(config);
    }
}

}  // namespace

// The kernel may write back a size that it knows, with E2BIG, so this waits for the return.
std::optional<std::string> perf_attributes(Context& context, const Notation& notation) {
    constexpr int64_t e2big = 7;
    const uint64_t place = context.argument(notation);
    const auto size = context.read_unsigned(place + 4, 4);
    if (context.at_entry()) {
        context.kept[notation.position] = size.value_or(0);
        if (place != 0 && size)
            return std::nullopt;
    }
    Attributes attributes;
    const auto given = static_cast<uint32_t>(context.kept[notation.position]);
    if (place == 0 || !size || (given != 0 && given < size_version_0) ||
        !context.read(place, std::as_writable_bytes(std::span(&attributes, 1))))
        return address_text(place);
    const Abi abi = context.abi();
    std::string text = "{type=" + one_text(perf_type_constants(), abi, attributes.type);
    const auto size_text = [abi](uint32_t value) {
        return value == 0 ? "0 /* PERF_ATTR_SIZE_??? */" : one_text(perf_size_constants(), abi, value);
    };
    text += ", size=" + size_text(given);
    if (context.result().failed() && context.result().value == -e2big)
        text += " => " + size_text(*size);
    text += ", config=" + configuration_text(abi, attributes.type, attributes.config);
    text += (attributes.bits >> frequency_bit & 1) != 0 ? ", sample_freq=" : ", sample_period=";
    text += std::to_string(attributes.period);
    text += ", sample_type=" + flags_text(perf_sample_constants(), abi, attributes.sample_type);
    text += ", read_format=" + flags_text(perf_format_constants(), abi, attributes.read_format);
    return text + bits_text(attributes.bits) + ", ...}";
}

std::optional<std::string> io_priority_value(Context& context, const Notation& notation) {
    return io_priority_text(context.abi(), context.argument(notation) & 0xffff'ffff);
}

std::string result_io_priority(Context& context) {
    return std::to_string(context.result().value) + " (" +
           io_priority_text(context.abi(), static_cast<uint64_t>(context.result().value)) + ")";
}

}  // namespace notation
}  // namespace panda::syscalls
