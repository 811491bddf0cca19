// panda-trace verify: proves a trace.
#include "trace/proof/verify.h"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <iostream>

#include "common/hex.h"
#include "common/json_value.h"
#include "common/progress.h"
#include "tools/trace/commands.h"
#include "tools/trace/options.h"
#include "trace/pass/pass.h"

namespace panda::trace_tool {
namespace {

template <typename... Values>
void print(const char* format, Values... values) {
    char line[400];
    // Without values, `format` may not be taken for a format.
    const int size = [&] {
        if constexpr (sizeof...(values) == 0)
            return std::snprintf(line, sizeof(line), "%s", format);
        else
            return std::snprintf(line, sizeof(line), format, values...);
    }();
    std::cout.write(line, std::clamp(size, 0, static_cast<int>(sizeof(line)) - 1));
}

const char* kind_name(trace::WriteKind kind) {
    switch (kind) {
        case trace::WriteKind::store:
            return "store";
        case trace::WriteKind::helper:
            return "store by the processor";
        case trace::WriteKind::table_write:
            return "page walker";
        case trace::WriteKind::transfer:
            return "device";
    }
    return "";
}

void print_difference(const trace::TraceHeader& header, const trace::PageDifference& difference) {
    print("differs: %s + 0x%" PRIx64 " (page 0x%" PRIx64 ", %u bytes), instr %" PRIu64
          " to snapshot %u at %" PRIu64 ": snapshot has 0x%02x, stores give 0x%02x\n",
          header.memory_blocks[difference.block].name.c_str(), difference.offset,
          difference.offset / trace::page_size, difference.bytes, difference.from_instr, difference.snapshot,
          difference.to_instr, difference.expected, difference.found);
    if (!difference.last_write) {
        print("    the trace has no write to this byte\n");
        return;
    }
    const trace::Write& write = *difference.last_write;
    print("    last written by %s at instr %" PRIu64 ", pc 0x%" PRIx64 ", address 0x%" PRIx64 ", %" PRIu64
          " bytes, value 0x%" PRIx64 "\n",
          kind_name(write.kind), write.instr, write.pc, write.address, write.size, write.value);
}

void print_verdict(const trace::VerifyReport& report) {
    if (report.passed() && report.chunks == 0)
        print("passed, but there are no executions in it that could be wrong\n");
    else if (report.passed())
        print("passed\n");
    else if (report.part_passed())
        print("FAILED: the trace is not whole; nothing is wrong in what is there\n");
    else
        print("FAILED: %" PRIu64 " pages differ, %" PRIu64 " blocks do not follow\n", report.differing_pages,
              report.broken_links);
}

void print_text(const trace::TraceHeader& header, const trace::VerifyReport& report, double seconds) {
    print("instr %" PRIu64 " to %" PRIu64 ": %" PRIu64 " chunks, %" PRIu64 " block executions, %" PRIu64
          " events, %" PRIu64 " memory accesses\n",
          report.first_instr, report.end_instr, report.chunks, report.blocks, report.events, report.accesses);
    print("%" PRIu64 " snapshots, memory compared at %" PRIu64 ": %" PRIu64 " pages (%" PRIu64
          " stored to or listed, compared byte by byte)\n",
          report.snapshots, report.snapshots_compared, report.pages_covered, report.pages_compared);
    if (report.registers_checked != 0)
        print("registers: %" PRIu64 " compared with what chunks and system calls tell\n",
              report.registers_checked);
    if (!report.not_compared.empty())
        print("not all memory was compared: %s\n", report.not_compared.c_str());
    for (const auto& difference : report.differences)
        print_difference(header, difference);
    for (const auto& link : report.links)
        print("does not follow: at instr %" PRIu64 " pc 0x%" PRIx64 " after block 0x%" PRIx64
              " (%u instructions executed)\n",
              link.instr, link.pc, link.previous_pc, link.previous_executed);
    for (const std::string& text : report.contradictions)
        print("contradiction: %s\n", text.c_str());
    if (report.lost_stores != 0)
        print("%" PRIu64 " stores that no translation leads to memory\n", report.lost_stores);
    if (report.unlisted_pages != 0)
        print("%" PRIu64 " times a chunk stores to a page that it does not list\n", report.unlisted_pages);
    if (report.wrong_modes != 0)
        print("%" PRIu64 " blocks run in another mode than the events tell\n", report.wrong_modes);
    if (report.wrong_registers != 0)
        print("%" PRIu64 " blocks start with other registers than the chunk or a system call tells\n",
              report.wrong_registers);
    if (!report.flaw.empty())
        print("not whole: %s\n", report.flaw.c_str());
    const auto instructions = static_cast<double>(report.end_instr - report.first_instr);
    print("%.2f s, %.0f M instr/s, %.0f MB/s of the file\n", seconds, instructions / seconds / 1e6,
          static_cast<double>(report.bytes_read) / seconds / 1e6);
    print_verdict(report);
}

Json json_of(const trace::TraceHeader& header, const trace::PageDifference& difference) {
    Json object = {{"memory_block", header.memory_blocks[difference.block].name},
                   {"offset", hex(difference.offset)},
                   {"bytes", difference.bytes},
                   {"from_instr", difference.from_instr},
                   {"to_instr", difference.to_instr},
                   {"snapshot", difference.snapshot},
                   {"expected", difference.expected},
                   {"found", difference.found}};
    if (const auto& write = difference.last_write)
        object["last_write"] = {
            {"kind", kind_name(write->kind)}, {"instr", write->instr}, {"pc", hex(write->pc)},
            {"address", hex(write->address)}, {"size", write->size},   {"value", hex(write->value)}};
    return object;
}

void print_json(const trace::TraceHeader& header, const trace::VerifyReport& report, double seconds) {
    Json differences = Json::array();
    for (const auto& difference : report.differences)
        differences.push_back(json_of(header, difference));
    Json links = Json::array();
    for (const auto& link : report.links)
        links.push_back({{"instr", link.instr},
                         {"pc", hex(link.pc)},
                         {"previous_pc", hex(link.previous_pc)},
                         {"previous_executed", link.previous_executed}});
    const Json object = {{"passed", report.passed()},
                         {"first_instr", report.first_instr},
                         {"end_instr", report.end_instr},
                         {"chunks", report.chunks},
                         {"blocks", report.blocks},
                         {"events", report.events},
                         {"accesses", report.accesses},
                         {"snapshots", report.snapshots},
                         {"snapshots_compared", report.snapshots_compared},
                         {"pages_covered", report.pages_covered},
                         {"pages_compared", report.pages_compared},
                         {"not_compared", report.not_compared},
                         {"differing_pages", report.differing_pages},
                         {"differences", differences},
                         {"broken_links", report.broken_links},
                         {"links", links},
                         {"contradictions", report.contradictions},
                         {"lost_stores", report.lost_stores},
                         {"unlisted_pages", report.unlisted_pages},
                         {"wrong_modes", report.wrong_modes},
                         {"registers_checked", report.registers_checked},
                         {"wrong_registers", report.wrong_registers},
                         {"flaw", report.flaw},
                         {"seconds", seconds}};
    write_json_line(std::cout, object);
}

}  // namespace

int verify(const std::vector<std::string>& arguments) {
    po::options_description options("options");
    options.add_options()("json", "one JSON object")(
        "threads", number_value<unsigned>()->default_value(0, "all"), "number of threads")(
        "list", number_value<size_t>()->default_value(10), "failures of each kind to describe")(
        "no-blame", "do not look for what last wrote a page that differs")("quiet,q", "no progress bar");
    const auto values = parse_options("verify", arguments, options);
    if (!values)
        return exit_ok;
    trace::TraceReader reader((*values)["trace"].as<std::string>());
    Progress progress("verify", trace::pass_length(reader, {}), values->count("quiet") != 0);
    trace::VerifyOptions wanted;
    wanted.threads = (*values)["threads"].as<unsigned>();
    wanted.listed = (*values)["list"].as<size_t>();
    wanted.blame = values->count("no-blame") == 0;
    wanted.progress = [&progress](uint64_t done) { progress.update(done); };
    const auto start = std::chrono::steady_clock::now();
    const trace::VerifyReport report = trace::verify(reader, wanted);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    progress.finish();
    if (values->count("json") != 0)
        print_json(reader.header(), report, taken.count());
    else
        print_text(reader.header(), report, taken.count());
    return report.passed() ? exit_ok : exit_failed;
}

}  // namespace panda::trace_tool
