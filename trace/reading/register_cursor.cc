#include "trace/reading/register_cursor.h"

#include "trace/limits.h"
#include "trace/reading/chunk_data.h"

namespace panda::trace {

void RegisterCursor::start(const Chunk& chunk) {
    chunk_ = chunk.data_;
    chunk_->guarded([this] {
        if (!chunk_->summary.registers)
            throw Error("holds no registers: the trace was made without them");
        left_ = chunk_->summary.block_count;
        column_ = load_column(*chunk_, schema::ColumnId::REGISTERS, schema::Coding::REGISTER_PREDICTIONS,
                              max_column_bytes, left_);
        decoder_.start(column_);
    });
}

const BlockRegisters& RegisterCursor::next(uint32_t id) {
    return *chunk_->guarded([&] {
        if (left_ == 0)
            throw Error("holds the registers of fewer executions than there are");
        --left_;
        return &decoder_.next(id);
    });
}

void RegisterCursor::check_end() const {
    chunk_->guarded([this] {
        if (left_ != 0)
            throw Error("holds the registers of more executions than there are");
        decoder_.check_end();
    });
}

}  // namespace panda::trace
