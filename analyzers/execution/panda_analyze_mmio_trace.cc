// panda-analyze-mmio_trace: accesses to devices by memory; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/execution/mmio.h"
#include "analyzers/shared/frame.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::execution;

void analyze(analyzers::Run& run) {
    const MmioTrace found = run.pass([](const trace::PassState& state) { return MmioTrace(state); });
    for (const MmioAccess& access : found.found()) {
        const bool known = access.virtual_address != trace::no_address;
        const std::string device = device_at(access.physical);
        if (run.json()) {
            Json line = {{"kind", "mmio"},
                         {"instr", access.instr},
                         {"access_type", access.write ? "write" : "read"},
                         {"pc", hex(access.pc)},
                         {"phys_addr", hex(access.physical)}};
            if (known)
                line["virt_addr"] = hex(access.virtual_address);
            line["size"] = access.size;
            line["value"] = hex(access.value);
            line["dev_name"] = device;
            line["asid"] = hex(access.asid);
            write_json_line(std::cout, line);
            continue;
        }
        std::cout << access.instr << ' ' << (access.write ? "write" : "read ") << " pc " << hex(access.pc)
                  << " phys " << hex(access.physical) << " virt "
                  << (known ? hex(access.virtual_address) : std::string("?")) << " size " << access.size
                  << " value " << hex(access.value) << (device.empty() ? "" : " ") << device << '\n';
    }
}

constexpr analyzers::Program program = {
    .name = "mmio_trace",
    .summary = "loads from and stores to devices in memory",
    .description =
        "Lists each access to a device by memory (MMIO), with its value.\n"
        "TRACE is a file, or - for standard input.",
    .needs = [](const analyzers::po::variables_map&) { return "memory"; },
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
