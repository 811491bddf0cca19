// Blocks of user code, run by Unicorn from the registers and the memory with which the check of lifted blocks runs them: the
// results must be the same, but for what Unicorn's older QEMU is known to do otherwise, which is listed below. Each block
// is chosen about equally often, its executions at random. usage: unicorn_witness TRACE HELPERS EXECUTIONS SEED [FROM TO]
#include <algorithm>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "analyzers/lift/check.h"
#include "common/error.h"
#include "common/hex.h"
#include "unicorn_machine.h"

namespace {

using namespace panda;

// QEMU's hflags (target/i386/cpu.h), as BlockView::flags has them.
constexpr uint64_t privilege_bits = 3, code_64 = 1 << 15;

// --- What is run ---

// The bytes of an instruction.
using Code = std::span<const std::byte>;

unsigned at(Code code, size_t i) {
    return i < code.size() ? std::to_integer<unsigned>(code[i]) : 0;
}

Code instruction(const trace::BlockView& block, size_t number) {
    const size_t end = number + 1 < block.instruction_offsets.size() ? block.instruction_offsets[number + 1]
                                                                     : block.code.size();
    const size_t start = block.instruction_offsets[number];
    return block.code.subspan(start, end - start);
}

bool has(const trace::BlockView& block, bool (*is)(Code)) {
    for (size_t i = 0; i < block.instruction_offsets.size(); ++i)
        if (is(instruction(block, i)))
            return true;
    return false;
}

// A segment register is loaded, which takes the kernel's descriptors.
bool loads_segment(Code code) {
    return at(code, 0) == 0x8e;
}

// By INT, SYSCALL or SYSENTER.
bool leaves_program(const trace::BlockView& block) {
    const Code last = instruction(block, block.instruction_offsets.size() - 1);
    return at(last, 0) == 0xcd || (at(last, 0) == 0x0f && (at(last, 1) == 0x05 || at(last, 1) == 0x34));
}

bool is_of_user(const trace::BlockView& block) {
    return (block.flags & privilege_bits) == 3 && !block.code.empty() && !leaves_program(block) &&
           !has(block, loads_segment);
}

// How often each block of programs is executed as a whole.
struct Counts : trace::IgnoresEvents {
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;
    explicit Counts(const trace::PassState& state) : blocks(&state.blocks()), count(blocks->size()) {}
    void on_block(const trace::BlockExecution& block) {
        if (block.executed == blocks->instruction_count(block.id))
            ++count[block.id];
    }
    void append(Counts&& next) {
        for (size_t i = 0; i < count.size(); ++i)
            count[i] += next.count[i];
    }
    const trace::BlockTable* blocks;
    std::vector<uint64_t> count;
};

// For each block the numbers of its executions that are to be run.
using Choice = std::map<uint32_t, std::set<uint64_t>>;

Choice choose(trace::TraceReader& reader, trace::InstrRange range, uint64_t wanted, uint64_t seed) {
    trace::PassOptions options;
    options.range = range;
    auto counted =
        trace::run_pass(reader, options, [](const trace::PassState& state) { return Counts(state); });
    std::vector<uint64_t> count = std::move(counted.analyzer.count);
    for (uint32_t id = 0; id < count.size(); ++id)
        if (!is_of_user(reader.blocks()[id]))
            count[id] = 0;
    const auto total = [&](uint64_t of_each) {
        uint64_t sum = 0;
        for (const uint64_t executions : count)
            sum += std::min(executions, of_each);
        return sum;
    };
    uint64_t of_each = 1;
    while (total(of_each) < wanted && total(of_each) < total(of_each + 1))
        ++of_each;
    std::mt19937_64 random(seed);
    Choice choice;
    for (uint32_t id = 0; id < count.size(); ++id)
        while (choice[id].size() < std::min(count[id], of_each))
            choice[id].insert(random() % count[id]);
    // A few blocks are left out where each of them once is already too much.
    std::vector<uint32_t> ids;
    for (const auto& [id, executions] : choice)
        ids.push_back(id);
    std::ranges::shuffle(ids, random);
    uint64_t chosen = 0;
    for (const uint32_t id : ids) {
        chosen += choice[id].size();
        if (chosen > wanted + of_each)
            choice.erase(id);
    }
    return choice;
}

// --- What Unicorn's QEMU does otherwise ---

// QEMU 5.0 does not tell the exceptions of SSE in MXCSR, and of x87 only some: merge_exception_flags() and
// update_mxcsr_from_sse_status() are newer (fpu_helper.c).
constexpr uint32_t mxcsr_exceptions = 0x3f;
constexpr uint32_t x87_exceptions = 0x80ff;
// CF, PF, AF, ZF, SF, DF, OF, AC and ID: what programs can change.
constexpr uint64_t flags_of_programs = 0xcd5 | 1 << 18 | 1 << 21;

enum class Part { stopped, general, pc, flags, stores, vectors, x87_registers, x87 };
struct Difference {
    Part part;
    std::string text;
    uint64_t bits = 0;  // of flags
};

// AVX and XGETBV, which goes with it; MOVBE, AES and carry-less multiplication.
bool is_unknown(Code code) {
    if (at(code, 0) == 0xc4 || at(code, 0) == 0xc5)
        return true;
    for (size_t i = 0; i < 4; ++i) {
        const unsigned map = at(code, i + 1), operation = at(code, i + 2);
        if (at(code, i) == 0x0f)
            return (map == 0x01 && operation == 0xd0) ||
                   (map == 0x38 && (operation >= 0xdb && operation <= 0xdf)) ||
                   (map == 0x38 && (operation == 0xf0 || operation == 0xf1)) ||
                   (map == 0x3a && (operation == 0xdf || operation == 0x44));
    }
    return false;
}
// The overflow flag is undefined after rotations by other numbers than one (Intel SDM, RCL/RCR/ROL/ROR).
bool rotates(Code code) {
    const size_t first = (at(code, 0) & 0xf0) == 0x40 || at(code, 0) == 0x66 ? 1 : 0;
    const unsigned operation = at(code, first), which = at(code, first + 1) >> 3 & 7;
    return (operation == 0xc0 || operation == 0xc1 || operation == 0xd2 || operation == 0xd3) && which < 4;
}
// FCOMI, FUCOMI and the same with a pop clear OF, SF and AF since QEMU 9.1, as the processor's manual says.
bool compares_into_flags(Code code) {
    const unsigned operation = at(code, 1) & 0xf8;
    return (at(code, 0) == 0xdb || at(code, 0) == 0xdf) && (operation == 0xe8 || operation == 0xf0);
}
// F2XM1, FYL2X, FPATAN and FYL2XP1: since QEMU 5.1 in 80 bits, before in the host's 64.
bool is_of_80_bits_now(Code code) {
    const unsigned operation = at(code, 1);
    return at(code, 0) == 0xd9 &&
           (operation == 0xf0 || operation == 0xf1 || operation == 0xf3 || operation == 0xf9);
}

// Why Unicorn's QEMU may differ so in this block; null if it may not.
const char* known_difference(const trace::BlockView& block, const Difference& difference) {
    constexpr uint64_t of_sf_af = 0x890, of = 0x800;
    if (difference.part == Part::stopped && has(block, is_unknown) &&
        difference.text == uc_strerror(UC_ERR_INSN_INVALID))
        return "AVX, AES and MOVBE, which it lacks";
    if (difference.part == Part::flags && (difference.bits & ~of_sf_af) == 0 &&
        has(block, compares_into_flags))
        return "OF, SF and AF after FCOMI and FUCOMI";
    if (difference.part == Part::flags && difference.bits == of && has(block, rotates))
        return "OF after rotations by more than one, which is undefined";
    if (difference.part == Part::x87_registers && has(block, is_of_80_bits_now))
        return "logarithms and exponentials of x87, in 64 bits";
    return nullptr;
}

bool is_repeated(Code code) {
    const unsigned prefix = at(code, 0);
    const unsigned operation = at(code, (at(code, 1) & 0xf0) == 0x40 || at(code, 1) == 0x66 ? 2 : 1);
    return (prefix == 0xf2 || prefix == 0xf3) &&
           ((operation >= 0xa4 && operation <= 0xa7) || operation >= 0xaa) && operation <= 0xaf;
}

class Witness final : public lift::CheckObserver {
  public:
    Witness(const trace::BlockTable& blocks, const lift::StateLayout& layout, Choice choice, uint64_t wanted)
        : blocks_(blocks), choice_(std::move(choice)), wanted_(wanted), seen_(blocks.size()) {
        for (size_t i = 0; i < general_.size(); ++i)
            general_[i] = layout.offset("regs[" + std::to_string(i) + "]");
        pc_ = layout.offset("eip");
        cs_base_ = layout.offset("segs[1].base");
        fs_base_ = layout.offset("segs[4].base");
        gs_base_ = layout.offset("segs[5].base");
    }

    void start(const trace::BlockExecution& block, lift::Runner& before,
               const trace::AddressSpace& memory) override {
        machine_.reset();
        if (compared_ == wanted_)
            return;
        if (block.executed < blocks_[block.id].instruction_offsets.size())
            return;
        const auto chosen = choice_.find(block.id);
        if (chosen == choice_.end() || !chosen->second.contains(seen_[block.id]++))
            return;
        const trace::BlockView view = blocks_[block.id];
        is_64_ = (view.flags & code_64) != 0;
        machine_.emplace(is_64_, memory);
        stopped_by_ = machine_->run(registers_of(before), block.executed);
    }

    void end(const trace::BlockExecution& block, lift::Runner& after,
             const lift::CheckedExecution& how) override {
        if (!machine_ || !how.as_traced || how.asked)
            return;
        ++compared_;
        blocks_compared_.insert(block.id);
        std::map<uint64_t, std::byte> stored;
        for (const auto& [address, value] : how.written)
            stored[address] = value;
        const trace::BlockView view = blocks_[block.id];
        if (const auto found = difference(view, registers_of(after), stored)) {
            if (const char* why = known_difference(view, *found))
                ++known_[why];
            else
                note(block, found->text);
        }
        machine_.reset();
    }

    // Whether so many were compared, and all were the same.
    bool report() const {
        std::cout << compared_ << " executions of " << blocks_compared_.size()
                  << " blocks by Unicorn: " << different_ << " differ\n";
        for (const auto& [why, count] : known_)
            std::cout << "  " << count << " known: " << why << '\n';
        return different_ == 0 && compared_ == wanted_;
    }

  private:
    UserRegisters registers_of(lift::Runner& runner) const {
        UserRegisters registers;
        for (size_t i = 0; i < general_.size(); ++i)
            registers.general[i] = runner.get<uint64_t>(general_[i]);
        registers.pc = runner.get<uint64_t>(pc_) + runner.get<uint64_t>(cs_base_);
        registers.flags = runner.flags();
        registers.fs_base = runner.get<uint64_t>(fs_base_);
        registers.gs_base = runner.get<uint64_t>(gs_base_);
        registers.floating = runner.floating();
        return registers;
    }

    static Difference differ(Part part, const std::string& what, uint64_t lifted, uint64_t unicorn) {
        return {part, what + " " + hex(lifted) + ", Unicorn " + hex(unicorn), lifted ^ unicorn};
    }

    std::optional<Difference> difference(const trace::BlockView& block, const UserRegisters& lifted,
                                         const std::map<uint64_t, std::byte>& stored) {
        if (!stopped_by_.empty())
            return Difference{Part::stopped, stopped_by_};
        UserRegisters unicorn = machine_->registers();
        // Its last step is one of its own, in which nothing happens.
        if (unicorn.pc != lifted.pc && unicorn.general[trace::rcx] == 0 &&
            is_repeated(instruction(block, block.instruction_offsets.size() - 1))) {
            machine_->go_on(1);
            unicorn = machine_->registers();
        }
        for (size_t i = 0; i < (is_64_ ? 16 : 8); ++i)
            if (lifted.general[i] != unicorn.general[i])
                return differ(Part::general, "register " + std::to_string(i), lifted.general[i],
                              unicorn.general[i]);
        if (lifted.pc != unicorn.pc)
            return differ(Part::pc, "pc", lifted.pc, unicorn.pc);
        if (((lifted.flags ^ unicorn.flags) & flags_of_programs) != 0)
            return differ(Part::flags, "flags", lifted.flags & flags_of_programs,
                          unicorn.flags & flags_of_programs);
        if (stored != machine_->written())
            return Difference{Part::stores, "other stores"};
        return floating_difference(lifted.floating, unicorn.floating);
    }

    std::optional<Difference> floating_difference(const trace::FloatingState& lifted,
                                                  const trace::FloatingState& unicorn) const {
        for (size_t i = 0; i < (is_64_ ? 16 : 8); ++i)
            if (!std::equal(lifted.vectors[i].begin(), lifted.vectors[i].begin() + 16,
                            unicorn.vectors[i].begin()))
                return Difference{Part::vectors, "xmm" + std::to_string(i)};
        if (lifted.registers != unicorn.registers)
            return Difference{Part::x87_registers, "a register of x87"};
        if (((lifted.mxcsr ^ unicorn.mxcsr) & ~mxcsr_exceptions) != 0)
            return differ(Part::vectors, "mxcsr", lifted.mxcsr, unicorn.mxcsr);
        const auto state = [](const trace::FloatingState& x87) {
            return x87.control | uint64_t{x87.status & ~x87_exceptions} << 16 | uint64_t{x87.top} << 32 |
                   uint64_t{x87.empty} << 40;
        };
        if (state(lifted) != state(unicorn))
            return differ(Part::x87, "the state of x87", state(lifted), state(unicorn));
        return std::nullopt;
    }

    void note(const trace::BlockExecution& block, const std::string& what) {
        ++different_;
        const trace::BlockView view = blocks_[block.id];
        std::cout << "instr " << block.instr << ", block " << block.id << " at " << hex(view.pc) << ": "
                  << what << "; code";
        for (const std::byte byte : view.code)
            std::cout << ' ' << hex_digits[std::to_integer<unsigned>(byte) >> 4]
                      << hex_digits[std::to_integer<unsigned>(byte) & 15];
        std::cout << '\n';
    }

    static constexpr char hex_digits[] = "0123456789abcdef";
    const trace::BlockTable& blocks_;
    Choice choice_;
    uint64_t wanted_;
    std::vector<uint64_t> seen_;
    std::array<int64_t, 16> general_{};
    int64_t pc_ = 0, cs_base_ = 0, fs_base_ = 0, gs_base_ = 0;
    bool is_64_ = false;
    std::optional<UnicornMachine> machine_;
    std::string stopped_by_;
    std::set<uint32_t> blocks_compared_;
    uint64_t compared_ = 0, different_ = 0;
    std::map<std::string, uint64_t> known_;  // differences, by reason
};

bool run(char** arguments, trace::InstrRange range) {
    trace::ReaderOptions options;
    options.tcg = true;
    trace::TraceReader reader(arguments[1], options);
    reader.load_blocks();
    const uint64_t wanted = std::stoull(arguments[3]);
    // Some of them end in an interrupt or an exception, and are not compared.
    Choice choice = choose(reader, range, wanted + wanted / 20, std::stoull(arguments[4]));
    lift::LiftedBlocks blocks(reader, arguments[2]);
    Witness witness(reader.blocks(), blocks.layout(), std::move(choice), wanted);
    lift::CheckOptions check;
    check.range = range;
    check.observer = &witness;
    lift::check(reader, blocks, lift::Level::none, check, {});
    return witness.report();
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 5 && count != 7)
        return 2;
    try {
        trace::InstrRange range;
        if (count == 7)
            range = {std::stoull(arguments[5]), std::stoull(arguments[6])};
        return run(arguments, range) ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
