#include "trace/moment/marks.h"

#include <algorithm>
#include <array>

#include "common/numbers.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/in_chunk.h"

namespace panda::trace {
namespace {

// For ChunkWalk.
struct MarkCollector {
    std::vector<Mark>& marks;
    void on_block(const BlockExecution&) {}
    void on_event(const Event& event) {
        if (const auto* cpuid = std::get_if<Cpuid>(&event.detail))
            if (auto name = mark_name(*cpuid))
                marks.push_back({std::move(*name), event.instr});
    }
};

bool has_marks(const Chunk& chunk) {
    bool found = false;
    chunk.for_each_event([&](const EventDetail& detail) {
        const auto* cpuid = std::get_if<Cpuid>(&detail);
        found = found || (cpuid != nullptr && mark_name(*cpuid));
    });
    return found;
}

}  // namespace

std::optional<std::string> mark_name(const Cpuid& cpuid) {
    const uint64_t size = cpuid.before[1] & 0xffff'ffff;
    if ((cpuid.before[0] & 0xffff'ffff) != mark_leaf || (size != 4 && size != 8))
        return std::nullopt;
    std::string name;
    for (size_t word = 2; word < 6; ++word)
        for (uint64_t byte = 0; byte < size; ++byte)
            name += static_cast<char>(cpuid.before[word] >> (8 * byte));
    const size_t end = name.find('\0');
    if (end != std::string::npos && name.find_first_not_of('\0', end) != std::string::npos)
        return std::nullopt;
    name.resize(std::min(end, name.size()));
    const bool fits =
        std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ':' && c != '#'; });
    if (!fits || name.empty() || name == "end" || (name[0] >= '0' && name[0] <= '9'))
        return std::nullopt;
    return name;
}

std::vector<Mark> find_marks(TraceReader& reader) {
    std::vector<Mark> marks;
    MarkCollector collector{marks};
    std::optional<ChunkWalk> walk;
    for (size_t number = 0; number < reader.contents().chunks.size(); ++number) {
        const Chunk chunk = reader.chunk(number);
        // Events may be held back for the first block of the next chunk.
        if (!(walk && walk->holds_events()) && !has_marks(chunk))
            continue;
        in_chunk(reader.path(), chunk, [&] {
            if (!walk)
                walk.emplace(reader.blocks());
            walk->go<CursorColumns::blocks>(chunk, collector);
        });
    }
    if (walk)
        walk->finish(collector);
    return marks;
}

std::optional<uint64_t> find_mark(TraceReader& reader, const std::string& text) {
    const size_t hash = text.rfind('#');
    const auto number = hash == std::string::npos ? std::nullopt : read_number(text.substr(hash + 1));
    const std::string name = number ? text.substr(0, hash) : text;
    uint64_t left = number.value_or(1);
    for (const Mark& mark : find_marks(reader))
        if (mark.name == name && left != 0 && --left == 0)
            return mark.instr;
    return std::nullopt;
}

}  // namespace panda::trace
