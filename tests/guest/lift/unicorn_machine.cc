#include "unicorn_machine.h"

#include <cstring>
#include <stdexcept>
#include <vector>

#include "common/hex.h"

namespace {

constexpr uint64_t page_size = 4096;
// 32-bit segments need a descriptor table. Linux has no page of a process here.
constexpr uint64_t descriptor_page = 0xfffff000;

constexpr std::array general_64 = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
                                   UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                   UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                                   UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};
constexpr std::array general_32 = {UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
                                   UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI};

void require(uc_err error) {
    if (error != UC_ERR_OK)
        throw std::runtime_error(std::string("Unicorn: ") + uc_strerror(error));
}

// Registers of up to 8 bytes.
void set(uc_engine* engine, int number, uint64_t value) {
    require(uc_reg_write(engine, number, &value));
}

uint64_t get(uc_engine* engine, int number) {
    uint64_t value = 0;
    require(uc_reg_read(engine, number, &value));
    return value;
}

// A data segment of 4 GiB (Intel SDM volume 3, figure 3-8).
uint64_t descriptor(uint64_t base, uint64_t privilege) {
    constexpr uint64_t limit = 0xf'0000'0000'ffff, present_writable = 0x93, page_units_32_bit = 0xc;
    return limit | (base & 0xff'ffff) << 16 | (present_writable | privilege << 5) << 40 |
           page_units_32_bit << 52 | (base >> 24 & 0xff) << 56;
}

}  // namespace

UnicornMachine::UnicornMachine(bool is_64, const panda::trace::AddressSpace& memory)
    : is_64_(is_64), memory_(memory) {
    require(uc_open(UC_ARCH_X86, is_64 ? UC_MODE_64 : UC_MODE_32, &engine_));
    require(uc_ctl_set_cpu_model(engine_, is_64 ? UC_CPU_X86_EPYC_ROME : UC_CPU_X86_HASWELL));
    uc_hook hook;
    require(
        uc_hook_add(engine_, &hook, UC_HOOK_MEM_UNMAPPED, reinterpret_cast<void*>(on_unmapped), this, 1, 0));
    require(uc_hook_add(engine_, &hook, UC_HOOK_MEM_WRITE, reinterpret_cast<void*>(on_write), this, 1, 0));
}

UnicornMachine::~UnicornMachine() {
    uc_close(engine_);
}

std::string UnicornMachine::run(const UserRegisters& before, size_t instructions) {
    write_registers(before);
    return execute(before.pc, instructions);
}

std::string UnicornMachine::go_on(size_t instructions) {
    return execute(get(engine_, is_64_ ? UC_X86_REG_RIP : UC_X86_REG_EIP), instructions);
}

std::string UnicornMachine::execute(uint64_t pc, size_t instructions) {
    constexpr uint64_t nowhere = 0xffff'8000'0000'0000;  // the count ends it
    const uc_err error = uc_emu_start(engine_, pc, is_64_ ? nowhere : UINT32_MAX, 0, instructions);
    if (error == UC_ERR_OK)
        return {};
    return missing_.empty() ? uc_strerror(error) : missing_;
}

void UnicornMachine::write_registers(const UserRegisters& before) {
    for (size_t i = 0; i < (is_64_ ? general_64.size() : general_32.size()); ++i)
        set(engine_, is_64_ ? general_64[i] : general_32[i], before.general[i]);
    set(engine_, is_64_ ? UC_X86_REG_RFLAGS : UC_X86_REG_EFLAGS, before.flags);
    set_segment_bases(before);
    const panda::trace::FloatingState& floating = before.floating;
    set(engine_, UC_X86_REG_FPCW, floating.control);
    set(engine_, UC_X86_REG_FPSW, (floating.status & ~0x3800u) | floating.top << 11);
    uint64_t tags = 0;
    for (size_t i = 0; i < floating.registers.size(); ++i) {
        tags |= uint64_t{(floating.empty >> i & 1) != 0 ? 3u : 0u} << (2 * i);
        require(uc_reg_write(engine_, UC_X86_REG_FP0 + static_cast<int>(i), floating.registers[i].data()));
    }
    set(engine_, UC_X86_REG_FPTAG, tags);
    set(engine_, UC_X86_REG_MXCSR, floating.mxcsr);
    for (int i = 0; i < (is_64_ ? 16 : 8); ++i)
        require(uc_reg_write(engine_, UC_X86_REG_XMM0 + i, floating.vectors[static_cast<size_t>(i)].data()));
}

void UnicornMachine::set_segment_bases(const UserRegisters& before) {
    if (is_64_) {
        set(engine_, UC_X86_REG_FS_BASE, before.fs_base);
        set(engine_, UC_X86_REG_GS_BASE, before.gs_base);
        return;
    }
    std::vector<std::byte> page(page_size);
    const std::array descriptors = {descriptor(before.fs_base, 3), descriptor(before.gs_base, 3),
                                    descriptor(0, 0)};
    std::memcpy(page.data() + 8, descriptors.data(), sizeof descriptors);
    map(descriptor_page, page);
    const uc_x86_mmr table{0, descriptor_page, page_size - 1, 0};
    require(uc_reg_write(engine_, UC_X86_REG_GDTR, &table));
    set(engine_, UC_X86_REG_FS, 1 << 3 | 3);
    set(engine_, UC_X86_REG_GS, 2 << 3 | 3);
    set(engine_, UC_X86_REG_SS,
        3 << 3);  // Unicorn's code has the privilege of a kernel, and so must its stack
}

UserRegisters UnicornMachine::registers() const {
    UserRegisters after;
    for (size_t i = 0; i < (is_64_ ? general_64.size() : general_32.size()); ++i)
        after.general[i] = get(engine_, is_64_ ? general_64[i] : general_32[i]);
    after.pc = get(engine_, is_64_ ? UC_X86_REG_RIP : UC_X86_REG_EIP);
    after.flags = get(engine_, is_64_ ? UC_X86_REG_RFLAGS : UC_X86_REG_EFLAGS);
    panda::trace::FloatingState& floating = after.floating;
    floating.control = static_cast<uint16_t>(get(engine_, UC_X86_REG_FPCW));
    const auto status = static_cast<uint16_t>(get(engine_, UC_X86_REG_FPSW));
    floating.top = status >> 11 & 7;
    floating.status = static_cast<uint16_t>(status & ~0x3800u);
    const uint64_t tags = get(engine_, UC_X86_REG_FPTAG);
    floating.empty = 0;
    for (size_t i = 0; i < floating.registers.size(); ++i) {
        floating.empty |= static_cast<uint8_t>(((tags >> (2 * i) & 3) == 3) << i);
        require(uc_reg_read(engine_, UC_X86_REG_FP0 + static_cast<int>(i), floating.registers[i].data()));
    }
    floating.mxcsr = static_cast<uint32_t>(get(engine_, UC_X86_REG_MXCSR));
    for (int i = 0; i < (is_64_ ? 16 : 8); ++i)
        require(uc_reg_read(engine_, UC_X86_REG_XMM0 + i, floating.vectors[static_cast<size_t>(i)].data()));
    return after;
}

void UnicornMachine::map(uint64_t page, std::span<const std::byte> content) {
    require(uc_mem_map(engine_, page, page_size, UC_PROT_ALL));
    require(uc_mem_write(engine_, page, content.data(), content.size()));
    mapped_.insert(page);
}

// may_be_missing: zeros will do, as for the instruction behind the last one, which is not executed.
bool UnicornMachine::map_page(uint64_t address, bool may_be_missing) {
    const uint64_t page = address & ~(page_size - 1);
    if (mapped_.contains(page))
        return true;
    std::vector<std::byte> content(page_size);
    if (!memory_.read(page, content)) {
        if (!may_be_missing) {
            missing_ = "the guest has no page at " + panda::hex(page);
            return false;
        }
        std::ranges::fill(content, std::byte{0});
    }
    map(page, content);
    return true;
}

bool UnicornMachine::on_unmapped(uc_engine*, uc_mem_type type, uint64_t address, int size, int64_t,
                                 void* self) {
    auto& machine = *static_cast<UnicornMachine*>(self);
    const bool fetch = type == UC_MEM_FETCH_UNMAPPED;
    return machine.map_page(address, fetch) &&
           machine.map_page(address + static_cast<uint64_t>(size) - 1, fetch);
}

void UnicornMachine::on_write(uc_engine*, uc_mem_type, uint64_t address, int size, int64_t value,
                              void* self) {
    auto& machine = *static_cast<UnicornMachine*>(self);
    for (int i = 0; i < size && i < 8; ++i)
        machine.written_[address + static_cast<uint64_t>(i)] = static_cast<std::byte>(value >> (8 * i));
}
