// Blocks of TCG operations that tests make, and an engine that runs them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analyzers/taint/engine.h"
#include "common/bytes.h"
#include "tests/unit/tcg_samples.h"

namespace panda::tests {

// Writes a block's operations as a trace has them (trace/README.md).
class TcgWriter {
  public:
    explicit TcgWriter(const trace::tcg::Dialect& dialect) : dialect_(dialect) {
        op("insn_start", {}, {0, 0});
    }

    struct Arg {
        enum Kind : uint8_t { temp = 0, whole = 1, global = 2, env = 3, constant = 4 };
        Kind kind;
        uint8_t type;  // TCGType
        std::string name;
        int64_t value = 0;
    };
    static Arg temp(const std::string& name, uint8_t type) { return {Arg::temp, type, name}; }
    static Arg global(const std::string& name, uint8_t type = 1) { return {Arg::global, type, name}; }
    static Arg env() { return {Arg::env, 1, "env"}; }
    static Arg number(int64_t value, uint8_t type) {
        return {Arg::constant, type, "$" + std::to_string(value) + "/" + std::to_string(type), value};
    }

    // Outputs, then inputs; and constants, of which labels are not zigzag (label: which of the constants, or none).
    void op(const std::string& name, const std::vector<Arg>& arguments,
            const std::vector<int64_t>& constants = {}, uint8_t param1 = 0, uint8_t param2 = 0,
            int label = -1) {
        for (size_t i = 0; i < dialect_.forms().size(); ++i)
            if (dialect_.forms()[i].name == name)
                return write(static_cast<uint8_t>(i), arguments, constants, param1, param2, label);
        throw std::runtime_error("no operation " + name);
    }
    void call(const std::string& helper, uint8_t flags, uint32_t types, const std::vector<Arg>& outputs,
              const std::vector<Arg>& inputs) {
        std::vector<Arg> all = outputs;
        all.insert(all.end(), inputs.begin(), inputs.end());
        op("call", all, {}, static_cast<uint8_t>(inputs.size()), static_cast<uint8_t>(outputs.size()));
        varint(helper.size());
        for (const char letter : helper)
            byte(static_cast<uint8_t>(letter));
        byte(flags);
        varint(types);
    }
    void next_instruction() {
        op("insn_start", {}, {0, 0});
        ++instructions_;
    }

    const Bytes& bytes() const { return bytes_; }
    uint16_t instructions() const { return instructions_; }

  private:
    void byte(uint8_t value) { bytes_.push_back(static_cast<std::byte>(value)); }
    void varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            byte(static_cast<uint8_t>(value | 0x80));
        byte(static_cast<uint8_t>(value));
    }
    void zigzag(int64_t value) {
        varint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
    }
    void write(uint8_t opcode, const std::vector<Arg>& arguments, const std::vector<int64_t>& constants,
               uint8_t param1, uint8_t param2, int label) {
        byte(opcode);
        byte(param1);
        byte(param2);
        for (const Arg& argument : arguments) {
            const auto [found, added] = numbers_.try_emplace(argument.name, numbers_.size());
            varint(found->second);
            if (!added)
                continue;
            byte(argument.kind);
            byte(argument.type);
            if (argument.kind == Arg::constant)
                zigzag(argument.value);
            else if (argument.kind == Arg::global || argument.kind == Arg::env)
                varint(global_number(argument.name));
        }
        for (size_t i = 0; i < constants.size(); ++i)
            static_cast<int>(i) == label ? varint(static_cast<uint64_t>(constants[i])) : zigzag(constants[i]);
    }
    uint64_t global_number(const std::string& name) const {
        for (size_t i = 0; i < dialect_.globals().size(); ++i)
            if (dialect_.globals()[i].name == name)
                return i;
        throw std::runtime_error("no global " + name);
    }

    const trace::tcg::Dialect& dialect_;
    Bytes bytes_;
    std::map<std::string, uint64_t> numbers_;
    uint16_t instructions_ = 1;
};

// An engine with a little memory.
class TaintMachine {
  public:
    explicit TaintMachine(const trace::tcg::Dialect& dialect, const taint::EngineOptions& options = {},
                          const taint::SetLimits& limits = {})
        : dialect_(dialect), memory(8192), engine(dialect, blocks, path_, memory, options, limits) {}

    uint32_t add(const TcgWriter& writer, std::vector<trace::MemoryOperation> operations = {}) {
        trace::BlockDefinition block;
        for (uint16_t i = 0; i < writer.instructions(); ++i)
            block.instruction_offsets.push_back(i);
        block.guest_size = writer.instructions();
        block.tcg = writer.bytes();
        block.operations = std::move(operations);
        blocks.append(block);
        return blocks.size() - 1;
    }
    void run(uint32_t id, std::span<const taint::Reach> reaches = {}) {
        engine.run(
            {.block = id, .instr = 0, .from = 0, .to = blocks.instruction_count(id), .reaches = reaches});
    }
    // Of a global.
    void set(const std::string& name, uint64_t value, uint64_t mask, bool known, taint::Label label = 1) {
        const auto range = *engine.state().find(name);
        set(range, value, mask, known, label);
    }
    void set(const taint::StateRange& range, uint64_t value, uint64_t mask, bool known, taint::Label label) {
        engine.state().settle();
        for (uint32_t i = 0; i < range.size; ++i)
            engine.state().set(range.offset + i,
                               taint::byte_taint(engine.tags().of_label(label + i),
                                                 static_cast<uint32_t>(mask >> (8 * i) & 0xff)));
        if (known)
            engine.state().set_value(range, value);
        else
            engine.state().forget_value(range);
    }
    uint64_t mask(const taint::StateRange& range) const {
        uint64_t mask = 0;
        for (uint32_t i = 0; i < range.size; ++i)
            mask |= uint64_t{taint::mask_of(engine.state().get(range.offset + i))} << (8 * i);
        return mask;
    }
    uint64_t mask(const std::string& name) const { return mask(*engine.state().find(name)); }
    std::vector<taint::Label> labels(const std::string& name, uint32_t byte) {
        const auto range = *engine.state().find(name);
        return engine.tags().labels(taint::tag_of(engine.state().get(range.offset + byte)));
    }

  private:
    const trace::tcg::Dialect& dialect_;
    std::string path_ = "test";

  public:
    std::vector<std::byte> memory;
    trace::BlockTable blocks;
    taint::Engine engine;
};

}  // namespace panda::tests
