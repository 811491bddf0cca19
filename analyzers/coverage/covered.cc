#include "analyzers/coverage/covered.h"

#include <algorithm>
#include <tuple>

#include "osi/symbols/place.h"

namespace panda::coverage {
namespace {

// Where a block is, and whether it counts.
struct Placed {
    bool counts = true;
    std::optional<BlockPlace> place;
};

Placed place_of(const Findings& findings, const Space& space, uint32_t id) {
    Placed placed;
    if (findings.modules == nullptr)
        return placed;
    placed.place = findings.modules->place({space, id});
    if (findings.only_module.empty())
        return placed;
    if (!placed.place)
        return {false, std::nullopt};
    const std::string& path = findings.modules->modules()[placed.place->module].path;
    placed.counts = path == findings.only_module || osi::short_name(path) == findings.only_module;
    return placed;
}

template <typename Entry>
void sort_by_first(std::vector<Entry>& entries) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.first_instr < b.first_instr; });
}

void add(CoveredBlock& sum, const Count& count) {
    sum.first_instr = sum.executions == 0 ? count.first_instr : std::min(sum.first_instr, count.first_instr);
    sum.executions += count.executions;
}

}  // namespace

std::vector<CoveredBlock> covered_blocks(const Findings& findings) {
    std::vector<CoveredBlock> blocks;
    for (const auto& [space, counts] : findings.collector.spaces()) {
        std::map<std::tuple<bool, uint64_t, uint32_t>, CoveredBlock> by_place;
        counts.blocks.for_each([&, &owner = space](uint32_t id, const Count& count) {
            const Placed placed = place_of(findings, owner, id);
            if (!placed.counts)
                return;
            const trace::BlockView view = findings.collector.blocks()[id];
            const bool kernel = !is_user(view);
            const auto [entry, fresh] = by_place.try_emplace({kernel, view.pc, view.guest_size});
            if (fresh)
                entry->second = {owner, kernel, view.pc, view.guest_size, 0, 0, placed.place};
            add(entry->second, count);
        });
        for (auto& [place, block] : by_place)
            blocks.push_back(std::move(block));
    }
    sort_by_first(blocks);
    return blocks;
}

std::vector<CoveredEdge> covered_edges(const Findings& findings) {
    std::vector<CoveredEdge> edges;
    for (const auto& [space, counts] : findings.collector.spaces()) {
        std::map<std::tuple<bool, uint64_t, uint32_t, uint64_t, uint32_t>, CoveredEdge> by_place;
        for (const auto& [key, count] : counts.edges) {
            const auto from_id = static_cast<uint32_t>(key >> 32);
            const auto to_id = static_cast<uint32_t>(key);
            if (!place_of(findings, space, from_id).counts || !place_of(findings, space, to_id).counts)
                continue;
            const trace::BlockView from = findings.collector.blocks()[from_id];
            const trace::BlockView to = findings.collector.blocks()[to_id];
            const bool kernel = !is_user(from);
            const auto [entry, fresh] =
                by_place.try_emplace({kernel, from.pc, from.guest_size, to.pc, to.guest_size});
            CoveredEdge& edge = entry->second;
            if (fresh)
                edge = {space, kernel, from.pc, from.guest_size, to.pc, to.guest_size, 0, count.first_instr};
            edge.first_instr = std::min(edge.first_instr, count.first_instr);
            edge.executions += count.executions;
        }
        for (auto& [place, edge] : by_place)
            edges.push_back(std::move(edge));
    }
    sort_by_first(edges);
    return edges;
}

std::vector<CoveredInstruction> covered_instructions(const Findings& findings) {
    std::vector<CoveredInstruction> instructions;
    for (const auto& [space, counts] : findings.collector.spaces()) {
        // How many executions of a block did not come to an instruction's end: by block id.
        std::map<uint32_t, std::vector<std::pair<uint32_t, uint64_t>>> cuts;
        for (const auto& [key, executions] : counts.cuts)
            cuts[static_cast<uint32_t>(key >> 32)].emplace_back(static_cast<uint32_t>(key), executions);
        std::map<std::pair<bool, uint64_t>, CoveredInstruction> by_address;
        counts.blocks.for_each([&, &owner = space](uint32_t id, const Count& count) {
            const Placed placed = place_of(findings, owner, id);
            if (!placed.counts)
                return;
            const trace::BlockView view = findings.collector.blocks()[id];
            const auto cut = cuts.find(id);
            for (uint32_t number = 0; number < view.instruction_offsets.size(); ++number) {
                uint64_t executions = count.executions;
                if (cut != cuts.end())
                    for (const auto& [executed, times] : cut->second)
                        executions -= executed <= number ? times : 0;
                if (executions == 0)
                    continue;
                const uint64_t offset = view.instruction_offsets[number];
                auto [entry, fresh] = by_address.try_emplace({!is_user(view), view.pc + offset});
                CoveredInstruction& sum = entry->second;
                if (fresh) {
                    sum = {owner, !is_user(view), view.pc + offset, 0, placed.place};
                    if (sum.place) {
                        sum.place->linked += offset;
                        sum.place->in_module += offset;
                    }
                }
                sum.executions += executions;
            }
        });
        for (auto& [address, instruction] : by_address)
            instructions.push_back(std::move(instruction));
    }
    return instructions;
}

}  // namespace panda::coverage
