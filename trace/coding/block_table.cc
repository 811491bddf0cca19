#include "trace/coding/block_table.h"

namespace panda::trace {

void BlockTable::append(const BlockDefinition& block) {
    entries_.push_back({block.pc, block.cs_base, block.flags, block.physical_pc, block.physical_second_page,
                        code_.size(), instruction_offsets_.size(), operations_.size(), changes_.size(),
                        tcg_.size(), static_cast<uint32_t>(block.tcg.size()),
                        static_cast<uint32_t>(block.operations.size()),
                        static_cast<uint32_t>(block.changes.size()), block.guest_size, !block.code.empty()});
    operations_.insert(operations_.end(), block.operations.begin(), block.operations.end());
    changes_.insert(changes_.end(), block.changes.begin(), block.changes.end());
    memory_plans_.append(block.operations, block.changes, true);
    tcg_.insert(tcg_.end(), block.tcg.begin(), block.tcg.end());
    code_.insert(code_.end(), block.code.begin(), block.code.end());
    instruction_offsets_.insert(instruction_offsets_.end(), block.instruction_offsets.begin(),
                                block.instruction_offsets.end());
    instruction_counts_.push_back(static_cast<uint16_t>(block.instruction_count()));
}

namespace {

template <typename Vector>
void add(Vector& all, const Vector& more) {
    all.insert(all.end(), more.begin(), more.end());
}

// For `factor` times as much, and a little more.
template <typename Vector>
void grow(Vector& vector, double factor) {
    vector.reserve(static_cast<size_t>(static_cast<double>(vector.size()) * factor * 1.1));
}

}  // namespace

void BlockTable::append(const BlockTable& others) {
    for (Entry entry : others.entries_) {
        entry.code += code_.size();
        entry.instruction_offsets += instruction_offsets_.size();
        entry.operations += operations_.size();
        entry.changes += changes_.size();
        entry.tcg += tcg_.size();
        entries_.push_back(entry);
    }
    add(instruction_counts_, others.instruction_counts_);
    add(instruction_offsets_, others.instruction_offsets_);
    add(operations_, others.operations_);
    add(changes_, others.changes_);
    memory_plans_.append(others.memory_plans_);
    add(code_, others.code_);
    add(tcg_, others.tcg_);
}

void BlockTable::reserve(uint32_t count) {
    if (entries_.empty() || count <= entries_.size())
        return;
    const double factor = static_cast<double>(count) / static_cast<double>(entries_.size());
    entries_.reserve(count);
    instruction_counts_.reserve(count);
    grow(instruction_offsets_, factor);
    grow(operations_, factor);
    grow(changes_, factor);
    memory_plans_.reserve(count);
    grow(code_, factor);
    grow(tcg_, factor);
}

BlockView BlockTable::operator[](uint32_t id) const {
    const Entry& entry = entries_[id];
    const auto code = std::span(code_).subspan(entry.code, entry.has_code ? entry.guest_size : 0);
    const auto offsets =
        std::span(instruction_offsets_).subspan(entry.instruction_offsets, instruction_counts_[id]);
    return {entry.pc,
            entry.cs_base,
            entry.flags,
            entry.physical_pc,
            entry.physical_second_page,
            entry.guest_size,
            code,
            offsets,
            std::span(operations_).subspan(entry.operations, entry.operation_count),
            std::span(changes_).subspan(entry.changes, entry.change_count),
            std::span(tcg_).subspan(entry.tcg, entry.tcg_size)};
}

}  // namespace panda::trace
