// Whether the check of lifted blocks notices a rule that is wrong: runs it over a part of a trace once as it is, which must
// find nothing, and once with each of ten rules exchanged for another one, which must find something.
// usage: lift_wrong_rules TRACE HELPERS FROM TO    the range is moved to the start of the chunk that it starts in
#include <array>
#include <functional>
#include <iostream>

#include "analyzers/lift/check.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::trace::tcg;

struct WrongRule {
    const char* name;
    std::function<void(BlockOperations&, Operation&)> apply;
};

// One operation for another that has the same shape.
WrongRule instead(const char* name, Opcode right, Opcode wrong) {
    return {name, [right, wrong](BlockOperations&, Operation& operation) {
                if (operation.opcode == right && !is_vector(operation.type))
                    operation.opcode = wrong;
            }};
}

// Another number among an operation's constants.
WrongRule changed(const char* name, Opcode opcode, size_t constant, int64_t by) {
    return {name, [opcode, constant, by](BlockOperations& block, Operation& operation) {
                if (operation.opcode == opcode && constant < operation.constants)
                    block.constants[operation.first_constant + constant] ^= by;
            }};
}

const std::array wrong_rules = {
    instead("add as sub", Opcode::add, Opcode::sub),
    instead("and as or", Opcode::and_, Opcode::or_),
    instead("xor as or", Opcode::xor_, Opcode::or_),
    instead("shl as shr", Opcode::shl, Opcode::shr),
    instead("shr as rotr", Opcode::shr, Opcode::rotr),
    instead("ext8u as ext8s", Opcode::ext8u, Opcode::ext8s),
    instead("ext32u as a copy", Opcode::ext32u, Opcode::mov),
    instead("sub with its sign turned", Opcode::sub, Opcode::add),
    // QEMU's conditions come in pairs that differ in the lowest bit (TCGCond).
    changed("the other way of a branch", Opcode::brcond, 0, 1),
    changed("the other choice of a movcond", Opcode::movcond, 0, 1),
};

uint64_t mismatches(trace::TraceReader& reader, const char* helpers, trace::InstrRange range,
                    const WrongRule* rule) {
    lift::LiftedBlocks blocks(reader, helpers);
    if (rule != nullptr)
        blocks.change_operations([rule](BlockOperations& block) {
            for (Operation& operation : block.operations)
                rule->apply(block, operation);
        });
    lift::CheckOptions options;
    options.range = range;
    const lift::CheckResult result = lift::check(reader, blocks, lift::Level::none, options, {});
    std::cout << (rule == nullptr ? "all rules right" : rule->name) << ": " << result.mismatches << " of "
              << result.executions << " executions differ\n";
    return result.mismatches;
}

// From the start of the chunk that has `from` on: a check of less runs what is before it in the chunk, each time.
trace::InstrRange from_chunk(trace::TraceReader& reader, uint64_t from, uint64_t to) {
    for (const trace::ChunkEntry& chunk : reader.contents().chunks)
        if (chunk.first_instr <= from && from - chunk.first_instr < chunk.instr_count)
            return {chunk.first_instr, chunk.first_instr + (to - from)};
    return {from, to};
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 5)
        return 2;
    try {
        trace::ReaderOptions options;
        options.tcg = true;
        trace::TraceReader reader(arguments[1], options);
        const trace::InstrRange range =
            from_chunk(reader, std::stoull(arguments[3]), std::stoull(arguments[4]));
        bool as_wanted = mismatches(reader, arguments[2], range, nullptr) == 0;
        for (const WrongRule& rule : wrong_rules)
            as_wanted = mismatches(reader, arguments[2], range, &rule) != 0 && as_wanted;
        return as_wanted ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
