#include "analyzers/execution/mmio.h"

#include <algorithm>

namespace panda::execution {

const char* device_at(uint64_t physical) {
    struct Place {
        uint64_t from, to;
        const char* name;
    };
    // QEMU's hw/i386: pc.c, microvm and q35 have these alike.
    static constexpr Place places[] = {{0xa0000, 0xc0000, "vga"},
                                       {0xfec00000, 0xfec01000, "ioapic"},
                                       {0xfed00000, 0xfed00400, "hpet"},
                                       {0xfed40000, 0xfed45000, "tpm"},
                                       {0xfee00000, 0xfee01000, "apic"}};
    for (const Place& place : places)
        if (physical >= place.from && physical < place.to)
            return place.name;
    return "";
}

void MmioTrace::on_event(const trace::Event& event) {
    const auto* const access = std::get_if<trace::DeviceAccess>(&event.detail);
    if (access == nullptr)
        return;
    found_.push_back({event.instr, 0, access->write, access->address, trace::no_address, access->size,
                      access->value, state_->asid()});
    find_pc(found_.back());
    find_addresses();
}

// An event's instr counts what was executed before it, so the instruction is the next one. If a block begins with it, the
// event stands before that block.
void MmioTrace::find_pc(MmioAccess& access) const {
    const uint64_t number = access.instr - block_.instr;
    if (access.instr < block_.instr || number >= block_.executed)
        return;
    const trace::BlockView view = state_->blocks()[block_.id];
    access.pc = view.pc + view.instruction_offsets[number];
}

void MmioTrace::begin_pending() {
    while (pending_ != found_.size() && found_[pending_].instr < block_.instr)
        ++pending_;
    for (size_t i = pending_; i != found_.size(); ++i)
        find_pc(found_[i]);
}

// The access of the same instruction, direction and size, whose address has the same place in its page.
void MmioTrace::find_addresses() {
    constexpr uint64_t in_page = trace::page_size - 1;
    for (; pending_ < found_.size(); ++pending_) {
        MmioAccess& found = found_[pending_];
        const auto same = [&](const trace::Access& access) {
            return access.instruction == found.instr - block_.instr && access.is_store() == found.write &&
                   (access.address & in_page) == (found.physical & in_page) &&
                   access.kind != trace::AccessKind::fill && access.kind != trace::AccessKind::table_write;
        };
        const auto access = std::find_if(seen_.begin(), seen_.end(), same);
        if (found.pc == 0 || access == seen_.end())
            return;
        found.virtual_address = access->address;
    }
}

}  // namespace panda::execution
