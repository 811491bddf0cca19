#include "analyzers/lift/run_logger.h"

namespace panda::lift {

void RunLogger::start(const trace::BlockExecution&, Runner&, const trace::AddressSpace& memory) {
    wanted_ = !address_space_ || *address_space_ == memory.root();
    records_.clear();
}

void RunLogger::access(const trace::Access& access) {
    if (wanted_)
        records_.push_back({.kind = access.is_store() ? LogKind::store : LogKind::load,
                            .size = access.size,
                            .value = access.address});
}

void RunLogger::branch(bool taken) {
    if (wanted_)
        records_.push_back({.kind = LogKind::branch, .size = taken});
}

void RunLogger::end(const trace::BlockExecution& block, Runner&, const CheckedExecution& how) {
    if (!wanted_)
        return;
    if (block.executed < blocks_.instruction_count(block.id))
        cut_.insert({block.id, block.executed});
    else
        whole_.insert(block.id);
    write({LogKind::block, how.as_traced, static_cast<uint16_t>(block.executed), block.id, block.instr});
    for (const LogRecord& record : records_)
        write(record);
}

void RunLogger::write(const LogRecord& record) {
    ++counts_[record.kind];
    log_.write(record);
}

}  // namespace panda::lift
