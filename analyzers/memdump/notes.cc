#include "analyzers/memdump/notes.h"

namespace panda::analyze_memdump {
namespace {

using trace::CpuState;

void put_zeros(ByteWriter& out, size_t count) {
    for (; count > 0; --count)
        out.put(uint8_t{0});
}

void put_padded(ByteWriter& out, std::span<const std::byte> bytes) {
    out.put_bytes(bytes);
    put_zeros(out, (4 - bytes.size() % 4) % 4);
}

void put_segment(ByteWriter& out, const trace::Segment& segment) {
    out.put(segment.selector);
    out.put(segment.limit);
    out.put(segment.flags);
    out.put(uint32_t{0});
    out.put(segment.base);
}

void put_table(ByteWriter& out, const trace::TableRegister& table) {
    put_segment(out, {0, table.base, table.limit, 0});
}

}  // namespace

void put_note(ByteWriter& out, const std::string& name, uint32_t type, std::span<const std::byte> content) {
    const auto name_bytes = std::as_bytes(std::span(name.c_str(), name.size() + 1));
    out.put(static_cast<uint32_t>(name_bytes.size()));
    out.put(static_cast<uint32_t>(content.size()));
    out.put(type);
    put_padded(out, name_bytes);
    put_padded(out, content);
}

Bytes prstatus64(const CpuState& cpu) {
    using namespace trace;
    constexpr size_t before_registers = 112;  // signals, process ids, times
    ByteWriter out;
    put_zeros(out, before_registers);
    for (const auto reg : {r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi})
        out.put(cpu.general[reg]);
    out.put(cpu.general[rax]);  // orig_rax
    out.put(cpu.rip);
    out.put(uint64_t{cpu.segments[cs].selector});
    out.put(cpu.rflags);
    out.put(cpu.general[rsp]);
    out.put(uint64_t{cpu.segments[ss].selector});
    out.put(cpu.segments[fs].base);
    out.put(cpu.segments[gs].base);
    for (const auto segment : {ds, es, fs, gs})
        out.put(uint64_t{cpu.segments[segment].selector});
    put_zeros(out, 8);  // no floating point registers
    return out.take();
}

Bytes prstatus32(const CpuState& cpu) {
    using namespace trace;
    constexpr size_t before_registers = 72;
    const auto put = [](ByteWriter& out, uint64_t value) { out.put(static_cast<uint32_t>(value)); };
    ByteWriter out;
    put_zeros(out, before_registers);
    for (const auto reg : {rbx, rcx, rdx, rsi, rdi, rbp, rax})
        put(out, cpu.general[reg]);
    for (const auto segment : {ds, es, fs, gs})
        put(out, cpu.segments[segment].selector);
    put(out, cpu.general[rax]);  // orig_eax
    put(out, cpu.rip);
    put(out, cpu.segments[cs].selector);
    put(out, cpu.rflags);
    put(out, cpu.general[rsp]);
    put(out, cpu.segments[ss].selector);
    put_zeros(out, 4);
    return out.take();
}

Bytes qemu_cpu_state(const CpuState& cpu) {
    using namespace trace;
    constexpr uint32_t size = 440;
    ByteWriter out;
    out.put(uint32_t{1});
    out.put(size);
    for (const auto reg : {rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15})
        out.put(cpu.general[reg]);
    out.put(cpu.rip);
    out.put(cpu.rflags);
    for (const auto segment : {cs, ds, es, fs, gs, ss})
        put_segment(out, cpu.segments[segment]);
    put_segment(out, cpu.ldt);
    put_segment(out, cpu.task);
    put_table(out, cpu.gdt);
    put_table(out, cpu.idt);
    for (const uint64_t control : {cpu.cr0, uint64_t{0}, cpu.cr2, cpu.cr3, cpu.cr4})
        out.put(control);
    out.put(cpu.kernel_gs_base);
    return out.take();
}

}  // namespace panda::analyze_memdump
