// One block of user code, run by Unicorn: QEMU 5.0's front end, which shares neither TCG operations nor helpers with the
// lifter.
#pragma once

#include <unicorn/unicorn.h>

#include <array>
#include <map>
#include <set>
#include <string>

#include "trace/cpu_state.h"
#include "trace/memory/address_space.h"

struct UserRegisters {
    std::array<uint64_t, 16> general{};
    uint64_t pc = 0, flags = 0, fs_base = 0, gs_base = 0;
    panda::trace::FloatingState floating;
};

// A machine without a kernel: its pages come from the guest's memory when the block touches them. It is made for one run,
// because Unicorn 2.0 may keep code that was translated from pages that it no longer has.
class UnicornMachine {
  public:
    // memory: must outlive this. Throws std::runtime_error when Unicorn does not start.
    UnicornMachine(bool is_64, const panda::trace::AddressSpace& memory);
    ~UnicornMachine();
    UnicornMachine(const UnicornMachine&) = delete;
    UnicornMachine& operator=(const UnicornMachine&) = delete;

    // Executes so many instructions; a step of a repeated one counts as one. Returns what stopped it before that, or an
    // empty string.
    std::string run(const UserRegisters& before, size_t instructions);
    // The same from where it is.
    std::string go_on(size_t instructions);
    UserRegisters registers() const;
    // What it stored, by address.
    const std::map<uint64_t, std::byte>& written() const { return written_; }

  private:
    static bool on_unmapped(uc_engine*, uc_mem_type type, uint64_t address, int size, int64_t, void* self);
    static void on_write(uc_engine*, uc_mem_type, uint64_t address, int size, int64_t value, void* self);

    std::string execute(uint64_t pc, size_t instructions);
    void write_registers(const UserRegisters& before);
    void set_segment_bases(const UserRegisters& before);
    bool map_page(uint64_t address, bool may_be_missing);
    void map(uint64_t page, std::span<const std::byte> content);

    bool is_64_;
    const panda::trace::AddressSpace& memory_;
    uc_engine* engine_ = nullptr;
    std::map<uint64_t, std::byte> written_;
    std::set<uint64_t> mapped_;
    std::string missing_;
};
