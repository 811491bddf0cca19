// panda-analyze-proc_trace: a line for each process that gets the processor; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/osi/text.h"
#include "analyzers/shared/frame.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
namespace po = boost::program_options;

class ProcessLog final : public osi::EventListener {
  public:
    explicit ProcessLog(analyzers::Run& run) : run_(run) {}

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override {
        provider_ = &provider;
        tell(at);
    }
    void on_task_change(const osi::EventPoint& at, const osi::Thread&) override { tell(at); }
    void on_exec(const osi::EventPoint& at, const osi::Process&) override { tell(at); }

  private:
    // Other threads of the same process are not told.
    void tell(const osi::EventPoint& at) {
        const auto handle = provider_->current_process_handle(at.point);
        const auto process = handle ? provider_->process(at.point, *handle) : std::nullopt;
        if (!process || (process->pid == pid_ && process->name == name_ && process->handle.asid == asid_))
            return;
        pid_ = process->pid;
        name_ = process->name;
        asid_ = process->handle.asid;
        const auto start = provider_->details(at.point, *handle).start_time;
        if (run_.json()) {
            Json line = {{"kind", "proc_trace"},  {"instr", at.instr}, {"pid", pid_},
                         {"ppid", process->ppid}, {"name", name_},     {"asid", hex(asid_)}};
            if (start)
                line["create_time"] = *start;
            write_json_line(std::cout, line);
        } else {
            std::cout << at.instr << "  pid " << pid_ << "  ppid " << process->ppid << "  asid "
                      << hex(asid_, 10) << "  " << analyze_osi::printable(name_) << '\n';
        }
        if (auto* log = run_.pandalog())
            log->write_fact(at.instr, at.pc, "proc_trace",
                            {{"pid", pid_},
                             {"ppid", process->ppid},
                             {"name", name_},
                             {"asid", asid_},
                             {"create_time", start.value_or(0)}});
    }

    analyzers::Run& run_;
    const osi::Provider* provider_ = nullptr;
    int64_t pid_ = -1;
    std::string name_;
    uint64_t asid_ = 0;
};

void add_options(po::options_description& options) {
    analyze_osi::add_kernel_options(options);
}

void analyze(analyzers::Run& run) {
    const auto wanted = analyze_osi::provider_options(run.given());
    const analyze_osi::PassSystem system{analyze_osi::provider_opener(wanted, run.reader().path()),
                                         wanted.load_now};
    ProcessLog log(run);
    const auto followed = analyze_osi::follow_events(run.reader(), run.pass_options(true), system, log);
    run.set_flaw(followed.flaw);
    if (!followed.warning.empty()) {
        run.warn(followed.warning);
        run.set_incomplete();
    }
}

constexpr analyzers::Program program = {
    .name = "proc_trace",
    .summary = "a line for each process that gets the processor",
    .description =
        "Tells, in the order of time, each process of a Linux guest that gets the processor from\n"
        "another one, or is another program. TRACE is a file, or - for standard input.",
    .shared = {.pandalog = "also write facts of a pandalog", .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
