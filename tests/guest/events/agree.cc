// agree TRACE: checks that, for every block of user code in a trace, the current process that introspection
// finds has the address space that the processor is in. Prints how many blocks, processes and switches there
// were.
#include <cstdio>
#include <set>

#include "common/command_line.h"
#include "osi/event_follower.h"
#include "osi/linux/select.h"

using namespace panda;

namespace {

constexpr uint64_t privilege_mask = 3;   // in a block's flags
constexpr uint64_t user_table = 0x1000;  // page table isolation: set in CR3 of user code
constexpr uint64_t max_complaints = 20;

// An analyzer of trace/pass/pass.h.
struct Agree : trace::IgnoresEvents, trace::IgnoresAccesses {
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    const trace::PassState* state;
    std::shared_ptr<const osi::Provider> provider;
    uint64_t blocks = 0;
    uint64_t wrong = 0;
    uint64_t switches = 0;
    int64_t last_tid = -1;
    std::set<int64_t> processes;

    void on_block(const trace::BlockExecution& block) {
        if ((state->blocks()[block.id].flags & privilege_mask) != 3 || !state->memory_known())
            return;
        ++blocks;
        const trace::CpuState cpu = state->cpu();
        const osi::Point point{&state->memory(), &cpu};
        const auto handle = provider->current_process_handle(point);
        const auto thread = provider->current_thread(point);
        if (!handle || !thread || handle->asid != (state->asid() & ~user_table)) {
            if (wrong++ < max_complaints)
                std::printf("instr %llu: address space 0x%llx, process %lld with 0x%llx\n",
                            static_cast<unsigned long long>(block.instr),
                            static_cast<unsigned long long>(state->asid()),
                            thread ? static_cast<long long>(thread->pid) : -1,
                            handle ? static_cast<unsigned long long>(handle->asid) : 0);
            return;
        }
        switches += thread->tid != last_tid;
        last_tid = thread->tid;
        processes.insert(thread->pid);
    }
    void append(Agree&&) {}
};

int run(const std::string& path) {
    trace::TraceReader reader(path);
    const osi::OpenProvider open = [&](const osi::Point& point) {
        return std::make_shared<const osi::linux_guest::OsiLinux>(
            osi::linux_guest::open_unknown_kernel(nullptr, point, path));
    };
    const auto provider = osi::find_in_snapshots(reader, 0, open);
    if (!provider)
        throw Error("there is no kernel in the trace");
    trace::PassOptions options;
    options.threads = 1;
    const auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        Agree agree;
        agree.state = &state;
        agree.provider = provider;
        return agree;
    });
    result.require_whole(reader);
    const Agree& seen = result.analyzer;
    std::printf("%llu blocks of user code, %zu processes, %llu switches: %llu disagree\n",
                static_cast<unsigned long long>(seen.blocks), seen.processes.size(),
                static_cast<unsigned long long>(seen.switches), static_cast<unsigned long long>(seen.wrong));
    return seen.wrong == 0 && seen.blocks > 0 ? exit_ok : exit_failed;
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("agree", [&] {
        if (count != 2)
            throw UsageError("usage: agree TRACE");
        return run(arguments[1]);
    });
}
