// panda-analyze-example: which code of programs ran, and when first; PANDA's plugin "sample" logs as much.
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "analyzers/shared/frame.h"
#include "common/hex.h"
#include "common/json.h"

using namespace panda;

struct UserCode : trace::IgnoresEvents {
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;  // neither accesses nor memory
    explicit UserCode(const trace::PassState& pass) : state(&pass) {}
    void on_block(const trace::BlockExecution& block) {
        if ((state->blocks()[block.id].flags & 3) == 3)  // the privilege level of programs
            first.try_emplace({state->asid(), state->blocks().pc(block.id)}, block.instr);
    }
    void append(UserCode&& next) { first.merge(next.first); }

    const trace::PassState* state;
    std::map<std::pair<uint64_t, uint64_t>, uint64_t> first;  // instr, by address space and program counter
};

void add_options(analyzers::po::options_description& options) {
    options.add_options()("asid", number_value(), "only in this address space (CR3)");
}

void analyze(analyzers::Run& run) {
    const UserCode code = run.pass([](const trace::PassState& pass) { return UserCode(pass); });
    for (const auto& [place, instr] : code.first) {
        const auto [asid, pc] = place;
        if (run.has("asid") && run.number("asid") != asid)
            continue;
        if (run.json())
            write_json_line(std::cout, {{"asid", hex(asid)}, {"pc", hex(pc)}, {"instr", instr}});
        else
            std::cout << "asid " << hex(asid) << "  pc " << hex(pc) << "  instr " << instr << '\n';
        if (auto* log = run.pandalog())
            log->write_fact(instr, pc, "example", {{"asid", asid}});
    }
}

int main(int count, char** arguments) {
    const analyzers::Program program = {.name = "example",
                                        .summary = "which code of programs ran, and when first",
                                        .description = "Lists code that ran outside of the kernel.",
                                        .shared = {.pandalog = "each place as a fact"},
                                        .add_options = add_options,
                                        .analyze = analyze};
    return analyzers::run_analyzer(program, count, arguments);
}
