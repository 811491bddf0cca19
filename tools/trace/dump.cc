// panda-trace dump: prints the trace line by line.
#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <iostream>
#include <optional>

#include "common/hex.h"
#include "common/json_value.h"
#include "tools/trace/commands.h"
#include "tools/trace/operation_printer.h"
#include "tools/trace/options.h"
#include "trace/coding/event_fields.h"
#include "trace/reading/reader.h"
#include "trace/reading/register_cursor.h"

namespace panda::trace_tool {
namespace {

struct Selection {
    uint64_t from = 0;
    uint64_t to = ~uint64_t{0};  // exclusive
    bool blocks = false;
    bool events = false;
    bool memory = false;
    bool registers = false;
    bool definitions = false;
    bool operations = false;  // with definitions
    bool json = false;
};

template <typename... Values>
void print(const char* format, Values... values) {
    char line[256];
    const int size = std::snprintf(line, sizeof(line), format, values...);
    std::cout.write(line, std::clamp(size, 0, static_cast<int>(sizeof(line)) - 1));
}

// By trace::AccessKind.
constexpr std::array access_names = {"load", "store", "helper load", "helper store", "table write", "fill"};

// By trace::BlockRegisters.
constexpr std::array register_names = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",   "r8",
                                       "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rflags"};
static_assert(register_names.size() == trace::block_registers);

// All digits of the value.
std::string value_text(const trace::Access& access) {
    return access.size == 16 ? hex_digits(access.value_high, 16) + hex_digits(access.value, 16)
                             : hex_digits(access.value, 2 * access.size);
}

class Dumper {
  public:
    Dumper(trace::TraceReader& reader, const Selection& selection)
        : reader_(reader), selection_(selection), cursor_(reader.blocks()) {
        if (selection.operations)
            operations_.emplace(reader, selection.json);
    }

    // True when nothing that follows can be selected.
    bool take(const trace::Chunk& chunk) {
        print_definitions();
        const trace::ChunkSummary& summary = chunk.summary();
        if (summary.first_instr >= selection_.to)
            return true;
        // An event in the middle of a block may stand one chunk before that block, so this chunk's end is not
        // a bound for events. A block has far fewer instructions than the margin.
        constexpr uint64_t margin = 1 << 16;
        const uint64_t end = summary.first_instr + summary.instr_count;
        if ((selection_.blocks || selection_.events || selection_.memory || selection_.registers) &&
            end + margin > selection_.from)
            print_chunk(chunk);
        return false;
    }

    void print_definitions() {
        const trace::BlockTable& blocks = reader_.blocks();
        if (!selection_.definitions)
            return;
        for (; next_definition_ < blocks.size(); ++next_definition_)
            print_block_definition(next_definition_, blocks[next_definition_]);
    }

  private:
    void print_block_definition(uint32_t id, const trace::BlockView& block) const {
        print_definition(id, block);
        if (operations_)
            operations_->print(std::cout, id, block);
    }

    void print_chunk(const trace::Chunk& chunk) {
        using Step = trace::ChunkCursor::Step;
        cursor_.start(chunk, selection_.memory ? trace::CursorColumns::memory : trace::CursorColumns::blocks);
        if (selection_.registers)
            registers_.start(chunk);
        for (Step step = cursor_.next(); step != Step::end; step = cursor_.next()) {
            if (step == Step::event) {
                print_event(cursor_.event());
                continue;
            }
            print_block(cursor_.block());
            if (selection_.registers)
                print_registers(cursor_.block(), registers_.next(cursor_.block().id));
            if (!selection_.memory)
                continue;
            for (const trace::Access& access : cursor_.accesses())
                print_access(cursor_.block().instr + access.instruction, access);
        }
    }

    void print_block(const trace::BlockExecution& execution) const {
        const uint64_t end = execution.instr + std::max(execution.executed, 1u);
        if (!selection_.blocks || execution.instr >= selection_.to || end <= selection_.from)
            return;
        const trace::BlockView block = reader_.blocks()[execution.id];
        const bool cut = execution.executed < block.instruction_offsets.size();
        if (selection_.json) {
            const Json line = {{"kind", "block"},          {"instr", execution.instr},
                               {"id", execution.id},       {"pc", hex(block.pc)},
                               {"size", block.guest_size}, {"executed", execution.executed}};
            write_json_line(std::cout, line);
            return;
        }
        print("%12" PRIu64 "  %016" PRIx64 "  %u", execution.instr, block.pc, block.guest_size);
        if (cut)
            print("  stopped after %u of %zu instructions", execution.executed,
                  block.instruction_offsets.size());
        std::cout << '\n';
    }

    void print_registers(const trace::BlockExecution& execution,
                         const trace::BlockRegisters& registers) const {
        const uint64_t end = execution.instr + std::max(execution.executed, 1u);
        if (execution.instr >= selection_.to || end <= selection_.from)
            return;
        if (selection_.json) {
            Json line = {{"kind", "registers"}, {"instr", execution.instr}};
            for (size_t i = 0; i < registers.size(); ++i)
                line[register_names[i]] = hex(registers[i]);
            write_json_line(std::cout, line);
            return;
        }
        print("%12" PRIu64 "  registers", execution.instr);
        for (size_t i = 0; i < registers.size(); ++i)
            print(" %s=%" PRIx64, register_names[i], registers[i]);
        std::cout << '\n';
    }

    void print_access(uint64_t instr, const trace::Access& access) const {
        if (instr >= selection_.to || instr < selection_.from)
            return;
        const char* kind = access_names[static_cast<size_t>(access.kind)];
        const bool fill = access.kind == trace::AccessKind::fill;
        const bool valued = access.is_store() || access.kind == trace::AccessKind::table_write;
        if (selection_.json) {
            Json line = {
                {"kind", "access"}, {"instr", instr}, {"access", kind}, {"address", hex(access.address)}};
            if (fill)
                line.update({{"frame", hex(access.translation().frame << 12)},
                             {"address_space", access.translation().address_space}});
            else
                line["size"] = access.size;
            if (valued)
                line["value"] = "0x" + value_text(access);
            write_json_line(std::cout, line);
            return;
        }
        print("%12" PRIu64 "  %-12s", instr, kind);
        if (fill)
            print("    %016" PRIx64 "  is %" PRIx64 " of address space %u\n", access.address,
                  access.translation().frame << 12, access.translation().address_space);
        else
            print(" %2u  %016" PRIx64 "%s%s\n", access.size, access.address, valued ? "  = " : "",
                  valued ? value_text(access).c_str() : "");
    }

    // The device that made a transfer, if it is known.
    const trace::Device* device_of(const trace::EventDetail& detail) const {
        const auto* transfer = std::get_if<trace::Transfer>(&detail);
        const auto& devices = reader_.header().devices;
        return transfer == nullptr || transfer->device == 0 || transfer->device > devices.size()
                   ? nullptr
                   : &devices[transfer->device - 1];
    }

    void print_event(const trace::Event& event) const {
        if (!selection_.events || event.instr >= selection_.to || event.instr < selection_.from)
            return;
        const uint32_t kind = trace::event_kind(event.detail);
        const trace::EventFields fields = trace::event_fields(event.detail);
        const auto& names = trace::event_field_names(kind);
        const auto name = [&names](size_t i) {
            return i < names.size() ? names[i] : "field" + std::to_string(i);
        };
        if (selection_.json) {
            Json line = {{"kind", "event"}, {"instr", event.instr}, {"event", trace::event_kind_name(kind)}};
            for (size_t i = 0; i < fields.values.size(); ++i)
                line[name(i)] = hex(fields.values[i]);
            if (const trace::Device* device = device_of(event.detail))
                line.update({{"device_model", device->model},
                             {"device_place", device->place},
                             {"device_kind", device->kind}});
            if (!fields.data.empty())
                line["data"] = hex_bytes(fields.data);
            write_json_line(std::cout, line);
            return;
        }
        print("%12" PRIu64 "  %s", event.instr, trace::event_kind_name(kind).c_str());
        for (size_t i = 0; i < fields.values.size(); ++i)
            print(" %s=0x%" PRIx64, name(i).c_str(), fields.values[i]);
        if (const trace::Device* device = device_of(event.detail))
            std::cout << " (" << device->model << (device->place.empty() ? "" : " ") << device->place << ")";
        if (!fields.data.empty())
            std::cout << " data=" << hex_bytes(fields.data);
        std::cout << '\n';
    }

    void print_definition(uint32_t id, const trace::BlockView& block) const {
        if (selection_.json) {
            Json line = {{"kind", "definition"},
                         {"id", id},
                         {"pc", hex(block.pc)},
                         {"cs_base", hex(block.cs_base)},
                         {"flags", hex(block.flags)},
                         {"physical_pc", hex(block.physical_pc)},
                         {"size", block.guest_size},
                         {"instructions", block.instruction_offsets.size()},
                         {"memory_operations", block.operations.size()},
                         {"code", hex_bytes(block.code)}};
            if (block.physical_second_page != trace::no_address)
                line["physical_second_page"] = hex(block.physical_second_page);
            write_json_line(std::cout, line);
            return;
        }
        print("block %u  pc %016" PRIx64 "  physical %" PRIx64 "  cs_base %" PRIx64 "  flags %" PRIx64, id,
              block.pc, block.physical_pc, block.cs_base, block.flags);
        print("  size %u  instructions %zu  memory operations %zu  code ", block.guest_size,
              block.instruction_offsets.size(), block.operations.size());
        std::cout << hex_bytes(block.code) << '\n';
    }

    trace::TraceReader& reader_;
    Selection selection_;
    trace::ChunkCursor cursor_;
    trace::RegisterCursor registers_;
    std::optional<OperationPrinter> operations_;
    uint32_t next_definition_ = 0;
};

Selection make_selection(const po::variables_map& values) {
    Selection selection;
    const NumberRange range = range_option(values);
    selection.from = range.from;
    selection.to = range.to;
    selection.blocks = values.count("blocks") != 0;
    selection.events = values.count("events") != 0;
    selection.memory = values.count("memory") != 0;
    selection.registers = values.count("registers") != 0;
    selection.operations = values.count("operations") != 0;
    selection.definitions = selection.operations || values.count("definitions") != 0;
    selection.json = values.count("json") != 0;
    if (!selection.blocks && !selection.events && !selection.memory && !selection.registers &&
        !selection.definitions)
        selection.blocks = selection.events = true;
    return selection;
}

}  // namespace

int dump(const std::vector<std::string>& arguments) {
    po::options_description options("options");
    add_range_options(options);
    options.add_options()("blocks", "a line for each block execution: instr, pc, bytes")(
        "events", "a line for each event")(
        "memory", "a line for each memory access and each translation that is learnt")(
        "registers", "a line for the registers at the start of each block execution, if the trace has them")(
        "definitions", "a line for each block definition (without any of these: blocks and events)")(
        "operations", "with each block definition its TCG operations, in the form of QEMU's log")(
        "json", "one JSON object per line");
    const auto values = parse_options("dump", arguments, options);
    if (!values)
        return 0;
    const Selection selection = make_selection(*values);
    trace::TraceReader reader((*values)["trace"].as<std::string>(),
                              {.snapshots = false, .tcg = selection.operations});
    Dumper dumper(reader, selection);
    while (const auto item = reader.next()) {
        if (dumper.take(std::get<trace::Chunk>(*item)) && !selection.definitions)
            return 0;
        if (!std::cout)
            throw Error("cannot write to standard output");
    }
    dumper.print_definitions();
    std::cout.flush();
    reader.require_whole();
    return 0;
}

}  // namespace panda::trace_tool
