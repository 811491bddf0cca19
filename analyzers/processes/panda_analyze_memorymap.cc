// panda-analyze-memorymap: in which process and file given instructions lie; PANDA's plugin of that name.
#include <algorithm>
#include <iostream>
#include <set>

#include "analyzers/coverage/selection.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/osi/text.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"
#include "osi/event_follower.h"

namespace {

using namespace panda;
namespace po = boost::program_options;

// Who runs.
class Current final : public osi::EventListener {
  public:
    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override {
        this->provider = &provider;
        thread = provider.current_thread(at.point);
    }
    void on_task_change(const osi::EventPoint&, const osi::Thread& next) override { thread = next; }
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override {
        symbolizer.forget(process.handle);
        thread = provider->current_thread(at.point);
    }
    void on_finished_process(const osi::EventPoint&, const osi::Process& process) override {
        symbolizer.forget(process.handle);
    }
    void on_stop() override {
        provider = nullptr;
        thread.reset();
        symbolizer.forget_all();
    }

    const osi::Provider* provider = nullptr;
    std::optional<osi::Thread> thread;
    osi::Symbolizer symbolizer;
};

class MemoryMap {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    using Places = std::set<uint64_t>;

    MemoryMap(const trace::PassState& state, const analyzers::Run& run, Current& current, const Places& pcs,
              const Places& instrs, osi::EventFollower::System system)
        : state_(&state),
          json_(run.json()),
          current_(&current),
          pcs_(&pcs),
          instrs_(&instrs),
          events_(state, current, std::move(system)) {}

    void on_block(const trace::BlockExecution& block) {
        events_.on_block(block);
        const trace::BlockView view = state_->blocks()[block.id];
        const auto next_pc = pcs_->lower_bound(view.pc);
        const auto next_instr = instrs_->lower_bound(block.instr);
        if ((next_pc == pcs_->end() || *next_pc >= view.pc + view.guest_size) &&
            (next_instr == instrs_->end() || *next_instr >= block.instr + block.executed)) [[likely]]
            return;
        for (uint32_t number = 0; number < block.executed; ++number) {
            const uint64_t pc = view.pc + view.instruction_offsets[number];
            if (pcs_->contains(pc) || instrs_->contains(block.instr + number))
                tell(block.instr + number, pc, coverage::is_user(view));
        }
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        events_.on_accesses(block, accesses);
    }
    void after_accesses(const trace::BlockExecution& block) { events_.after_accesses(block); }
    void on_event(const trace::Event& event) { events_.on_event(event); }
    void append(MemoryMap&&) {}

    const osi::EventFollower& events() const { return events_; }

  private:
    void tell(uint64_t instr, uint64_t pc, bool user) {
        std::string path;
        std::optional<uint64_t> base;
        if (current_->provider != nullptr && state_->memory_known()) {
            const trace::CpuState cpu = state_->cpu();
            const osi::Point point{&state_->memory(), &cpu};
            const auto process =
                current_->provider->current_process_handle(point).value_or(osi::ProcessHandle{});
            if (const auto found = current_->symbolizer.in_file(*current_->provider, point, process, pc)) {
                path = found->path;
                base = found->base;
            } else if (!user) {
                path = current_->symbolizer.place(*current_->provider, point, process, pc).module;
            }
        }
        write(instr, pc, user, path, base);
    }
    void write(uint64_t instr, uint64_t pc, bool user, const std::string& path,
               std::optional<uint64_t> base) const {
        const auto& thread = current_->thread;
        if (json_) {
            Json line = {{"kind", "memorymap"}, {"pc", hex(pc)}, {"instr", instr}, {"in_kernel", !user}};
            if (thread)
                line.update({{"process", thread->name}, {"pid", thread->pid}, {"tid", thread->tid}});
            if (!path.empty())
                line.update({{"image_name", osi::short_name(path)}, {"image_path", path}});
            if (base)
                line["image_base"] = hex(*base);
            write_json_line(std::cout, line);
            return;
        }
        const auto known = [](const std::string& text) {
            return text.empty() ? std::string("(unknown)") : analyze_osi::printable(text);
        };
        std::cout << "pc=" << hex(pc) << " instr_count=" << instr
                  << " process=" << known(thread ? thread->name : std::string())
                  << " pid=" << (thread ? std::to_string(thread->pid) : "(unknown)")
                  << " tid=" << (thread ? std::to_string(thread->tid) : "(unknown)") << " in_kernel=" << !user
                  << " image_name=" << known(osi::short_name(path)) << " image_path=" << known(path)
                  << " image_base=" << (base ? hex(*base) : "(unknown)") << '\n';
    }

    const trace::PassState* state_;
    bool json_;
    Current* current_;
    const Places* pcs_;
    const Places* instrs_;
    osi::EventFollower events_;
};

void add_options(po::options_description& options) {
    const auto numbers = [] { return po::value<std::vector<std::string>>()->composing(); };
    auto add = options.add_options();
    add("pc", numbers()->value_name("PC"), "an instruction at this address, each time it runs; repeatable");
    add("instr", numbers()->value_name("INSTR"), "the instruction that runs at this instr; repeatable");
    analyze_osi::add_kernel_options(options);
}

MemoryMap::Places places(const analyzers::Run& run, const char* option) {
    MemoryMap::Places found;
    for (const std::string& text : run.texts(option))
        found.insert(parse_number(std::string("--") + option, text));
    return found;
}

void analyze(analyzers::Run& run) {
    const auto pcs = places(run, "pc");
    const auto instrs = places(run, "instr");
    if (pcs.empty() && instrs.empty())
        throw UsageError("no instruction is given: --pc or --instr");
    const auto wanted = analyze_osi::provider_options(run.given());
    trace::TraceReader& reader = run.reader();
    trace::PassOptions options = run.pass_options(true);
    options.in_order = true;
    const auto open = analyze_osi::provider_opener(wanted, reader.path());
    std::string reason;
    auto provider = osi::find_in_snapshots(reader, options.range.from, open, !wanted.load_now, &reason);
    if (!provider && reader.seekable() && !reason.empty())
        throw Error(reason);
    Current current;
    auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        return MemoryMap(state, run, current, pcs, instrs, {provider, open});
    });
    run.end_progress();
    if (result.flaw.empty())
        result.analyzer.events().require_started();
    run.set_flaw(std::move(result.flaw));
}

constexpr analyzers::Program program = {
    .name = "memorymap",
    .summary = "in which process and file given instructions lie",
    .description =
        "Tells who runs given instructions, and which file is mapped where they are.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr, .quiet = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
