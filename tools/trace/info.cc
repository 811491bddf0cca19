// panda-trace info: one pass over the trace that decodes nothing but the events.
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <map>

#include "common/command_line.h"
#include "common/json_value.h"
#include "tools/trace/commands.h"
#include "tools/trace/options.h"
#include "trace/moment/marks.h"
#include "trace/reading/reader.h"

namespace panda::trace_tool {
namespace {

struct Report {
    trace::TraceHeader header;
    uint64_t end_instr = 0;
    uint64_t chunks = 0;
    uint64_t chunk_bytes = 0;
    uint64_t blocks_executed = 0;
    uint32_t blocks_defined = 0;
    size_t memory_maps = 0;
    std::map<uint32_t, uint64_t> events;
    std::map<std::string, trace::ColumnSize> columns;
    struct SnapshotFacts {
        uint64_t instr;
        trace::SnapshotKind kind;
        uint64_t pages;
        uint64_t bytes;
    };
    std::vector<SnapshotFacts> snapshots;
    std::vector<trace::Mark> marks;  // of a file
    std::string flaw;
    bool index = false;

    uint64_t instr_count() const { return end_instr - header.first_instr; }
    double bits_per_instr(uint64_t bytes) const {
        return instr_count() == 0 ? 0 : 8 * static_cast<double>(bytes) / static_cast<double>(instr_count());
    }
};

void add_chunk(Report& report, const trace::Chunk& chunk) {
    const trace::ChunkSummary& summary = chunk.summary();
    ++report.chunks;
    report.chunk_bytes += chunk.file_bytes();
    report.blocks_executed += summary.block_count;
    report.end_instr = summary.first_instr + summary.instr_count;
    for (const auto& [kind, count] : chunk.count_events())
        report.events[kind] += count;
    for (const trace::ColumnSize& size : chunk.columns()) {
        trace::ColumnSize& total = report.columns[size.name];
        total.name = size.name;
        total.records += size.records;
        total.raw_bytes += size.raw_bytes;
        total.stored_bytes += size.stored_bytes;
    }
}

Report make_report(trace::TraceReader& reader) {
    Report report;
    report.header = reader.header();
    report.end_instr = report.header.first_instr;
    while (const auto item = reader.next()) {
        if (const auto* chunk = std::get_if<trace::Chunk>(&*item)) {
            add_chunk(report, *chunk);
        } else {
            const auto& snapshot = std::get<trace::Snapshot>(*item);
            report.snapshots.push_back(
                {snapshot.instr, snapshot.kind, snapshot.page_count, snapshot.file_bytes});
        }
    }
    report.blocks_defined = reader.blocks().size();
    report.memory_maps = reader.memory_maps().size();
    report.flaw = reader.flaw();
    report.index = reader.has_index();
    if (reader.seekable()) {
        // Of what is whole.
        trace::TraceReader again(reader.path());
        report.marks = trace::find_marks(again);
    }
    return report;
}

const char* kind_name(trace::SnapshotKind kind) {
    return kind == trace::SnapshotKind::full ? "full" : "changed";
}

// A fact on one line: some list all operations of the emulator, for programs.
std::string one_line(const std::string& fact) {
    constexpr size_t most = 200;
    const std::string value = without_controls(fact);
    if (value.size() <= most)
        return value;
    size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80)
        --end;  // not within a character
    return value.substr(0, end) + "… (whole with --json)";
}

void print_text(const Report& report, bool seekable) {
    const auto line = [](const char* name, const std::string& text) {
        std::cout << std::left << std::setw(22) << name << ' ' << text << '\n';
    };
    const auto number = [](uint64_t value) { return std::to_string(value); };
    // The fact follows the guest, which may be of 32 bit on a processor of 64.
    if (report.header.facts.count("architecture") == 0)
        line("architecture", report.header.architecture);
    for (const auto& [name, value] : report.header.facts)
        line(name.c_str(), one_line(value));
    for (const auto& block : report.header.memory_blocks)
        line("memory block", block.name + ", " + number(block.size >> 10) + " KiB");
    line("instructions", number(report.header.first_instr) + " to " + number(report.end_instr) + " (" +
                             number(report.instr_count()) + ")");
    line("whole", report.flaw.empty() ? "yes" : "no: " + report.flaw);
    line("index", !seekable ? "not looked at (a pipe)" : report.index ? "yes" : "no");
    line("chunks", number(report.chunks) + ", " + number(report.chunk_bytes) + " bytes");
    line("blocks",
         number(report.blocks_defined) + " defined, " + number(report.blocks_executed) + " executed");
    line("memory maps", number(report.memory_maps));
    for (const auto& [kind, count] : report.events)
        line(("event: " + trace::event_kind_name(kind)).c_str(), number(count));
    for (const trace::Mark& mark : report.marks)
        line("mark", mark.name + " at " + number(mark.instr));
    for (const auto& snapshot : report.snapshots)
        line("snapshot", "at " + number(snapshot.instr) + ", " + kind_name(snapshot.kind) + ", " +
                             number(snapshot.pages) + " pages, " + number(snapshot.bytes) + " bytes");
    for (const auto& [name, size] : report.columns) {
        char text[128];
        std::snprintf(
            text, sizeof(text), "%llu records, %llu bytes raw, %llu stored, %.4f bits per instr",
            static_cast<unsigned long long>(size.records), static_cast<unsigned long long>(size.raw_bytes),
            static_cast<unsigned long long>(size.stored_bytes), report.bits_per_instr(size.stored_bytes));
        line(("column: " + name).c_str(), text);
    }
}

void print_json(const Report& report) {
    Json events = Json::object();
    for (const auto& [kind, count] : report.events)
        events[trace::event_kind_name(kind)] = count;
    Json blocks = Json::array();
    for (const auto& block : report.header.memory_blocks)
        blocks.push_back({{"name", block.name}, {"size", block.size}});
    Json snapshots = Json::array();
    for (const auto& snapshot : report.snapshots)
        snapshots.push_back({{"instr", snapshot.instr},
                             {"kind", kind_name(snapshot.kind)},
                             {"pages", snapshot.pages},
                             {"bytes", snapshot.bytes}});
    Json marks = Json::array();
    for (const trace::Mark& mark : report.marks)
        marks.push_back({{"name", mark.name}, {"instr", mark.instr}});
    Json columns = Json::array();
    for (const auto& [name, size] : report.columns)
        columns.push_back({{"name", name},
                           {"records", size.records},
                           {"raw_bytes", size.raw_bytes},
                           {"stored_bytes", size.stored_bytes},
                           {"bits_per_instr", report.bits_per_instr(size.stored_bytes)}});
    Json devices = Json::array();
    for (const auto& device : report.header.devices)
        devices.push_back({{"model", device.model}, {"place", device.place}, {"kind", device.kind}});
    const Json object = {{"architecture", report.header.architecture},
                         {"facts", report.header.facts},
                         {"memory_blocks", blocks},
                         {"devices", devices},
                         {"first_instr", report.header.first_instr},
                         {"end_instr", report.end_instr},
                         {"whole", report.flaw.empty()},
                         {"flaw", report.flaw},
                         {"index", report.index},
                         {"chunks", report.chunks},
                         {"chunk_bytes", report.chunk_bytes},
                         {"blocks_defined", report.blocks_defined},
                         {"blocks_executed", report.blocks_executed},
                         {"memory_maps", report.memory_maps},
                         {"events", events},
                         {"marks", marks},
                         {"snapshots", snapshots},
                         {"columns", columns}};
    write_json_line(std::cout, object);
}

}  // namespace

int info(const std::vector<std::string>& arguments) {
    po::options_description options("options");
    options.add_options()("json", "one JSON object instead of text");
    const auto values = parse_options("info", arguments, options);
    if (!values)
        return 0;
    trace::TraceReader reader((*values)["trace"].as<std::string>());
    const Report report = make_report(reader);
    if (values->count("json") != 0)
        print_json(report);
    else
        print_text(report, reader.seekable());
    return 0;
}

}  // namespace panda::trace_tool
