#include "analyzers/lift/replayed_processor.h"

#include <utility>

#include "common/hex.h"

namespace panda::lift {
namespace {

constexpr uint64_t resume_flag = 1 << 16;  // RF is set only where an instruction is left and goes on
constexpr int64_t budget_offset =
    -24;  // icount_decr, below the state: 0 ends string instructions after a step
constexpr uint32_t mxcsr_exceptions = 0x3f;
constexpr uint64_t long_mode_active = 1 << 10;

constexpr std::array general_names = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr std::array segment_names = {"es", "cs", "ss", "ds", "fs", "gs"};

std::string differ(const std::string& what, uint64_t here, uint64_t there) {
    return what + " is " + hex(here) + ", and in the trace " + hex(there);
}

template <size_t size>
uint64_t first_word(const std::array<std::byte, size>& bytes) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
}

std::optional<std::string> floating_difference(const trace::FloatingState& here,
                                               const trace::FloatingState& there) {
    for (size_t i = 0; i < here.vectors.size(); ++i)
        if (here.vectors[i] != there.vectors[i])
            return differ("vector register " + std::to_string(i), first_word(here.vectors[i]),
                          first_word(there.vectors[i]));
    for (size_t i = 0; i < here.registers.size(); ++i)
        if (here.registers[i] != there.registers[i])
            return differ("x87 register " + std::to_string(i), first_word(here.registers[i]),
                          first_word(there.registers[i]));
    // A trace has the exceptions of SSE only as far as QEMU had put them into MXCSR, which it does when the guest asks.
    if (((here.mxcsr ^ there.mxcsr) & ~mxcsr_exceptions) != 0 || (there.mxcsr & ~here.mxcsr) != 0)
        return differ("mxcsr", here.mxcsr, there.mxcsr);
    if (here.pkru != there.pkru)
        return differ("pkru", here.pkru, there.pkru);
    if (here.xcr0 != there.xcr0)
        return differ("xcr0", here.xcr0, there.xcr0);
    if (here.control == there.control && here.status == there.status && here.top == there.top &&
        here.empty == there.empty)
        return std::nullopt;
    return differ("the state of x87", here.status | uint64_t{here.top} << 16 | uint64_t{here.empty} << 24,
                  there.status | uint64_t{there.top} << 16 | uint64_t{there.empty} << 24);
}

}  // namespace

ReplayedProcessor::ReplayedProcessor(Runner& runner, const StateLayout& layout)
    : runner_(runner),
      layout_(layout),
      pc_(layout.offset("eip")),
      efer_(layout.offset("efer")),
      gates_(layout.offset("idt.base")),
      task_(layout.offset("tr.base")),
      management_base_(layout.offset("smbase")) {
    for (size_t i = 0; i < general_.size(); ++i)
        general_[i] = layout.offset("regs[" + std::to_string(i) + "]");
    for (size_t i = 0; i < segments_.size(); ++i) {
        const std::string name = "segs[" + std::to_string(i) + "].";
        segments_[i] = {layout.offset(name + "selector"), layout.offset(name + "base"),
                        layout.offset(name + "limit"), layout.offset(name + "flags")};
    }
    for (const size_t i : {0, 2, 3, 4})
        control_[i] = layout.offset("cr[" + std::to_string(i) + "]");
}

void ReplayedProcessor::load(const trace::CpuState& cpu, bool known) {
    for (size_t i = 0; i < segments_.size(); ++i) {
        runner_.set<uint32_t>(segments_[i].selector, cpu.segments[i].selector);
        runner_.set<uint64_t>(segments_[i].base, cpu.segments[i].base);
        runner_.set<uint32_t>(segments_[i].limit, cpu.segments[i].limit);
        runner_.set<uint32_t>(segments_[i].flags, cpu.segments[i].flags);
    }
    runner_.set<uint64_t>(control_[0], cpu.cr0);
    runner_.set<uint64_t>(control_[2], cpu.cr2);
    runner_.set<uint64_t>(control_[3], cpu.cr3);
    runner_.set<uint64_t>(control_[4], cpu.cr4);
    const std::pair<const char*, uint64_t> others[] = {{"efer", cpu.efer},
                                                       {"star", cpu.star},
                                                       {"lstar", cpu.lstar},
                                                       {"cstar", cpu.cstar},
                                                       {"fmask", cpu.fmask},
                                                       {"kernelgsbase", cpu.kernel_gs_base},
                                                       {"sysenter_esp", cpu.sysenter_esp},
                                                       {"sysenter_eip", cpu.sysenter_eip},
                                                       {"tsc_aux", cpu.tsc_aux},
                                                       {"gdt.base", cpu.gdt.base},
                                                       {"idt.base", cpu.idt.base},
                                                       {"ldt.base", cpu.ldt.base},
                                                       {"tr.base", cpu.task.base}};
    for (const auto& [name, value] : others)
        runner_.set<uint64_t>(layout_.offset(name), value);
    const std::pair<const char*, uint32_t> halves[] = {
        {"gdt.limit", cpu.gdt.limit},
        {"idt.limit", cpu.idt.limit},
        {"ldt.limit", cpu.ldt.limit},
        {"tr.limit", cpu.task.limit},
        {"tr.selector", cpu.task.selector},
        {"tr.flags", cpu.task.flags},
        {"sysenter_cs", static_cast<uint32_t>(cpu.sysenter_cs)}};
    for (const auto& [name, value] : halves)
        runner_.set<uint32_t>(layout_.offset(name), value);
    if (!cpu.floating)
        return;
    trace::FloatingState floating = *cpu.floating;
    if (known)
        floating.mxcsr |= runner_.floating().mxcsr & mxcsr_exceptions;
    runner_.set_floating(floating);
}

void ReplayedProcessor::start(const trace::BlockRegisters& registers, const trace::BlockView& block) {
    for (size_t i = 0; i < general_.size(); ++i)
        runner_.set<uint64_t>(general_[i], registers[i]);
    // Code that goes on in the middle of a block knows in which form its beginning left the flags.
    if (((runner_.flags() ^ registers[trace::rflags_number]) & ~resume_flag) != 0)
        runner_.set_flags(registers[trace::rflags_number]);
    runner_.set_mode(block.flags);
    runner_.set<uint64_t>(pc_, block.pc - block.cs_base);
    runner_.set<uint64_t>(segments_[trace::cs].base, block.cs_base);
    runner_.set<uint32_t>(budget_offset, 0);
    if (std::exchange(entering_management_, false)) {
        runner_.set<uint32_t>(management_base_, static_cast<uint32_t>(block.cs_base));
        runner_.set<uint32_t>(segments_[trace::cs].selector,
                              static_cast<uint32_t>(block.cs_base >> 4 & 0xffff));
    }
}

// target/i386/tcg/system/smm_helper.c, do_smm_enter(). CR0, CR4 and EFER have an event of their own.
void ReplayedProcessor::enter_system_management() {
    constexpr uint32_t data_segment = 0x809300;  // present, writable, accessed, of 4 GiB
    for (const Segment& segment : segments_) {
        runner_.set<uint32_t>(segment.selector, 0);
        runner_.set<uint64_t>(segment.base, 0);
        runner_.set<uint32_t>(segment.limit, UINT32_MAX);
        runner_.set<uint32_t>(segment.flags, data_segment);
    }
    entering_management_ = true;
}

void ReplayedProcessor::take(const trace::Event& event) {
    if (const auto* change = std::get_if<trace::AddressSpaceChange>(&event.detail)) {
        runner_.set<uint64_t>(control_[3], change->cr3);
    } else if (const auto* mode = std::get_if<trace::ModeChange>(&event.detail)) {
        runner_.set<uint64_t>(control_[0], mode->cr0);
        runner_.set<uint64_t>(control_[4], mode->cr4);
        runner_.set<uint64_t>(efer_, mode->efer);
    } else if (const auto* exception = std::get_if<trace::Exception>(&event.detail)) {
        runner_.set<uint64_t>(control_[2], exception->cr2);
    }
}

// target/i386/tcg/seg_helper.c, do_interrupt64(), do_interrupt_protected() and do_interrupt_real(): cs comes from the gate. With a
// new privilege ss becomes null in long mode, and comes from the task's segment in 32 bits.
void ReplayedProcessor::deliver(uint32_t vector, const trace::AddressSpace& memory) {
    const auto word_at = [&](uint64_t address) -> std::optional<uint16_t> {
        uint16_t word = 0;
        if (!memory.read(address, std::as_writable_bytes(std::span(&word, 1))))
            return std::nullopt;
        return word;
    };
    const bool real = real_mode();
    const bool is_64 = (runner_.get<uint64_t>(efer_) & long_mode_active) != 0;
    const uint64_t gate_size = real ? 4 : is_64 ? 16 : 8;
    constexpr uint64_t selector_at = 2, ss0_at = 8;
    // What the code before it made of cs: a return to a program may be interrupted before the program runs.
    const bool from_user = !real && (runner_.get<uint32_t>(segments_[trace::cs].selector) & 3) != 0;
    if (const auto selector = word_at(runner_.get<uint64_t>(gates_) + gate_size * vector + selector_at))
        runner_.set<uint32_t>(segments_[trace::cs].selector, real ? *selector : *selector & ~3u);
    if (!from_user)
        return;
    if (is_64)
        runner_.set<uint32_t>(segments_[trace::ss].selector, 0);
    else if (const auto stack = word_at(runner_.get<uint64_t>(task_) + ss0_at))
        runner_.set<uint32_t>(segments_[trace::ss].selector, *stack);
}

std::optional<std::string> ReplayedProcessor::difference(const trace::BlockRegisters& registers,
                                                         uint64_t pc) const {
    for (size_t i = 0; i < general_.size(); ++i) {
        const auto value = runner_.get<uint64_t>(general_[i]);
        if (value != registers[i])
            return differ(general_names[i], value, registers[i]);
    }
    const uint64_t flags = runner_.flags();
    if (((flags ^ registers[trace::rflags_number]) & ~resume_flag) != 0)
        return differ("rflags", flags, registers[trace::rflags_number]);
    const auto here = runner_.get<uint64_t>(pc_) + runner_.get<uint64_t>(segments_[trace::cs].base);
    if (here != pc)
        return "goes on at " + hex(here) + ", and the trace at " + hex(pc);
    return std::nullopt;
}

std::optional<std::string> ReplayedProcessor::difference(const trace::CpuState& cpu) const {
    for (size_t i = 0; i < segments_.size(); ++i) {
        const auto selector = runner_.get<uint32_t>(segments_[i].selector);
        const auto base = runner_.get<uint64_t>(segments_[i].base);
        if (selector != cpu.segments[i].selector)
            return differ(segment_names[i], selector, cpu.segments[i].selector);
        if (base != cpu.segments[i].base)
            return differ("the base of " + std::string(segment_names[i]), base, cpu.segments[i].base);
    }
    return cpu.floating ? floating_difference(runner_.floating(), *cpu.floating) : std::nullopt;
}

}  // namespace panda::lift
