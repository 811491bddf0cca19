#include "tools/trace/operation_printer.h"

#include "common/json_value.h"
#include "trace/tcg/operations.h"
#include "trace/tcg/print.h"

namespace panda::trace_tool {
OperationPrinter::OperationPrinter(const trace::TraceReader& reader, bool json)
    : reader_(reader), json_(json), dialect_(trace::tcg::Dialect::of(reader.header(), reader.path())) {}

void OperationPrinter::print(std::ostream& out, uint32_t id, const trace::BlockView& block) const {
    const auto instructions = static_cast<uint32_t>(block.instruction_offsets.size());
    const trace::tcg::BlockPlace place{reader_.path(), id};
    const auto parsed = trace::tcg::parse_operations(dialect_, block.tcg, instructions, place);
    for (const trace::tcg::Operation& operation : parsed.operations) {
        const std::string text = trace::tcg::operation_text(dialect_, parsed, operation);
        if (json_)
            write_json_line(out, {{"kind", "operation"},
                                  {"id", id},
                                  {"instruction", operation.instruction},
                                  {"operation", text.substr(text.find_first_not_of(' '))}});
        else
            out << text << '\n';
    }
}

}  // namespace panda::trace_tool
