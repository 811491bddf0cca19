// Waiting for descriptors: poll, select, epoll.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls::notation {
namespace {

// struct pollfd { int fd; short events; short revents; }
constexpr uint64_t pollfd_size = 8;

struct PollEntry {
    int32_t fd;
    uint16_t events;
    uint16_t revents;
};

std::optional<PollEntry> poll_entry(const Context& context, uint64_t place) {
    PollEntry entry;
    if (!context.read(place, std::as_writable_bytes(std::span(&entry, 1))))
        return std::nullopt;
    return entry;
}

// The descriptors of a set that select watches, [0 3]. Sets are arrays of words.
std::optional<std::vector<int64_t>> set_members(const Context& context, uint64_t place, int64_t count) {
    constexpr int64_t max_fds = 1 << 16;
    const auto bits = static_cast<size_t>(std::clamp<int64_t>(count, 0, max_fds));
    const size_t word_bits = 8 * context.word_size();
    std::vector<std::byte> bytes((bits + word_bits - 1) / word_bits * context.word_size());
    if (!context.read(place, bytes))
        return std::nullopt;
    std::vector<int64_t> members;
    for (size_t fd = 0; fd < bits; ++fd)
        if ((std::to_integer<unsigned>(bytes[fd / 8]) >> fd % 8 & 1) != 0)
            members.push_back(static_cast<int64_t>(fd));
    return members;
}

// Results show descriptors by their numbers alone.
std::string members_text(const Context& context, const std::vector<int64_t>& members) {
    std::string text;
    for (const int64_t fd : members)
        text += (text.empty() ? "" : " ") + (context.at_entry() ? fd_text(context, fd) : std::to_string(fd));
    return "[" + text + "]";
}

// The time that is left, as the kernel wrote it back: "left {tv_sec=1, tv_nsec=2}".
std::string left_text(const Context& context, size_t index, const Layout& layout) {
    const uint64_t place = context.argument_at(index);
    return place == 0 ? "" : "left " + structure_at(context, place, layout);
}

std::string with_notes(int64_t value, const std::vector<std::string>& notes) {
    std::string text;
    for (const std::string& note : notes)
        if (!note.empty())
            text += (text.empty() ? "" : ", ") + note;
    return std::to_string(value) + (text.empty() ? "" : " (" + text + ")");
}

std::string ready_list(const Context& context) {
    std::vector<std::string> items;
    const uint64_t place = context.argument_at(0);
    const uint64_t count = context.argument_at(1) & 0xffff'ffff;
    for (uint64_t i = 0; i < std::min<uint64_t>(count, 65536); ++i) {
        const auto entry = poll_entry(context, place + i * pollfd_size);
        if (!entry)
            break;
        if (entry->revents == 0)
            continue;
        if (items.size() >= context.options().string_limit) {
            items.push_back("...");
            break;
        }
        items.push_back("{fd=" + std::to_string(entry->fd) +
                        ", revents=" + flags_text(poll_constants(), context.abi(), entry->revents) + "}");
    }
    return list_text('[', items, ']');
}

const Layout& timeout_layout(const Context& context, size_t index) {
    return *context.notations()[index].layout;
}

std::string select_result(Context& context) {
    const int64_t value = context.result().value;
    const Layout& layout = timeout_layout(context, 4);
    if (value == 0)
        return "0 (Timeout)";
    static constexpr const char* labels[] = {"in ", "out ", "except "};
    std::vector<std::string> notes;
    for (size_t i = 0; i < 3; ++i) {
        const uint64_t place = context.argument_at(i + 1);
        if (place == 0)
            continue;
        const auto members = set_members(context, place, static_cast<int32_t>(context.argument_at(0)));
        if (members && !members->empty())
            notes.push_back(labels[i] + members_text(context, *members));
    }
    notes.push_back(left_text(context, 4, layout));
    return with_notes(value, notes);
}

}  // namespace

std::optional<std::string> poll_list(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const uint64_t count = context.argument_at(notation.numbers[0]) & 0xffff'ffff;
    if (place == 0)
        return "NULL";
    std::vector<std::string> items;
    for (uint64_t i = 0; i < count; ++i) {
        if (items.size() >= context.options().string_limit) {
            items.push_back("...");
            break;
        }
        const auto entry = poll_entry(context, place + i * pollfd_size);
        if (!entry) {
            if (items.empty())
                return address_text(place);
            items.push_back("... /* " + address_text(place + i * pollfd_size) + " */");
            break;
        }
        std::string text = "{fd=" + fd_text(context, entry->fd);
        if (entry->fd >= 0)
            text += ", events=" + flags_text(poll_constants(), context.abi(), entry->events);
        items.push_back(text + "}");
    }
    return list_text('[', items, ']');
}

std::optional<std::string> fd_set(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (place == 0)
        return "NULL";
    const auto count = static_cast<int32_t>(context.argument_at(notation.numbers[0]));
    if (count <= 0)
        return address_text(place);
    const auto members = set_members(context, place, count);
    return members ? members_text(context, *members) : address_text(place);
}

std::optional<std::string> inout_timeout(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    return place == 0 ? "NULL" : structure_at(context, place, *notation.layout);
}

// The sixth argument of pselect6: {sigset, its size}, two words.
std::optional<std::string> pselect_mask(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (place == 0)
        return "NULL";
    const auto set = context.read_word(place);
    const auto size = context.read_word(place + context.word_size());
    if (!set || !size)
        return address_text(place);
    const std::string text = signal_set_at(context, *set, *size);
    return "{sigmask=" + text + ", sigsetsize=" + std::to_string(*size) + "}";
}

// include/uapi/linux/eventpoll.h: on x86 the structure is packed, so the data follow the 4 bytes of events.
std::string epoll_data(const Context& context, const Value& value, const Notation&) {
    const auto word = context.read_unsigned(value.address, 8);
    if (!word)
        return address_text(value.address);
    return "{u32=" + std::to_string(*word & 0xffff'ffff) + ", u64=" + std::to_string(*word) + "}";
}

std::optional<std::string> epoll_ctl_event(Context& context, const Notation& notation) {
    constexpr uint64_t epoll_ctl_del = 2;
    const uint64_t place = context.argument(notation);
    if ((context.argument_at(notation.numbers[0]) & 0xffff'ffff) == epoll_ctl_del)
        return address_text(place);
    return place == 0 ? "NULL" : structure_at(context, place, epoll_event_layout());
}

std::optional<std::string> out_epoll_events(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    if (context.without_output() || place == 0)
        return address_text(place);
    std::vector<std::string> items;
    const auto count = static_cast<uint64_t>(context.result().value);
    for (uint64_t i = 0; i < count; ++i) {
        if (items.size() >= context.options().string_limit) {
            items.push_back("...");
            break;
        }
        const std::string text = structure_at(
            context, place + i * epoll_event_layout().size_in(context.abi()), epoll_event_layout());
        if (text.front() != '{')
            return address_text(place);
        items.push_back(text);
    }
    return list_text('[', items, ']');
}

std::string result_poll(Context& context) {
    const int64_t value = context.result().value;
    return value == 0 ? "0 (Timeout)" : with_notes(value, {ready_list(context)});
}

std::string result_or_timeout(Context& context) {
    return context.result().value == 0 ? "0 (Timeout)" : std::to_string(context.result().value);
}

std::string result_ppoll(Context& context) {
    const int64_t value = context.result().value;
    if (value == 0)
        return "0 (Timeout)";
    return with_notes(value, {ready_list(context), left_text(context, 2, timeout_layout(context, 2))});
}

std::string result_select(Context& context) {
    return select_result(context);
}

std::string result_pselect(Context& context) {
    return select_result(context);
}

}  // namespace panda::syscalls::notation
