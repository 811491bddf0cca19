// panda-analyze-trace: every instruction, as text, JSON, or for the trace explorer Tenet.
#include <array>
#include <iostream>

#include "analyzers/execution/listing.h"
#include "analyzers/shared/frame.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::execution;
using analyzers::Run;

// By trace::BlockRegisters.
constexpr std::array register_names = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",   "r8",
                                       "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rflags"};
static_assert(register_names.size() == trace::block_registers);

// Which registers have changed since the last block that was listed: all of them at first.
class Changes {
  public:
    // Calls function(name, value) for each.
    template <typename Function>
    void take(const trace::BlockRegisters& registers, const Function& function) {
        for (size_t i = 0; i < registers.size(); ++i)
            if (!known_ || registers[i] != last_[i])
                function(register_names[i], registers[i]);
        last_ = registers;
        known_ = true;
    }

  private:
    bool known_ = false;
    trace::BlockRegisters last_{};
};

// The bytes of a value as they are in memory.
std::string memory_bytes(const trace::Access& access) {
    std::array<std::byte, 16> bytes;
    for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>((i < 8 ? access.value : access.value_high) >> (i % 8 * 8));
    return hex_bytes(std::span(bytes).first(access.size));
}

void write_text(const ListedInstruction& listed, Changes& changes) {
    if (listed.registers != nullptr) {
        std::string line;
        changes.take(*listed.registers, [&](const char* name, uint64_t value) {
            line += (line.empty() ? "" : " ") + std::string(name) + "=" + hex(value);
        });
        if (!line.empty())
            std::cout << "    " << line << '\n';
    }
    std::cout << listed.instr << ' ' << hex(listed.asid) << ' ' << hex(listed.pc) << "  "
              << hex_bytes(listed.code);
    for (const trace::Access& access : listed.accesses)
        std::cout << (access.is_store() ? "  write " : "  read ") << hex(access.address) << ' '
                  << memory_bytes(access);
    std::cout << '\n';
}

void write_object(const ListedInstruction& listed, Changes& changes) {
    Json line = {{"kind", "instruction"},
                 {"instr", listed.instr},
                 {"asid", hex(listed.asid)},
                 {"pc", hex(listed.pc)},
                 {"code", hex_bytes(listed.code)}};
    if (listed.registers != nullptr) {
        Json registers = Json::object();
        changes.take(*listed.registers,
                     [&](const char* name, uint64_t value) { registers[name] = hex(value); });
        line["registers"] = std::move(registers);
    }
    Json accesses = Json::array();
    for (const trace::Access& access : listed.accesses)
        accesses.push_back({{"type", access.is_store() ? "write" : "read"},
                            {"address", hex(access.address)},
                            {"size", access.size},
                            {"bytes", memory_bytes(access)}});
    line["accesses"] = std::move(accesses);
    write_json_line(std::cout, line);
}

// https://github.com/gaasedelen/tenet, its traces: a line an instruction, of "register=value" for what has changed, the
// program counter always, and "mr=" or "mw=" with address and bytes for reads and writes. It has no flags.
void write_tenet(const ListedInstruction& listed, Changes& changes) {
    if (listed.registers != nullptr)
        changes.take(*listed.registers, [&](const char* name, uint64_t value) {
            if (name != register_names.back())
                std::cout << name << '=' << hex(value) << ',';
        });
    std::cout << "rip=" << hex(listed.pc);
    for (const trace::Access& access : listed.accesses)
        std::cout << (access.is_store() ? ",mw=" : ",mr=") << hex(access.address) << ':'
                  << memory_bytes(access);
    std::cout << '\n';
}

void add_options(analyzers::po::options_description& options) {
    auto add = options.add_options();
    add("registers", "also the registers that have changed where a block starts; the trace must have them");
    add("format", analyzers::po::value<std::string>()->value_name("FORMAT")->default_value("text"),
        "text, or tenet for the trace explorer of that name");
    add("asid", number_value()->value_name("CR3"), "only this address space");
    add("user", "only code of programs");
    add("kernel", "only code of the kernel");
}

template <bool with_registers>
void list(Run& run, const ListingOptions& wanted, const TakeInstruction& take) {
    trace::PassOptions options = run.pass_options(true);
    options.in_order = true;
    auto result = trace::run_pass(run.reader(), options, [&](const trace::PassState& state) {
        return Listing<with_registers>(state, wanted, take);
    });
    result.analyzer.finish();
    run.end_progress();
    run.set_flaw(std::move(result.flaw));
}

void analyze(Run& run) {
    ListingOptions wanted;
    if (run.has("asid"))
        wanted.asid = run.number("asid");
    if (run.has("user") && run.has("kernel"))
        throw UsageError("--user and --kernel exclude each other");
    wanted.user = !run.has("kernel");
    wanted.kernel = !run.has("user");
    const std::string& format = run.text("format");
    if (format != "text" && format != "tenet")
        throw UsageError("--format is text or tenet, not \"" + format + "\"");
    if (format == "tenet" && run.json())
        throw UsageError("--format tenet is not JSON");
    Changes changes;
    const auto write = run.json() ? write_object : format == "tenet" ? write_tenet : write_text;
    const TakeInstruction take = [&](const ListedInstruction& listed) { write(listed, changes); };
    run.has("registers") ? list<true>(run, wanted, take) : list<false>(run, wanted, take);
}

constexpr analyzers::Program program = {
    .name = "trace",
    .summary = "every instruction, with its memory accesses and registers, also for Tenet",
    .description =
        "Lists each instruction that was executed, with its loads and stores and their values.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr, .quiet = nullptr},
    .add_options = add_options,
    .needs =
        [](const analyzers::po::variables_map& given) {
            return given.count("registers") != 0 ? "full registers" : "full";
        },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
