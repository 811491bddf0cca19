// Structures, arrays, and numbers in memory.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls::notation {
namespace {

// As in strace's abbreviated output, items beyond TextOptions::string_limit are not shown.
uint64_t shown_items(const Context& context, uint64_t count) {
    return std::min<uint64_t>(count, context.options().string_limit);
}

// The members of a file's status that strace shows unless it is asked for more.
std::string stat_text(const Context& context, uint64_t place, const Layout& layout) {
    const auto abi = static_cast<size_t>(context.abi());
    const auto& fields = layout.fields;
    const auto mode = context.read_unsigned(place + fields[0].offset[abi], fields[0].size[abi]);
    if (!mode)
        return address_text(place);
    const uint64_t type = *mode & 0170000;
    const Field& second = fields[type == 0020000 || type == 0060000 ? 2 : 1];
    const auto first_text =
        value_at(context, place + fields[0].offset[abi], fields[0].size[abi], fields[0].notation);
    const auto text = value_at(context, place + second.offset[abi], second.size[abi], second.notation);
    if (!first_text || !text)
        return address_text(place);
    return "{st_mode=" + *first_text + ", " + second.label + "=" + *text + ", ...}";
}

bool is_stat(const Layout& layout) {
    return &layout == &stat_layout() || &layout == &stat64_layout() || &layout == &old_stat_layout();
}

std::string shortened(std::string text) {
    if (!text.empty() && text.back() == '}')
        text.insert(text.size() - 1, ", ...");
    return text;
}

// Of the two optional members, those that the mask says are there (STATX_TYPE, STATX_MODE; STATX_SIZE).
std::string statx_text(const Context& context, uint64_t place) {
    const Layout& layout = statx_layout();
    const auto abi = static_cast<size_t>(context.abi());
    const auto mask = context.read_unsigned(place, 4);
    std::vector<std::string> members;
    for (size_t i = 0; mask && i < layout.fields.size(); ++i) {
        const Field& field = layout.fields[i];
        if ((i == 2 && (*mask & 3) == 0) || (i == 3 && (*mask & 0x200) == 0))
            continue;
        const auto text = value_at(context, place + field.offset[abi], field.size[abi], field.notation);
        if (!text)
            return address_text(place);
        members.push_back(std::string(field.label) + "=" + *text);
    }
    if (!mask)
        return address_text(place);
    members.push_back("...");
    return list_text('{', members, '}');
}

std::string output_text(const Context& context, uint64_t place, const Layout& layout) {
    if (place == 0)
        return "NULL";
    if (is_stat(layout))
        return stat_text(context, place, layout);
    if (&layout == &statx_layout())
        return statx_text(context, place);
    const std::string text = structure_at(context, place, layout);
    return &layout == &rusage_layout() ? shortened(text) : text;
}

// Numbers of `size` bytes each; at most as many as strace shows.
std::string numbers_at(const Context& context, uint64_t place, uint64_t count, unsigned size) {
    std::vector<std::string> items;
    const uint64_t shown = shown_items(context, count);
    for (uint64_t i = 0; i < shown; ++i) {
        const auto number = context.read_unsigned(place + i * size, size);
        if (!number)
            return address_text(place);
        items.push_back(std::to_string(*number));
    }
    if (shown < count)
        items.push_back("...");
    return list_text('[', items, ']');
}

// The date and time that a structure tells with its first two members.
std::string comment_at(const Context& context, uint64_t place, const Layout& layout) {
    const auto abi = static_cast<size_t>(context.abi());
    const auto seconds = context.read_signed(place, layout.fields[0].size[abi]);
    const auto part = context.read_unsigned(place + layout.fields[1].offset[abi], layout.fields[1].size[abi]);
    return time_comment(seconds.value_or(0), part.value_or(0), &layout == &timeval_layout() ? 6 : 9);
}

std::optional<std::string> fixed_array_at(Context& context, uint64_t place, const Layout& layout,
                                          unsigned count) {
    if (place == 0)
        return "NULL";
    std::vector<std::string> items;
    for (unsigned i = 0; i < count; ++i) {
        const uint64_t item = place + i * layout.size_in(context.abi());
        const std::string text = structure_at(context, item, layout);
        if (text.front() != '{')
            return address_text(place);
        items.push_back(text + (&layout == &timeval_layout() ? comment_at(context, item, layout) : ""));
    }
    return list_text('[', items, ']');
}

// The set of processors of a sched_setaffinity: [0 1 3].
std::string cpu_set_at(const Context& context, uint64_t place, uint64_t size) {
    constexpr uint64_t max_bytes = 128;  // as many as strace asks the kernel for
    if (place == 0)
        return "NULL";
    std::vector<std::byte> bytes(std::min(size, max_bytes));
    if (!context.read(place, bytes))
        return address_text(place);
    std::string text;
    for (size_t cpu = 0; cpu < bytes.size() * 8; ++cpu)
        if ((std::to_integer<unsigned>(bytes[cpu / 8]) >> cpu % 8 & 1) != 0)
            text += (text.empty() ? "" : " ") + std::to_string(cpu);
    if (bytes.size() < size)
        text += text.empty() ? "..." : " ...";
    return "[" + text + "]";
}

}  // namespace

std::string struct_in(const Context& context, const Value& value, const Notation& notation) {
    return structure_at(context, value.address, *notation.layout);
}

std::optional<std::string> in_struct(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    return place == 0 ? "NULL" : structure_at(context, place, *notation.layout);
}

std::optional<std::string> out_struct(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    // A wait that found nothing does not write the usage.
    const bool nothing = notation.layout == &rusage_layout() && context.result().value == 0 &&
                         context.call().name() != "getrusage" && context.call().name() != "waitid";
    if (context.without_output() || nothing)
        return address_text(place);
    return output_text(context, place, *notation.layout);
}

std::optional<std::string> out_struct_shortened(Context& context, const Notation& notation) {
    auto text = out_struct(context, notation);
    return text ? std::optional(shortened(*text)) : text;
}

// A single number in a structure is shown as a list of one.
std::optional<std::string> in_struct_list(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto number = context.read_signed(place, 4);
    return number ? "[" + std::to_string(*number) + "]" : address_text(place);
}

std::optional<std::string> out_struct_list(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(context.argument(notation))
                                    : in_struct_list(context, notation);
}

// struct sched_attr grew by two limits of utilisation (SCHED_ATTR_SIZE_VER0 and VER1 of include/uapi/linux/sched/types.h).
constexpr uint64_t long_scheduling = 56;

std::string scheduling_at(const Context& context, uint64_t place) {
    constexpr uint64_t first_size = 48;
    const auto size = context.read_unsigned(place, 4);
    if (place == 0 || !size)
        return address_text(place);
    if (*size != 0 && *size < first_size)
        return "{size=" + std::to_string(*size) + "}";
    const Layout& layout = *size >= long_scheduling ? sched_attr_long_layout() : sched_attr_layout();
    return structure_at(context, place, layout);
}

std::optional<std::string> in_scheduling(Context& context, const Notation& notation) {
    const std::string text = scheduling_at(context, context.argument(notation));
    const auto size = context.read_unsigned(context.argument(notation), 4);
    return size.value_or(0) > long_scheduling ? shortened(text) : text;
}

std::optional<std::string> out_scheduling(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    constexpr uint64_t first_size = 48;
    const uint64_t place = context.argument(notation);
    const bool too_short = (context.argument_at(notation.numbers[0]) & 0xffff'ffff) < first_size;
    return context.without_output() || too_short ? address_text(place) : scheduling_at(context, place);
}

std::optional<std::string> in_array2(Context& context, const Notation& notation) {
    return fixed_array_at(context, context.argument(notation), *notation.layout, 2);
}

// struct utimbuf: two words.
std::optional<std::string> in_file_times(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const unsigned word = context.word_size();
    const auto access = context.read_signed(place, word);
    const auto change = context.read_signed(place + word, word);
    if (place == 0 || !access || !change)
        return address_text(place);
    return "{actime=" + std::to_string(*access) + time_comment(*access) +
           ", modtime=" + std::to_string(*change) + time_comment(*change) + "}";
}

// There is a processor's number only with MEMBARRIER_CMD_FLAG_CPU.
std::optional<std::string> membarrier_cpu(Context& context, const Notation& notation) {
    constexpr uint64_t flag_cpu = 1;
    return (context.argument_at(notation.numbers[0]) & flag_cpu) == 0
               ? ""
               : std::to_string(static_cast<int32_t>(context.argument(notation)));
}

// Times of a file. include/uapi/linux/stat.h has two values that are not times.
std::optional<std::string> in_times(Context& context, const Notation& notation) {
    constexpr int64_t utime_now = 0x3fffffff;
    constexpr int64_t utime_omit = 0x3ffffffe;
    const uint64_t place = context.argument(notation);
    if (place == 0)
        return "NULL";
    const auto abi = static_cast<size_t>(context.abi());
    const Layout& layout = *notation.layout;
    std::vector<std::string> items;
    for (unsigned i = 0; i < 2; ++i) {
        const uint64_t item = place + i * layout.size[abi];
        const auto nanoseconds =
            context.read_signed(item + layout.fields[1].offset[abi], layout.fields[1].size[abi]);
        if (!nanoseconds)
            return address_text(place);
        if (*nanoseconds == utime_now || *nanoseconds == utime_omit)
            items.push_back(*nanoseconds == utime_now ? "UTIME_NOW" : "UTIME_OMIT");
        else
            items.push_back(structure_at(context, item, layout) + comment_at(context, item, layout));
    }
    return list_text('[', items, ']');
}

std::optional<std::string> out_number(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    const auto number = context.read_unsigned(place, 4);
    if (context.without_output() || !number)
        return address_text(place);
    return "[" + std::to_string(*number) + "]";
}

std::optional<std::string> out_number_list(Context& context, const Notation& notation) {
    return out_number(context, notation);
}

std::optional<std::string> out_time(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (place == 0)
        return "NULL";
    if (context.at_entry())
        return std::nullopt;
    const auto number = context.read_signed(place, context.word_size());
    if (context.without_output() || !number)
        return address_text(place);
    return "[" + std::to_string(*number) + "]";
}

std::optional<std::string> out_groups(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    if (context.without_output() || context.argument_at(notation.numbers[0]) == 0 || place == 0)
        return address_text(place);
    const unsigned size = context.call().name() == "getgroups" && context.abi() == Abi::i386 ? 2 : 4;
    return numbers_at(context, place, static_cast<uint64_t>(context.result().value), size);
}

std::optional<std::string> in_groups(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const uint64_t count = context.argument_at(notation.numbers[0]) & 0xffff'ffff;
    if (place == 0 || count > 65536)
        return address_text(place);
    const unsigned size = context.call().name() == "setgroups" && context.abi() == Abi::i386 ? 2 : 4;
    return numbers_at(context, place, count, size);
}

std::optional<std::string> in_cpu_set(Context& context, const Notation& notation) {
    return cpu_set_at(context, context.argument(notation), context.argument_at(notation.numbers[0]));
}

std::optional<std::string> out_cpu_set(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return address_text(context.argument(notation));
    return cpu_set_at(context, context.argument(notation), static_cast<uint64_t>(context.result().value));
}

// What is left of a sleep. The kernel writes it only if a signal ended the sleep.
std::optional<std::string> out_remaining(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    constexpr int64_t eintr = 4;
    const uint64_t place = context.argument(notation);
    const int64_t value = context.result().value;
    const bool interrupted = value == -eintr || value == -static_cast<int64_t>(Restart::block);
    if (context.result().ending != Ending::returned || !interrupted)
        return address_text(place);
    return output_text(context, place, *notation.layout);
}

}  // namespace panda::syscalls::notation
