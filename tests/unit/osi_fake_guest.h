// A small Linux guest made by hand: page tables, tasks, modules, at a moment of a trace.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "kernelinfo/kernel_info.h"
#include "osi/provider.h"
#include "trace/cpu_state.h"
#include "trace/memory/physical_memory.h"

namespace panda::osi::test {

class FakeMemory final : public trace::PhysicalMemory {
  public:
    explicit FakeMemory(size_t size) : bytes(size), range_{0, size} {}
    bool read(uint64_t address, std::span<std::byte> out) const override {
        if (address > bytes.size() || out.size() > bytes.size() - address)
            return false;
        std::memcpy(out.data(), bytes.data() + address, out.size());
        return true;
    }
    std::span<const Range> ranges() const override { return {&range_, 1}; }
    template <typename T>
    void put(uint64_t address, T value) {
        std::memcpy(bytes.data() + address, &value, sizeof value);
    }
    void put_text(uint64_t address, const std::string& text) {
        std::memcpy(bytes.data() + address, text.c_str(), text.size() + 1);
    }

    std::vector<std::byte> bytes;

  private:
    Range range_;
};

// 1 MiB of RAM. The kernel's image is at link address image_base, moved by `slide`, and at physical 0; all
// RAM is at direct_base too.
struct FakeGuest {
    static constexpr uint64_t image_base = 0xffffffff81000000;
    static constexpr uint64_t direct_base = 0xffff888000000000;
    static constexpr uint64_t top_table = 0x10000;
    static constexpr uint64_t init_task = 0x20000;  // physical; tasks are 0x200 apart
    static constexpr uint64_t signals = 0x30000;    // of the tasks, 0x40 apart
    static constexpr uint64_t spaces = 0x40000;     // mm_structs, 0x40 apart
    static constexpr uint64_t modules = 0x50000;
    static constexpr uint64_t entry = 0x1080;
    static constexpr uint64_t banner = 0x2000;
    static constexpr uint64_t per_cpu_offsets = 0x3000;
    static constexpr uint64_t per_cpu_area = 0x60000;

    FakeMemory memory{size_t{1} << 20};
    trace::CpuState cpu;
    kernelinfo::KernelInfo info;
    uint64_t slide;
    unsigned task_count = 1;

    explicit FakeGuest(uint64_t slide_) : slide(slide_) {
        fill_info();
        cpu.cr0 = 0x80050033;
        cpu.cr3 = top_table;
        cpu.cr4 = 0x20;
        cpu.efer = 0xd01;
        cpu.lstar = image_base + slide + entry;
        map_large(image_base + slide, 0x11000);
        map_large(direct_base, 0x13000);
        memory.put_text(banner, "Linux version 6.1.0-test (x@y) (gcc) #1 SMP Test (2026-01-01)\n");
        memory.put(per_cpu_offsets, direct_base + per_cpu_area);
        memory.put(per_cpu_area + 0x80, image_base + slide + init_task);
        write_task(0, 0, 0, "swapper/0", false);
        memory.put(init_task + 16, image_base + slide + init_task + 16);  // an empty list
        memory.put(modules, image_base + slide + modules);
    }

    // Direct-map address of task `index`; the first is in the kernel's image.
    uint64_t task_address(unsigned index) const {
        return index == 0 ? image_base + slide + init_task : direct_base + init_task + index * 0x200;
    }
    // Appends a task of its own process to the list.
    unsigned add_process(int pid, unsigned parent, const std::string& name, bool has_memory) {
        const unsigned index = task_count++;
        write_task(index, pid, parent, name, has_memory);
        memory.put(init_task + (index - 1) * 0x200 + 16, task_address(index) + 16);
        memory.put(init_task + index * 0x200 + 16, task_address(0) + 16);
        return index;
    }
    void add_module(const std::string& name, uint64_t base, uint32_t size) {
        memory.put(modules, direct_base + modules + 0x100 + 8);
        memory.put(modules + 0x108, image_base + slide + modules);
        memory.put_text(modules + 0x100 + 24, name);
        memory.put(modules + 0x100 + 0x80, base);
        memory.put(modules + 0x100 + 0x88, size);
    }
    Point point() const { return {&memory, &cpu}; }

  private:
    // A 2 MiB page from `address` to physical 0, by two tables at `tables`.
    void map_large(uint64_t address, uint64_t tables) {
        memory.put(top_table + ((address >> 39) & 511) * 8, tables | 3);
        memory.put(tables + ((address >> 30) & 511) * 8, (tables + 0x1000) | 3);
        memory.put(tables + 0x1000 + ((address >> 21) & 511) * 8, uint64_t{0x83});
    }
    void write_task(unsigned index, int pid, unsigned parent, const std::string& name, bool has_memory) {
        const uint64_t task = init_task + index * 0x200;
        const uint64_t signal = signals + index * 0x40;
        memory.put(task + 32, pid);
        memory.put(task + 36, pid);
        memory.put(task + 40, task_address(index));
        memory.put(task + 48, task_address(parent));
        memory.put(task + 56, has_memory ? direct_base + spaces + index * 0x40 : uint64_t{0});
        memory.put_text(task + 64, name);
        memory.put(task + 80, direct_base + signal);
        memory.put(task + 88, direct_base + signal);
        memory.put(signal, task_address(index) + 88);
        memory.put(spaces + index * 0x40, direct_base + 0x80000 + index * 0x1000);
    }
    void fill_info() {
        info.source = "fake.conf";
        info.group = "fake";
        info.name = "6.1.0-test|#1 SMP Test (2026-01-01)|x86_64";
        info.task_init_addr = image_base + init_task;
        info.task_per_cpu_offsets_addr = image_base + per_cpu_offsets;
        info.task_per_cpu_offset_0_addr = 0;
        info.task_current_task_addr = 0x80;
        info.task_tasks_offset = 16;
        info.task_pid_offset = 32;
        info.task_tgid_offset = 36;
        info.task_group_leader_offset = 40;
        info.task_real_parent_offset = 48;
        info.task_mm_offset = 56;
        info.task_comm_offset = 64;
        info.task_comm_size = 16;
        info.mm_pgd_offset = 0;
        info.panda_task_signal_offset = 80;
        info.panda_task_thread_node_offset = 88;
        info.panda_signal_thread_head_offset = 0;
        info.panda_entry_syscall_64_addr = image_base + entry;
        info.panda_linux_banner_addr = image_base + banner;
        info.panda_modules_addr = image_base + modules;
        info.panda_module_list_offset = 8;
        info.panda_module_name_offset = 24;
        info.panda_module_base_offset = 0x80;
        info.panda_module_size_offset = 0x88;
    }
};

}  // namespace panda::osi::test
