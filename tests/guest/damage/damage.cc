// Copies a recording with one input dropped, doubled, moved or altered, for damage_test.sh.
// usage: damage IN OUT SEED. Prints what it did.
#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

#include "common/command_line.h"
#include "common/numbers.h"
#include "recorder/format/reader.h"
#include "recorder/format/writer.h"

namespace {

using namespace panda;
using recording::Entry;
using recording::EntryKind;

using Random = std::mt19937_64;

std::vector<Entry> entries_of(const recording::RecordingReader& in) {
    std::vector<Entry> entries;
    recording::LogCursor log = in.log();
    for (; log.peek() != nullptr; log.pop())
        entries.push_back(*log.peek());
    return entries;
}

// A number in [0, end).
size_t draw(Random& random, size_t end) {
    return std::uniform_int_distribution<size_t>(0, end - 1)(random);
}

void alter(Entry& entry, Random& random) {
    const uint64_t bit = uint64_t{1} << draw(random, 32);
    if (!entry.data.empty() && draw(random, 2) == 0)
        entry.data[draw(random, entry.data.size())] ^= std::byte{0x10};
    else if (entry.kind == EntryKind::interrupt)
        entry.value2 ^= 1U << draw(random, 8);
    else if (entry.kind != EntryKind::memory_write)
        entry.value ^= bit;
    else
        entry.value2 ^= 0x1000;
}

// To a place behind up to 1000 others, at their position.
void move(std::vector<Entry>& entries, size_t index, Random& random) {
    const size_t to = std::min(index + 1 + draw(random, 1000), entries.size() - 2);
    Entry entry = std::move(entries[index]);
    entries.erase(entries.begin() + static_cast<ptrdiff_t>(index));
    entry.position = entries[to - 1].position;
    entries.insert(entries.begin() + static_cast<ptrdiff_t>(to), std::move(entry));
}

// Checks are not inputs, and the end is where it is.
size_t draw_input(const std::vector<Entry>& entries, Random& random) {
    while (true) {
        const size_t index = draw(random, entries.size() - 1);
        if (entries[index].kind != EntryKind::check && entries[index].kind != EntryKind::memory_map)
            return index;
    }
}

void damage(std::vector<Entry>& entries, Random& random) {
    const size_t index = draw_input(entries, random);
    static constexpr const char* verbs[] = {"drops", "doubles", "moves", "alters"};
    const size_t verb = draw(random, std::size(verbs));
    std::printf("%s %s at instr %llu\n", verbs[verb],
                recording::entry_kind_with_article(entries[index].kind).c_str(),
                static_cast<unsigned long long>(entries[index].position.instr));
    if (verb == 0)
        entries.erase(entries.begin() + static_cast<ptrdiff_t>(index));
    else if (verb == 1)
        entries.insert(entries.begin() + static_cast<ptrdiff_t>(index), Entry(entries[index]));
    else if (verb == 2)
        move(entries, index, random);
    else
        alter(entries[index], random);
}

void write(const recording::RecordingReader& in, const std::string& path, const std::vector<Entry>& entries) {
    recording::RecordingWriter out(path, in.facts(), in.blocks(),
                                   {.if_exists = IfExists::overwrite, .snapshot_level = -5});
    in.read_memory([&](uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        out.write_memory(block, offset, bytes);
    });
    out.write_processor(in.processor());
    for (const recording::MemoryMap& map : in.initial_maps())
        out.write_map(map);
    out.write_devices(in.devices());
    out.begin_log();
    for (const Entry& entry : entries) {
        if (entry.kind == EntryKind::memory_map)
            out.append_map(entry.position, entry.map);
        else if (entry.kind != EntryKind::end)
            out.append(entry.kind, entry.position, entry.value, entry.value2, entry.data, entry.device);
    }
    out.finish(entries.back().position, in.memory_hashes());
}

int run(int count, char** arguments) {
    if (count != 4)
        throw UsageError("usage: damage IN OUT SEED");
    const auto seed = read_number(arguments[3]);
    if (!seed)
        throw UsageError("SEED is a number");
    Random random(*seed);
    const recording::RecordingReader in(arguments[1]);
    std::vector<Entry> entries = entries_of(in);
    damage(entries, random);
    write(in, arguments[2], entries);
    return exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("damage", [&] { return run(count, arguments); });
}
