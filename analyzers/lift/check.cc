#include "analyzers/lift/check.h"

#include <algorithm>

#include "analyzers/lift/replayed_guest.h"
#include "analyzers/lift/replayed_processor.h"
#include "common/error.h"
#include "common/hex.h"

namespace panda::lift {
namespace {

// More in one module do not make each of them faster, and some may never run.
constexpr size_t compiled_at_once = 32;
constexpr size_t real_frame_stores = 3;  // flags, cs, ip: do_interrupt_real() of target/i386/tcg/seg_helper.c

}  // namespace

// One pass on one thread.
class Check {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    static constexpr bool needs_registers = true;

    Check(const trace::PassState& pass, LiftedBlocks& blocks, Runner& runner, const CheckOptions& options)
        : pass_(&pass),
          runner_(&runner),
          processor_(runner, blocks.layout()),
          state_size_(blocks.layout().state_size()),
          options_(&options) {
        guest_.set_observer(options.observer);
    }

    void on_block(const trace::BlockExecution& block) {
        finish(block.id);
        last_ = block_.id;
        block_ = block;
        due_ = true;
        left_ = false;
        disturbed_ = false;
        inputs_ = std::exchange(next_inputs_, {});
        counted_ = block.instr >= options_->range.from;
        result_.executions += counted_;
        result_.instructions += counted_ ? block.executed : 0;
    }
    void on_accesses(const trace::BlockExecution&, std::span<const trace::Access> accesses) {
        if (due_)
            run(accesses);
        else if (waiting_)
            accesses_.insert(accesses_.end(), accesses.begin(), accesses.end());
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
        if (waiting_)
            run_again();
        if (left_)
            unchecked("the trace ends");
        if (observed_)
            tell_end(false);
        return std::move(result_);
    }

  private:
    void unchecked(const std::string& why) {
        if (counted_)
            ++result_.unchecked[why];
        left_ = false;
    }
    // The same of one that was not run to its end: what it does to segments, floating point and vectors is not known.
    void lose(const std::string& why) {
        unchecked(why);
        whole_ = false;
    }

    void mismatch(const std::string& what) {
        result_.mismatches += counted_;
        if (counted_ && result_.listed.size() < options_->listed)
            result_.listed.push_back("instr " + std::to_string(block_.instr) + ", block " +
                                     std::to_string(block_.id) + " at " + hex(pass_->blocks().pc(block_.id)) +
                                     ": " + what);
        left_ = false;
        whole_ = false;
    }

    // What happens between executions, or in the middle of one.
    void take(const trace::Event& event) {
        processor_.take(event);
        if (const auto* exception = std::get_if<trace::Exception>(&event.detail)) {
            deliver(exception->vector);
            if (left_ || due_)
                ended_by_ = "an exception ends it";
        } else if (const auto* interrupt = std::get_if<trace::Interrupt>(&event.detail)) {
            if (interrupt->source == trace::InterruptSource::smi)
                processor_.enter_system_management();
            else
                deliver(interrupt->vector);
            interrupted();
        } else if (std::holds_alternative<trace::Reset>(event.detail) ||
                   std::holds_alternative<trace::Gap>(event.detail)) {
            whole_ = false;
            interrupted();
        } else {
            take_input(event);
        }
    }

    void interrupted() {
        if (ended_by_.empty())
            ended_by_ = "an interrupt is next";
    }

    void deliver(uint32_t vector) {
        deliveries_.push_back(loaded_ && processor_.real_mode() ? real_frame_stores : SIZE_MAX);
        if (pass_->memory_known())
            processor_.deliver(vector, pass_->address_space());
    }

    // What an instruction asks for comes after the accesses before it, and before the block if it is its first one. Only
    // CPUID's event comes when it is over.
    void take_input(const trace::Event& event) {
        const bool of_next = event.instr >= block_.instr + block_.executed;
        auto& inputs = of_next ? next_inputs_ : inputs_;
        if (const auto* input = std::get_if<trace::Input>(&event.detail)) {
            // RDRAND gives CF, too. The emulator's gives 0 when it fails (helper_rdrand() of target/i386/tcg/int_helper.c).
            const bool success = input->source == trace::InputSource::random && input->value != 0;
            inputs.push_back({input->value, success});
        } else if (const auto* port = std::get_if<trace::PortAccess>(&event.detail)) {
            if (!port->write)
                inputs.push_back({port->value, 0});
        } else if (const auto* device = std::get_if<trace::DeviceAccess>(&event.detail)) {
            if (!device->write)
                inputs.push_back({device->value, 0});
        } else if (const auto* cpuid = std::get_if<trace::Cpuid>(&event.detail)) {
            inputs_.push_back(
                {cpuid->after[0] | cpuid->after[1] << 32, cpuid->after[2] | cpuid->after[3] << 32});
        }
    }

    // --- The start of an execution ---

    // Where the trace tells all registers, they must be what the executions before made of them.
    void start_chunk(const trace::CpuState& cpu) {
        if (whole_)
            if (const auto difference = processor_.difference(cpu))
                mismatch("where a chunk starts, " + *difference);
        processor_.load(cpu, whole_);
        loaded_ = true;
        whole_ = true;
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
        asks_.resize(compiled_.size());
        std::fill(compiled_.begin() + id, compiled_.begin() + end, true);
    }

    void run(std::span<const trace::Access> accesses) {
        due_ = false;
        const bool ran_before = std::exchange(was_run_, false);
        size_t delivered = 0;
        for (const size_t stores : deliveries_)
            delivered += delivery_length(accesses.subspan(delivered), stores);
        deliveries_.clear();
        const auto delivery = accesses.first(delivered);
        accesses = accesses.subspan(delivered);
        ended_by_.clear();
        waiting_ = false;
        if (const trace::CpuState* cpu = pass_->whole_cpu())
            start_chunk(*cpu);
        const trace::BlockView block = pass_->blocks()[block_.id];
        if (!pass_->memory_known())
            return lose("memory is not known");
        if (block_.executed == 0)
            return unchecked("nothing of it was executed");
        if (!ran_before && repeats(block))
            return lose("it goes on with one that was not checked");
        was_run_ = true;
        compile(block_.id);
        processor_.start(pass_->registers(), block);
        if (asks_[block_.id])
            before_.assign(runner_->state(), runner_->state() + state_size_);
        const trace::AddressSpace memory = pass_->address_space();
        guest_.start(memory, delivery, accesses, inputs_);
        observed_ = counted_ && options_->observer != nullptr;
        if (observed_)
            options_->observer->start(block_, *runner_, memory);
        execute();
        if (waiting_) {
            registers_ = pass_->registers();
            accesses_.assign(accesses.begin(), accesses.end());
        }
    }

    // Runs an execution again that asked for an input, now that the trace has told it. What it loaded before is what it
    // loads again.
    void run_again() {
        waiting_ = false;
        // Floating point and vectors that an execution changes before it asks, as few do, change twice the first time.
        if (asks_[block_.id])
            std::copy(before_.begin(), before_.end(), runner_->state());
        else
            processor_.start(registers_, pass_->blocks()[block_.id]);
        asks_[block_.id] = true;
        if (observed_)
            options_->observer->restart();
        const trace::AddressSpace memory = pass_->address_space();
        guest_.start_again(memory, accesses_, inputs_);
        execute();
        if (std::exchange(waiting_, false))
            lose("it takes an input that the trace does not have");
    }

    // Runs the block, or what was executed of it.
    void execute() {
        const trace::BlockView block = pass_->blocks()[block_.id];
        if (block_.executed >= block.instruction_offsets.size())
            return judge(runner_->run(block_.id, guest_));
        judge(runner_->run_cut(block_.id, block_.executed, guest_));
        processor_.set_pc(block.pc - block.cs_base + block.instruction_offsets[block_.executed]);
    }

    // How many accesses are those with which the processor delivers an interrupt, before the block: descriptors are
    // loaded, and then a frame is stored, `stores` at most. They have no other mark than to be a helper's and first, and the
    // block's own first instruction may call a helper, too: an IRET loads the frame again.
    static size_t delivery_length(std::span<const trace::Access> accesses, size_t stores) {
        size_t length = 0;
        for (size_t stored = 0; length < accesses.size() && stored < stores; ++length) {
            const trace::Access& access = accesses[length];
            const bool of_block = access.kind == trace::AccessKind::load ||
                                  access.kind == trace::AccessKind::store || access.instruction != 0;
            if (of_block || (access.kind == trace::AccessKind::helper_load && stored != 0))
                break;
            stored += access.kind == trace::AccessKind::helper_store;
        }
        return length;
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
            lose("it needs " + runner_->missing());
        else if (guest_.stop() == Stop::input)
            waiting_ = true;
        else if (guest_.stop() == Stop::ended)
            ended_early_ = left_ = true;
        else
            mismatch(guest_.difference());
    }

    // --- Its end, which the next execution tells ---

    void finish(uint32_t next) {
        if (waiting_)
            run_again();
        const uint64_t checked_before = result_.checked;
        compare_end(next);
        if (observed_)
            tell_end(result_.checked != checked_before);
    }

    void tell_end(bool as_traced) {
        observed_ = false;
        options_->observer->end(block_, *runner_, {as_traced, guest_.took_inputs(), guest_.written()});
    }

    void compare_end(uint32_t next) {
        const bool by_exception = std::exchange(by_exception_, false);
        const bool ended_early = std::exchange(ended_early_, false);
        if (!left_)
            return;
        if (disturbed_)
            return lose("something happens in the middle of it");
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
        if (const auto difference = processor_.difference(pass_->registers(), pass_->blocks()[next].pc))
            return mismatch(*difference);
        result_.checked += counted_;
        left_ = false;
    }

    const trace::PassState* pass_;
    Runner* runner_;
    ReplayedProcessor processor_;
    uint64_t state_size_;
    const CheckOptions* options_;
    ReplayedGuest guest_;
    CheckResult result_;
    trace::BlockExecution block_;
    bool counted_ = false;    // it is in the range, not only in the same chunk before it
    uint32_t last_ = 0;       // the block before
    bool was_run_ = false;    // an execution was run, not only looked at
    bool loaded_ = false;     // the processor has had all registers once: its mode is known
    bool whole_ = false;      // segments, floating point and vectors are what the executions made of them
    bool due_ = false;        // the execution has not been run yet
    bool left_ = false;       // it has, and is to be compared
    bool disturbed_ = false;  // an event split its accesses
    bool by_exception_ = false;
    bool ended_early_ = false;
    bool observed_ = false;  // the observer was told of its start, and not yet of its end
    std::string ended_by_;
    std::vector<size_t> deliveries_;  // interrupts and exceptions before this execution: how much each stores
    std::vector<bool> compiled_;
    // For an execution that asks for inputs, which the trace tells after the accesses before.
    bool waiting_ = false;
    std::vector<ReplayedGuest::Input> inputs_, next_inputs_;
    std::vector<trace::Access> accesses_;
    trace::BlockRegisters registers_{};
    std::vector<bool> asks_;         // by block: it did
    std::vector<std::byte> before_;  // for those: the state before them
};

// Where the chunk starts that has this instr: only there the trace tells all registers.
static uint64_t chunk_start(trace::TraceReader& reader, uint64_t instr) {
    uint64_t start = instr;
    for (const trace::ChunkEntry& chunk : reader.contents().chunks)
        if (chunk.first_instr <= instr && instr - chunk.first_instr < chunk.instr_count)
            start = chunk.first_instr;
    return start;
}

CheckResult check(trace::TraceReader& reader, LiftedBlocks& blocks, Level level, const CheckOptions& options,
                  const std::function<void(uint64_t)>& progress) {
    reader.load_blocks();
    Runner runner(blocks, level, options.branches);
    trace::PassOptions pass;
    pass.range = {chunk_start(reader, options.range.from), options.range.to};
    pass.in_order = true;
    pass.progress = progress;
    auto found = trace::run_pass(
        reader, pass, [&](const trace::PassState& state) { return Check(state, blocks, runner, options); });
    found.require_whole(reader);
    CheckResult result = found.analyzer.take_result();
    if (result.executions == 0)
        throw FileError(reader.path(), "nothing is executed in this range");
    return result;
}

}  // namespace panda::lift
