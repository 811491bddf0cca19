#include "analyzers/coverage/report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <map>

#include "common/hex.h"
#include "common/json_value.h"

namespace panda::coverage {
namespace {

const char* const unknown_process = "(unknown)";

std::string process_name(const Space& space) {
    return space.pid < 0 ? unknown_process : space.name;
}

// A process can name itself as it likes, but a row has its number of columns.
std::string csv_name(const Space& space) {
    std::string name = process_name(space);
    for (char& c : name)
        if (c == ',' || c == '"' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '_';
    return name;
}

void write_owner(std::ostream& out, Owner owner, const Space& space, bool kernel) {
    if (owner == Owner::asid)
        out << hex(space.asid) << ',';
    else
        out << csv_name(space) << ',' << space.pid << ',' << space.tid << ',';
    out << (kernel ? '1' : '0') << ',';
}

Json owner_json(const char* kind, Owner owner, const Space& space, bool kernel) {
    Json line = {{"kind", kind}};
    if (owner == Owner::asid) {
        line["asid"] = hex(space.asid);
    } else {
        line["process"] = process_name(space);
        line["pid"] = space.pid;
        line["tid"] = space.tid;
    }
    line["kernel"] = kernel;
    return line;
}

const char* owner_columns(Owner owner) {
    return owner == Owner::asid ? "asid,in kernel," : "process name,process id,thread id,in kernel,";
}

uint64_t covered_bytes(std::map<uint64_t, uint64_t>& ranges) {
    uint64_t bytes = 0;
    uint64_t end = 0;
    for (const auto& [from, to] : ranges) {
        const uint64_t start = std::max(from, end);
        bytes += to > start ? to - start : 0;
        end = std::max(end, to);
    }
    return bytes;
}

}  // namespace

void write_block_header(std::ostream& out, Owner owner) {
    out << (owner == Owner::asid ? "asid\n" : "process\n") << owner_columns(owner)
        << "block address,block size\n";
}

void write_edge_header(std::ostream& out) {
    out << "from pc,from size,to pc,to size\n";
}

void write_csv(std::ostream& out, Owner owner, const std::vector<CoveredBlock>& blocks) {
    write_block_header(out, owner);
    for (const CoveredBlock& block : blocks) {
        write_owner(out, owner, block.space, block.kernel);
        out << hex(block.pc) << ',' << block.size << '\n';
    }
}

void write_csv(std::ostream& out, const std::vector<CoveredEdge>& edges) {
    write_edge_header(out);
    for (const CoveredEdge& edge : edges)
        out << hex(edge.from_pc) << ',' << edge.from_size << ',' << hex(edge.to_pc) << ',' << edge.to_size
            << '\n';
}

void write_csv(std::ostream& out, Owner owner, const std::vector<CoveredInstruction>& instructions) {
    out << owner_columns(owner) << "address,executions\n";
    for (const CoveredInstruction& instruction : instructions) {
        write_owner(out, owner, instruction.space, instruction.kernel);
        out << hex(instruction.pc) << ',' << instruction.executions << '\n';
    }
}

void write_json(std::ostream& out, Owner owner, const std::vector<CoveredBlock>& blocks,
                const ModuleFinder* modules) {
    for (const CoveredBlock& block : blocks) {
        Json line = owner_json("block", owner, block.space, block.kernel);
        line["pc"] = hex(block.pc);
        line["size"] = block.size;
        line["executions"] = block.executions;
        line["instr"] = block.first_instr;
        if (block.place && modules != nullptr) {
            line["module"] = modules->modules()[block.place->module].path;
            line["offset"] = block.place->in_module;
        }
        write_json_line(out, line);
    }
}

void write_json(std::ostream& out, Owner owner, const std::vector<CoveredEdge>& edges) {
    for (const CoveredEdge& edge : edges) {
        Json line = owner_json("edge", owner, edge.space, edge.kernel);
        line["from"] = hex(edge.from_pc);
        line["from_size"] = edge.from_size;
        line["to"] = hex(edge.to_pc);
        line["to_size"] = edge.to_size;
        line["executions"] = edge.executions;
        line["instr"] = edge.first_instr;
        write_json_line(out, line);
    }
}

void write_json(std::ostream& out, Owner owner, const std::vector<CoveredInstruction>& instructions) {
    for (const CoveredInstruction& instruction : instructions) {
        Json line = owner_json("instruction", owner, instruction.space, instruction.kernel);
        line["pc"] = hex(instruction.pc);
        line["executions"] = instruction.executions;
        write_json_line(out, line);
    }
}

std::vector<SpaceSummary> summarize(const std::vector<CoveredBlock>& blocks) {
    std::map<Space, SpaceSummary> spaces;
    std::map<Space, std::map<uint64_t, uint64_t>> ranges;  // from, to
    for (const CoveredBlock& block : blocks) {
        const auto [entry, fresh] = spaces.try_emplace(block.space);
        SpaceSummary& sum = entry->second;
        if (fresh) {
            sum.space = block.space;
            sum.first_instr = block.first_instr;
        }
        ++sum.blocks;
        sum.executions += block.executions;
        uint64_t& end = ranges[block.space][block.pc];
        end = std::max(end, block.pc + block.size);
    }
    std::vector<SpaceSummary> list;
    for (auto& [space, sum] : spaces) {
        sum.bytes = covered_bytes(ranges[space]);
        list.push_back(sum);
    }
    std::stable_sort(list.begin(), list.end(),
                     [](const SpaceSummary& a, const SpaceSummary& b) { return a.blocks > b.blocks; });
    return list;
}

void write_summary(std::ostream& out, Owner owner, const std::vector<SpaceSummary>& spaces) {
    out << "      BLOCKS        BYTES       EXECUTIONS            FIRST  "
        << (owner == Owner::asid ? "ASID" : "PROCESS / THREAD") << '\n';
    for (const SpaceSummary& sum : spaces) {
        char row[100];
        std::snprintf(row, sizeof row, "%12" PRIu64 " %12" PRIu64 " %16" PRIu64 " %16" PRIu64 "  ",
                      sum.blocks, sum.bytes, sum.executions, sum.first_instr);
        out << row;
        if (owner == Owner::asid)
            out << hex_digits(sum.space.asid, 10) << '\n';
        else
            out << csv_name(sum.space) << ' ' << sum.space.pid << " / " << sum.space.tid << '\n';
    }
}

void write_summary_json(std::ostream& out, Owner owner, const std::vector<SpaceSummary>& spaces) {
    for (const SpaceSummary& sum : spaces) {
        Json line = owner_json("space", owner, sum.space, false);
        line.erase("kernel");
        line["blocks"] = sum.blocks;
        line["bytes"] = sum.bytes;
        line["executions"] = sum.executions;
        line["instr"] = sum.first_instr;
        write_json_line(out, line);
    }
}

void FullCsv::on_block(const Space& space, const trace::BlockView& block, uint64_t) {
    write_owner(out_, owner_, space, !is_user(block));
    out_ << hex(block.pc) << ',' << block.guest_size << '\n';
}

void FullCsv::on_edge(const Space&, const trace::BlockView& from, const trace::BlockView& to, uint64_t) {
    out_ << hex(from.pc) << ',' << from.guest_size << ',' << hex(to.pc) << ',' << to.guest_size << '\n';
}

}  // namespace panda::coverage
