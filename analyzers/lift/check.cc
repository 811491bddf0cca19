#include "analyzers/lift/check.h"

#include <algorithm>

#include "analyzers/lift/replayed_guest.h"
#include "common/error.h"
#include "common/hex.h"

namespace panda::lift {
namespace {

constexpr uint64_t resume_flag = 1 << 16;  // RF is set only where an instruction is left and goes on
constexpr int64_t budget_offset =
    -24;  // icount_decr, below the state: 0 ends string instructions after a step
constexpr size_t compiled_at_once = 400;

constexpr std::array register_names = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

// Where the registers that a trace tells lie in QEMU's state.
struct Places {
    explicit Places(const StateLayout& layout) {
        for (size_t i = 0; i < register_names.size(); ++i)
            general[i] = layout.offset("regs[" + std::to_string(i) + "]");
        pc = layout.offset("eip");
        for (size_t i = 0; i < segments.size(); ++i) {
            const std::string name = "segs[" + std::to_string(i) + "].";
            segments[i] = {layout.offset(name + "selector"), layout.offset(name + "base"),
                           layout.offset(name + "limit"), layout.offset(name + "flags")};
        }
        for (const size_t i : {0, 2, 3, 4})
            control[i] = layout.offset("cr[" + std::to_string(i) + "]");
    }
    struct Segment {
        int64_t selector, base, limit, flags;
    };
    std::array<int64_t, 16> general{};
    std::array<Segment, 6> segments{};
    std::array<int64_t, 5> control{};
    int64_t pc = 0;
};

}  // namespace

// One pass on one thread.
class Check {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    static constexpr bool needs_registers = true;

    Check(const trace::PassState& pass, LiftedBlocks& blocks, Runner& runner, const CheckOptions& options)
        : pass_(&pass),
          layout_(&blocks.layout()),
          runner_(&runner),
          places_(blocks.layout()),
          options_(&options) {}

    void on_block(const trace::BlockExecution& block) {
        finish(block.id);
        last_ = block_.id;
        block_ = block;
        due_ = true;
        left_ = false;
        disturbed_ = false;
        ++result_.executions;
        result_.instructions += block.executed;
    }
    void on_accesses(const trace::BlockExecution&, std::span<const trace::Access> accesses) {
        if (due_)
            run(accesses);
        else
            disturbed_ = disturbed_ || !accesses.empty();
    }
    void after_accesses(const trace::BlockExecution&) {
        if (due_)
            run({});
    }
    void on_event(const trace::Event& event) { take(event); }
    void append(Check&&) { throw Error("a check is one shard"); }

    CheckResult take_result() {
        if (left_)
            unchecked("the trace ends");
        return std::move(result_);
    }

  private:
    void unchecked(const std::string& why) {
        ++result_.unchecked[why];
        left_ = false;
    }

    void mismatch(const std::string& what) {
        ++result_.mismatches;
        if (result_.listed.size() < options_->listed)
            result_.listed.push_back("instr " + std::to_string(block_.instr) + ", block " +
                                     std::to_string(block_.id) + " at " + hex(pass_->blocks().pc(block_.id)) +
                                     ": " + what);
        left_ = false;
    }

    // What happens between executions, or in the middle of one.
    void take(const trace::Event& event) {
        if (std::holds_alternative<trace::Exception>(event.detail) ||
            std::holds_alternative<trace::Interrupt>(event.detail))
            delivered_ = true;
        if (const auto* change = std::get_if<trace::AddressSpaceChange>(&event.detail))
            runner_->set<uint64_t>(places_.control[3], change->cr3);
        if (const auto* mode = std::get_if<trace::ModeChange>(&event.detail)) {
            runner_->set<uint64_t>(places_.control[0], mode->cr0);
            runner_->set<uint64_t>(places_.control[4], mode->cr4);
            runner_->set<uint64_t>(layout_->offset("efer"), mode->efer);
        }
        if (const auto* exception = std::get_if<trace::Exception>(&event.detail)) {
            runner_->set<uint64_t>(places_.control[2], exception->cr2);
            if (left_ || due_)
                ended_by_ = "an exception ends it";
        }
        if (std::get_if<trace::Interrupt>(&event.detail) != nullptr ||
            std::get_if<trace::Reset>(&event.detail) != nullptr ||
            std::get_if<trace::Gap>(&event.detail) != nullptr)
            ended_by_ = ended_by_.empty() ? "an interrupt is next" : ended_by_;
    }

    // --- The start of an execution ---

    void load_processor(const trace::CpuState& cpu) {
        for (size_t i = 0; i < places_.segments.size(); ++i) {
            runner_->set<uint32_t>(places_.segments[i].selector, cpu.segments[i].selector);
            runner_->set<uint64_t>(places_.segments[i].base, cpu.segments[i].base);
            runner_->set<uint32_t>(places_.segments[i].limit, cpu.segments[i].limit);
            runner_->set<uint32_t>(places_.segments[i].flags, cpu.segments[i].flags);
        }
        runner_->set<uint64_t>(places_.control[0], cpu.cr0);
        runner_->set<uint64_t>(places_.control[2], cpu.cr2);
        runner_->set<uint64_t>(places_.control[3], cpu.cr3);
        runner_->set<uint64_t>(places_.control[4], cpu.cr4);
        const std::pair<const char*, uint64_t> others[] = {
            {"efer", cpu.efer},         {"star", cpu.star},         {"lstar", cpu.lstar},
            {"cstar", cpu.cstar},       {"fmask", cpu.fmask},       {"kernelgsbase", cpu.kernel_gs_base},
            {"tsc_aux", cpu.tsc_aux},   {"gdt.base", cpu.gdt.base}, {"idt.base", cpu.idt.base},
            {"ldt.base", cpu.ldt.base}, {"tr.base", cpu.task.base}};
        for (const auto& [name, value] : others)
            runner_->set<uint64_t>(layout_->offset(name), value);
        for (const auto& [name, value] :
             {std::pair("gdt.limit", cpu.gdt.limit), std::pair("idt.limit", cpu.idt.limit)})
            runner_->set<uint32_t>(layout_->offset(name), value);
    }

    void set_up(const trace::BlockView& block) {
        if (!known_) {
            load_processor(pass_->cpu());
            known_ = true;
        }
        const trace::BlockRegisters& registers = pass_->registers();
        for (size_t i = 0; i < places_.general.size(); ++i)
            runner_->set<uint64_t>(places_.general[i], registers[i]);
        // Code that goes on in the middle of a block knows in which form its beginning left the flags.
        if (((runner_->flags() ^ registers[trace::rflags_number]) & ~resume_flag) != 0)
            runner_->set_flags(registers[trace::rflags_number]);
        runner_->set_mode(block.flags);
        runner_->set<uint64_t>(places_.pc, block.pc - block.cs_base);
        runner_->set<uint64_t>(places_.segments[trace::cs].base, block.cs_base);
        runner_->set<uint32_t>(budget_offset, 0);
    }

    void compile(uint32_t id) {
        if (id < compiled_.size() && compiled_[id])
            return;
        const uint32_t end = std::min<uint32_t>(pass_->blocks().size(), id + compiled_at_once);
        std::vector<uint32_t> ids;
        for (uint32_t i = id; i < end; ++i)
            ids.push_back(i);
        runner_->compile(ids);
        compiled_.resize(std::max<size_t>(compiled_.size(), end));
        std::fill(compiled_.begin() + id, compiled_.begin() + end, true);
    }

    void run(std::span<const trace::Access> accesses) {
        due_ = false;
        const bool ran_before = std::exchange(was_run_, false);
        if (delivered_)
            accesses = accesses.subspan(delivery_length(accesses));
        delivered_ = false;
        ended_by_.clear();
        const trace::BlockView block = pass_->blocks()[block_.id];
        if (!pass_->memory_known())
            return unchecked("memory is not known");
        if (block_.executed < block.instruction_offsets.size())
            return unchecked("it was cut");
        if (!ran_before && repeats(block))
            return unchecked("it goes on with one that was not checked");
        was_run_ = true;
        compile(block_.id);
        set_up(block);
        const trace::AddressSpace memory = pass_->address_space();
        guest_.start(memory, accesses);
        judge(runner_->run(block_.id, guest_));
    }

    // How many accesses are those with which the processor delivers an interrupt, before the block: descriptors are
    // loaded, a frame is stored. They have no other mark than to be a helper's and first.
    static size_t delivery_length(std::span<const trace::Access> accesses) {
        const auto of_block = [](const trace::Access& access) {
            return access.kind == trace::AccessKind::load || access.kind == trace::AccessKind::store ||
                   access.instruction != 0;
        };
        return static_cast<size_t>(std::ranges::find_if(accesses, of_block) - accesses.begin());
    }

    // Whether it is a repetition of a string instruction, which is the last one of the block before.
    bool repeats(const trace::BlockView& block) const {
        if (block.instruction_offsets.size() != 1)
            return false;
        const trace::BlockView before = pass_->blocks()[last_];
        return before.pc + before.instruction_offsets.back() == block.pc;
    }

    void judge(Left left) {
        using Stop = ReplayedGuest::Stop;
        left_ = left == Left::normally;
        if (left_)
            return;
        if (left == Left::by_exception)
            by_exception_ = left_ = true;
        else if (left == Left::at_missing)
            unchecked("it needs " + runner_->missing());
        else if (guest_.stop() == Stop::input)
            unchecked("it takes an input");
        else if (guest_.stop() == Stop::device)
            unchecked("it loads from a device");
        else if (guest_.stop() == Stop::ended)
            ended_early_ = left_ = true;
        else
            mismatch(guest_.difference());
    }

    // --- Its end, which the next execution tells ---

    void finish(uint32_t next) {
        const bool by_exception = std::exchange(by_exception_, false);
        const bool ended_early = std::exchange(ended_early_, false);
        if (!left_)
            return;
        if (disturbed_)
            return unchecked("something happens in the middle of it");
        if (!ended_by_.empty())
            return unchecked(ended_by_);
        if (ended_early)
            return mismatch(guest_.difference());
        if (by_exception)
            return mismatch("raises an exception, and the trace has none");
        if (!guest_.at_end())
            return mismatch("makes fewer accesses than the trace has");
        compare(next);
    }

    void compare(uint32_t next) {
        const trace::BlockView block = pass_->blocks()[next];
        const auto pc =
            runner_->get<uint64_t>(places_.pc) + runner_->get<uint64_t>(places_.segments[trace::cs].base);
        const trace::BlockRegisters& registers = pass_->registers();
        for (size_t i = 0; i < places_.general.size(); ++i) {
            const auto value = runner_->get<uint64_t>(places_.general[i]);
            if (value != registers[i])
                return mismatch(std::string(register_names[i]) + " is " + hex(value) + ", and in the trace " +
                                hex(registers[i]));
        }
        const uint64_t flags = runner_->flags();
        if (((flags ^ registers[trace::rflags_number]) & ~resume_flag) != 0)
            return mismatch("rflags are " + hex(flags) + ", and in the trace " +
                            hex(registers[trace::rflags_number]));
        if (pc != block.pc)
            return mismatch("goes on at " + hex(pc) + ", and the trace at " + hex(block.pc));
        ++result_.checked;
        left_ = false;
    }

    const trace::PassState* pass_;
    const StateLayout* layout_;
    Runner* runner_;
    Places places_;
    const CheckOptions* options_;
    ReplayedGuest guest_;
    CheckResult result_;
    trace::BlockExecution block_;
    uint32_t last_ = 0;       // the block before
    bool was_run_ = false;    // an execution was run, not only looked at
    bool known_ = false;      // the processor's state
    bool due_ = false;        // the execution has not been run yet
    bool left_ = false;       // it has, and is to be compared
    bool disturbed_ = false;  // an event split its accesses
    bool by_exception_ = false;
    bool ended_early_ = false;
    std::string ended_by_;
    bool delivered_ = false;  // an interrupt or exception, before this execution
    std::vector<bool> compiled_;
};

CheckResult check(trace::TraceReader& reader, LiftedBlocks& blocks, Level level, const CheckOptions& options,
                  const std::function<void(uint64_t)>& progress) {
    reader.load_blocks();
    Runner runner(blocks, level);
    trace::PassOptions pass;
    pass.range = options.range;
    pass.in_order = true;
    pass.progress = progress;
    auto found = trace::run_pass(
        reader, pass, [&](const trace::PassState& state) { return Check(state, blocks, runner, options); });
    found.require_whole(reader);
    return found.analyzer.take_result();
}

}  // namespace panda::lift
