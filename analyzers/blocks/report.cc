#include "analyzers/blocks/report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <map>

#include "analyzers/names/place_json.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::analyze_blocks {
namespace {

std::vector<HotPlace> join_places(const std::vector<BlockCount>& counts, const trace::BlockTable& blocks) {
    std::vector<HotPlace> places;
    for (uint32_t id = 0; id < counts.size(); ++id)
        if (counts[id].executions != 0)
            places.push_back({blocks.pc(id), is_user(blocks, id), blocks[id].guest_size,
                              counts[id].executions, counts[id].instructions, counts[id].sample});
    std::sort(places.begin(), places.end(), [](const HotPlace& a, const HotPlace& b) {
        return std::pair(a.pc, a.user) < std::pair(b.pc, b.user);
    });
    std::vector<HotPlace> joined;
    for (const HotPlace& place : places) {
        if (joined.empty() || joined.back().pc != place.pc || joined.back().user != place.user) {
            joined.push_back(place);
            continue;
        }
        if (place.executions > joined.back().executions)
            joined.back().sample = place.sample;
        joined.back().executions += place.executions;
        joined.back().instructions += place.instructions;
        joined.back().size = std::max(joined.back().size, place.size);
    }
    return joined;
}

double percent(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

template <typename... Values>
void print(std::ostream& out, const char* format, Values... values) {
    char line[200];
    const int size = std::snprintf(line, sizeof(line), format, values...);
    out.write(line, std::clamp(size, 0, static_cast<int>(sizeof(line)) - 1));
}

}  // namespace

Report make_report(HotBlocks& counts, const trace::BlockTable& blocks, uint64_t top) {
    Report report;
    report.places = join_places(counts.blocks(blocks), blocks);
    for (const HotPlace& place : report.places) {
        report.executions += place.executions;
        report.instructions += place.instructions;
        (place.user ? report.user : report.kernel) += place.instructions;
    }
    report.place_count = report.places.size();
    std::stable_sort(report.places.begin(), report.places.end(),
                     [](const HotPlace& a, const HotPlace& b) { return a.instructions > b.instructions; });
    if (top != 0 && report.places.size() > top)
        report.places.resize(top);
    for (const auto& [asid, count] : counts.spaces())
        if (count.kernel + count.user != 0)
            report.spaces.push_back({asid, count});
    std::stable_sort(report.spaces.begin(), report.spaces.end(), [](const HotSpace& a, const HotSpace& b) {
        return a.count.kernel + a.count.user > b.count.kernel + b.count.user;
    });
    return report;
}

void add_names(Report& report, analyzers::MomentNames& names, trace::TraceReader& reader) {
    if (!names.available())
        return;
    // Each moment has its price, so there is one for the kernel, at a snapshot, and one for each address space.
    const auto& snapshots = reader.contents().snapshots;
    std::map<uint64_t, uint64_t> latest;  // by address space
    for (const HotPlace& place : report.places)
        if (place.user)
            latest[place.sample.asid] = std::max(latest[place.sample.asid], place.sample.instr);
    std::map<std::pair<uint64_t, uint64_t>, std::vector<HotPlace*>> by_moment;  // and address space
    for (HotPlace& place : report.places)
        if (place.user)
            by_moment[{latest[place.sample.asid], place.sample.asid}].push_back(&place);
        else if (!snapshots.empty())
            by_moment[{snapshots.back().instr, place.sample.asid}].push_back(&place);
    for (const auto& [moment, places] : by_moment)
        for (HotPlace* const place : places)
            place->name = names.find({moment.first, moment.second, place->pc});
    // The address space may have belonged to another program.
    for (HotPlace& place : report.places)
        if (place.user && !place.name)
            place.name = names.find({place.sample.instr, place.sample.asid, place.pc});
}

void write_table(std::ostream& out, const Report& report) {
    print(out,
          "%" PRIu64 " instructions, %.2f %% kernel, %.2f %% user; %" PRIu64 " executions at %" PRIu64
          " places\n",
          report.instructions, percent(report.kernel, report.instructions),
          percent(report.user, report.instructions), report.executions, report.place_count);
    print(out, "\n%16s %16s %7s %16s %16s %16s\n", "address space", "instructions", "share", "user", "first",
          "last");
    for (const HotSpace& space : report.spaces) {
        const uint64_t total = space.count.kernel + space.count.user;
        print(out, "%16" PRIx64 " %16" PRIu64 " %6.2f%% %16" PRIu64 " %16" PRIu64 " %16" PRIu64 "\n",
              space.asid, total, percent(total, report.instructions), space.count.user,
              space.count.first_instr, space.count.last_instr);
    }
    const bool named = std::any_of(report.places.begin(), report.places.end(),
                                   [](const HotPlace& place) { return place.name.has_value(); });
    print(out, "\n%16s %6s %5s %16s %16s %7s%s\n", "pc", "mode", "bytes", "executions", "instructions",
          "share", named ? " name" : "");
    for (const HotPlace& place : report.places) {
        print(out, "%16" PRIx64 " %6s %5u %16" PRIu64 " %16" PRIu64 " %6.2f%%", place.pc,
              place.user ? "user" : "kernel", place.size, place.executions, place.instructions,
              percent(place.instructions, report.instructions));
        out << (place.name ? " " + osi::to_text(*place.name) : std::string()) << '\n';
    }
}

void write_json(std::ostream& out, const Report& report) {
    write_json_line(out, {{"kind", "summary"},
                          {"instructions", report.instructions},
                          {"kernel", report.kernel},
                          {"user", report.user},
                          {"executions", report.executions},
                          {"places", report.place_count}});
    for (const HotSpace& space : report.spaces)
        write_json_line(out, {{"kind", "space"},
                              {"asid", hex(space.asid)},
                              {"instructions", space.count.kernel + space.count.user},
                              {"kernel", space.count.kernel},
                              {"user", space.count.user},
                              {"first_instr", space.count.first_instr},
                              {"last_instr", space.count.last_instr}});
    for (const HotPlace& place : report.places) {
        Json block = {{"kind", "block"},
                      {"pc", hex(place.pc)},
                      {"mode", place.user ? "user" : "kernel"},
                      {"size", place.size},
                      {"executions", place.executions},
                      {"instructions", place.instructions}};
        if (place.name)
            analyzers::add_place(block, *place.name);
        write_json_line(out, block);
    }
}

}  // namespace panda::analyze_blocks
