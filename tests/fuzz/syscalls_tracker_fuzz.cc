// Events of a guest in any order, from tasks that come and go, over memory of any content. Each call must
// have one entry and one end, the counts must add up, and what is written about the calls must end.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "analyzers/syscalls/json_writer.h"
#include "analyzers/syscalls/line_writer.h"
#include "analyzers/syscalls/report.h"
#include "analyzers/syscalls/summary.h"

namespace {

using namespace panda::syscalls;
using panda::trace::CallGate;
using panda::trace::ReturnGate;

void require(bool holds) {
    if (!holds)
        std::abort();
}

class FuzzGuest final : public Guest {
  public:
    explicit FuzzGuest(FuzzedDataProvider& input)
        : input_(input), memory_(input.ConsumeRandomLengthString(512)) {}

    std::optional<Task> current_task() override {
        if (visited_)
            return visited_;
        return present_ ? std::optional(task_) : std::nullopt;
    }
    bool is_alive(const Task& task) override { return task.tid % 3 != 0; }
    const UserMemory& user_memory() const override { return memory_; }
    void visit_tasks(const TaskVisitor& visit) override {
        for (unsigned i = input_.ConsumeIntegralInRange(0u, 4u); i > 0; --i) {
            visited_ = next_task();
            visit(*visited_, input_.ConsumeBool() ? interrupted_program() : std::nullopt);
        }
        visited_.reset();
    }
    bool tells_functions() const override { return tells_; }
    std::optional<InterruptedProgram> interrupted_program() override {
        InterruptedProgram program;
        program.in_call = input_.ConsumeBool();
        program.abi = input_.ConsumeBool() ? Abi::i386 : Abi::x86_64;
        program.number = input_.ConsumeIntegralInRange<uint64_t>(0, 600);
        program.next_pc = place();
        program.result = input_.ConsumeIntegral<int16_t>();
        program.result_place = place();
        return program;
    }
    std::optional<Signal> synchronous_signal() override { return next_signal(); }
    std::optional<Signal> next_signal() override {
        if (!input_.ConsumeBool())
            return std::nullopt;
        Signal signal;
        signal.number = input_.ConsumeIntegral<uint8_t>();
        signal.abi = input_.ConsumeBool() ? Abi::i386 : Abi::x86_64;
        input_.ConsumeData(signal.info.data(), signal.info.size());
        return signal;
    }
    std::optional<uint32_t> exit_code(const Task&) override {
        return input_.ConsumeBool() ? std::optional(input_.ConsumeIntegral<uint32_t>()) : std::nullopt;
    }

    // Few tasks and few places, so that they occur again.
    Task next_task() {
        const unsigned number = input_.ConsumeIntegralInRange(0u, 3u);
        const int64_t tid = number + (input_.ConsumeBool() ? 4 : 0);
        return {0xffff880000000000 + number * 0x1000, input_.ConsumeBool() ? tid : 1, tid, "task"};
    }
    uint64_t place() { return 0x1000 + 2 * input_.ConsumeIntegralInRange<uint64_t>(0, 8); }
    void schedule() {
        present_ = input_.ConsumeIntegralInRange(0, 15) != 0;
        task_ = next_task();
    }
    void change_memory() { memory_.content = input_.ConsumeRandomLengthString(512); }
    void change_telling() { tells_ = !tells_; }

  private:
    struct Memory final : UserMemory {
        explicit Memory(std::string bytes) : content(std::move(bytes)) {}
        bool read(uint64_t address, std::span<std::byte> out) const override {
            if (content.empty() || (address >> 12) % 8 == 7)
                return false;
            for (std::byte& byte : out)
                byte = static_cast<std::byte>(content[address++ % content.size()]);
            return true;
        }
        std::string content;
    };

    FuzzedDataProvider& input_;
    Memory memory_;
    Task task_;
    bool present_ = true;
    bool tells_ = true;
    std::optional<Task> visited_;
};

struct Machine {
    explicit Machine(FuzzedDataProvider& data) : input(data), guest(data) {
        tracker.on_all_sys_enter([this](const Call& call) { require(open.insert(&call).second); });
        tracker.on_all_sys_return([this](const Call& call, const Return& result) {
            require(open.erase(&call) == 1);
            require(result.instr >= call.instr || result.ending != Ending::returned);
        });
        ReportOptions options;
        options.text.string_limit = 16;
        options.follow = true;
        report.emplace(std::move(options), std::vector<CallSink*>{&lines, &json, &summary});
        report->describe_fds([](int64_t fd) { return "/<" + std::to_string(fd) + "> (deleted)"; });
        report->attach(tracker, guest);
    }

    void step() {
        namespace trace = panda::trace;
        instr += input.ConsumeIntegralInRange<uint64_t>(0, 3);
        guest.schedule();
        switch (input.ConsumeIntegralInRange(0, 9)) {
            case 0:
            case 1:
            case 2: {
                trace::SystemCall call;
                call.gate = input.PickValueInArray(
                    {CallGate::syscall, CallGate::sysenter, CallGate::interrupt, CallGate::syscall32});
                call.number = input.ConsumeIntegralInRange<uint64_t>(0, 600);
                for (uint64_t& argument : call.arguments)
                    argument = input.ConsumeIntegral<uint8_t>() << input.ConsumeIntegralInRange(0, 20);
                call.stack_pointer = guest.place();
                call.pc = guest.place();
                tracker.event({instr, call});
                break;
            }
            case 3:
            case 4:
            case 5:
                tracker.event(
                    {instr, trace::SystemReturn{ReturnGate::sysret,
                                                static_cast<uint64_t>(input.ConsumeIntegral<int16_t>()),
                                                guest.place(), guest.place()}});
                break;
            case 6:
                tracker.event({instr, trace::AddressSpaceChange{}});
                break;
            case 7:
                tracker.kernel_function(
                    input.PickValueInArray({KernelFunction::get_signal, KernelFunction::dequeue_signal,
                                            KernelFunction::do_exit}),
                    instr);
                break;
            case 8: {
                if (!tracker.wants_stores())
                    break;
                trace::Access store;
                store.kind = trace::AccessKind::store;
                store.size = 8;
                store.address = 0xffff'c900'0000'0000 + guest.place();
                store.value = guest.place();
                tracker.stores({&store, 1});
                break;
            }
            default:
                switch (input.ConsumeIntegralInRange(0, 3)) {
                    case 0:
                        tracker.finish(instr);
                        require(open.empty());
                        tracker.begin(instr);
                        break;
                    case 1:
                        guest.change_memory();
                        break;
                    case 2:
                        guest.change_telling();
                        break;
                    default:
                        tracker.begin(instr);
                }
        }
    }

    void finish() {
        tracker.finish(instr);
        report->finish();
        std::ostringstream table;
        summary.write_table(table);
        require(open.empty());
        const PairCounts& counts = tracker.counts();
        require(counts.entered == counts.returned + counts.gone + counts.unfinished);
        require(counts.in_progress <= counts.entered);
    }

    FuzzedDataProvider& input;
    FuzzGuest guest;
    CallTracker tracker{guest};
    std::ostringstream out, objects;
    LineWriter lines{out, true};
    JsonWriter json{objects};
    Summary summary;
    std::optional<CallReport> report;
    std::set<const Call*> open;
    uint64_t instr = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FuzzedDataProvider input(data, size);
    Machine machine(input);
    machine.tracker.begin(0);
    for (unsigned i = 0; i < 200 && input.remaining_bytes() > 0; ++i)
        machine.step();
    machine.finish();
    return 0;
}
