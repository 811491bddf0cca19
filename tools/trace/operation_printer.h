// The TCG operations of block definitions, for `panda-trace dump --operations`.
#pragma once

#include <ostream>

#include "trace/reading/reader.h"
#include "trace/tcg/dialect.h"

namespace panda::trace_tool {

class OperationPrinter {
  public:
    // reader: its trace must have been opened with ReaderOptions::tcg, and outlive this. Throws FileError when the
    // trace has no TCG operations.
    OperationPrinter(const trace::TraceReader& reader, bool json);

    // Prints the operations of a block, a line each: as QEMU's `-d op` does, or a JSON object. Throws FileError
    // when they are damaged.
    void print(std::ostream& out, uint32_t id, const trace::BlockView& block) const;

  private:
    const trace::TraceReader& reader_;
    bool json_;
    trace::tcg::Dialect dialect_;
};

}  // namespace panda::trace_tool
