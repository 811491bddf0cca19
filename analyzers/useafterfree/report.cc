#include "analyzers/useafterfree/report.h"

#include "analyzers/names/place_json.h"
#include "analyzers/osi/text.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::useafterfree {
namespace {

Json stack_json(const NamedStack& stack) {
    Json frames = Json::array();
    for (const auto& [address, name] : stack) {
        Json frame = {{"address", hex(address)}};
        if (name)
            analyzers::add_place(frame, *name);
        frames.push_back(std::move(frame));
    }
    return frames;
}

void stack_text(std::ostream& out, const char* heading, const NamedStack& stack) {
    if (*heading != '\0')
        out << "    " << heading << '\n';
    size_t number = 0;
    for (const auto& [address, name] : stack) {
        out << "      #" << number++ << "  " << hex(address);
        if (name)
            out << ' ' << osi::to_text(*name);
        out << '\n';
    }
}

// What is wrong, in a line.
void headline(std::ostream& out, const Finding& finding) {
    switch (finding.problem) {
        case Problem::read_after_free:
        case Problem::write_after_free:
            out << (finding.kernel ? "the kernel " : "")
                << (finding.problem == Problem::read_after_free ? "reads " : "writes ") << finding.bytes
                << " bytes at " << hex(finding.address) << ", in a freed block of " << finding.block->size
                << " bytes at " << hex(finding.block->start);
            break;
        case Problem::double_free:
            out << "frees the block of " << finding.block->size << " bytes at " << hex(finding.address)
                << " twice";
            break;
        case Problem::invalid_free:
            out << "frees " << hex(finding.address) << ", which is not a block";
            break;
        case Problem::leak:
            out << "loses " << finding.bytes << " bytes in " << finding.times << " blocks, the first at "
                << hex(finding.address);
            break;
    }
    if (finding.problem != Problem::leak && finding.times > 1)
        out << " (" << finding.times << " times)";
}

}  // namespace

const char* name_of(Problem problem) {
    switch (problem) {
        case Problem::read_after_free:
            return "read-after-free";
        case Problem::write_after_free:
            return "write-after-free";
        case Problem::double_free:
            return "double-free";
        case Problem::invalid_free:
            return "invalid-free";
        case Problem::leak:
            return "leak";
    }
    return "";
}

void write_text(std::ostream& out, const Finding& finding) {
    out << name_of(finding.problem) << "  " << analyze_osi::printable(finding.process) << "  pid "
        << finding.pid << "  instr " << finding.instr << ": ";
    headline(out, finding);
    out << '\n';
    stack_text(out, "", finding.place);
    if (finding.block)
        stack_text(out, ("allocated at instr " + std::to_string(finding.block->allocated.instr)).c_str(),
                   finding.allocated);
    if (finding.block && finding.problem != Problem::leak)
        stack_text(out, ("freed at instr " + std::to_string(finding.block->freed.instr)).c_str(),
                   finding.freed);
}

void write_json(std::ostream& out, const Finding& finding) {
    Json object = {{"kind", name_of(finding.problem)},
                   {"instr", finding.instr},
                   {"pid", finding.pid},
                   {"name", finding.process},
                   {"asid", hex(finding.asid)},
                   {"address", hex(finding.address)},
                   {"times", finding.times}};
    if (finding.problem == Problem::leak || finding.bytes != 0)
        object["bytes"] = finding.bytes;
    if (finding.problem == Problem::read_after_free || finding.problem == Problem::write_after_free)
        object["by_kernel"] = finding.kernel;
    if (finding.problem != Problem::leak)
        object["stack"] = stack_json(finding.place);
    if (finding.block) {
        object["block"] = {{"address", hex(finding.block->start)}, {"size", finding.block->size}};
        object["allocated"] = {{"instr", finding.block->allocated.instr},
                               {"stack", stack_json(finding.allocated)}};
        if (finding.problem != Problem::leak)
            object["freed"] = {{"instr", finding.block->freed.instr}, {"stack", stack_json(finding.freed)}};
    }
    write_json_line(out, object);
}

void write_pandalog(pandalog::PandalogFile& file, const Finding& finding) {
    file.write_fact(finding.instr, finding.place.empty() ? 0 : finding.place[0].address, "useafterfree",
                    {{"problem", name_of(finding.problem)},
                     {"pid", static_cast<uint64_t>(finding.pid)},
                     {"asid", finding.asid},
                     {"address", finding.address},
                     {"times", finding.times}});
}

}  // namespace panda::useafterfree
