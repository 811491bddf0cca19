// What the numbers in a trace's TCG operations mean: its facts `tcg-operations` and `tcg-globals` (trace/README.md),
// bound to the names of trace/tcg/opcode.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trace/tcg/opcode.h"
#include "trace/types.h"

namespace panda::trace::tcg {

// A place in the processor's state that operations use as if it were a temporary: a register of the guest, mostly.
struct Global {
    std::string name;  // "rax", "cc_op"; "env" is the pointer to the state itself
    Type type = Type::i64;
    int64_t offset = 0;  // bytes from the start of the state (QEMU's CPUX86State)

    bool operator==(const Global&) const = default;
};

// An opcode of the trace.
struct OperationForm {
    std::string name;  // QEMU's
    NamedOperation meaning{};
    uint8_t outputs = 0;  // of a call: 0; each call says how many
    uint8_t inputs = 0;
    uint8_t constants = 0;
};

class Dialect {
  public:
    // Reads the facts of a trace. Throws Error when the trace has no TCG operations (it was made with --columns
    // blocks), or when a fact is malformed or gives an operation another shape than it has.
    static Dialect of(const TraceHeader& header);
    // The same for a trace that was read from `path`: throws FileError instead, which names it.
    static Dialect of(const TraceHeader& header, const std::string& path);

    // The opcodes by number, at most 256.
    const std::vector<OperationForm>& forms() const { return forms_; }
    // The globals by number, at most max_globals.
    const std::vector<Global>& globals() const { return globals_; }
    static constexpr size_t max_globals = 256;

  private:
    void add_form(std::string_view text, bool x86);
    void add_global(std::string_view text);

    std::vector<OperationForm> forms_;
    std::vector<Global> globals_;
};

}  // namespace panda::trace::tcg
