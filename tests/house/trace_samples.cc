// Writes small traces that have everything a trace can have, for a decoder that knows only the format's text:
// trace_samples DIRECTORY.
#include <filesystem>
#include <string>

#include "common/command_line.h"
#include "tests/unit/trace_generator.h"
#include "tests/unit/trace_memory_generator.h"
#include "tests/unit/trace_register_machine.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

constexpr uint64_t traces_of_a_kind = 3;

WriterOptions chunks_of(uint32_t blocks, MemoryColumns memory = MemoryColumns::none) {
    WriterOptions options;
    options.if_exists = IfExists::overwrite;
    options.chunk_blocks = blocks;
    options.memory = memory;
    return options;
}

BlockDefinition block_at(uint64_t pc) {
    BlockDefinition block;
    block.pc = pc;
    block.physical_pc = pc & 0xffffff;
    block.guest_size = 5;
    block.instruction_offsets = {0, 2};
    return block;
}

// Events of every kind that an event may be told of, with any numbers that their fields can hold.
class EveryEvent {
  public:
    explicit EveryEvent(uint64_t seed) : random_(seed) {}

    void write(const std::string& path, unsigned events) {
        TraceHeader header;
        header.memory_blocks = {{"ram", 16 * page_size}};
        header.devices = {{"virtio-blk-pci", "0000:00:03.0", "disk"}, {"e1000", "net0", "network"}};
        TraceWriter writer(path, header, chunks_of(100));
        for (uint32_t id = 0; id < 5; ++id)
            writer.define_block(block_at(0x1000 + 16 * id));
        for (unsigned i = 0; i < events; ++i) {
            for (uint64_t count = below(4); count > 0; --count) {
                const auto id = static_cast<uint32_t>(below(5));
                writer.append_blocks({&id, 1});
            }
            writer.event({writer.instr() + below(2), detail(i)});
        }
        writer.finish();
    }

  private:
    uint64_t below(uint64_t bound) { return random_() % bound; }
    uint64_t wide() { return random_() >> below(64); }
    uint32_t narrow() { return static_cast<uint32_t>(random_() >> (32 + below(32))); }
    bool either() { return below(2) == 0; }
    Bytes some_bytes() { return Bytes(below(30), static_cast<std::byte>(below(256))); }
    template <size_t count>
    std::array<uint64_t, count> wides() {
        std::array<uint64_t, count> values;
        for (uint64_t& value : values)
            value = wide();
        return values;
    }

    // Gaps and memory maps have calls of their own; trace_generator.h makes some.
    EventDetail detail(unsigned number) {
        switch (number % 14) {
            case 0:
                return Interrupt{narrow(), static_cast<InterruptSource>(below(6))};
            case 1:
                return Exception{narrow(), narrow(), wide(), wide()};
            case 2:
                return AddressSpaceChange{wide()};
            case 3:
                return ModeChange{wide(), wide(), wide(), either()};
            case 4:
                return Transfer{0, below(page_size), static_cast<TransferSource>(below(4)), some_bytes(),
                                static_cast<uint32_t>(below(3))};
            case 5:
                return PortAccess{narrow(), narrow(), either(), wide()};
            case 6:
                return DeviceAccess{wide(), narrow(), either(), wide()};
            case 7:
                return SystemCall{static_cast<CallGate>(below(4)), wide(), wides<6>(), wide(), wide()};
            case 8:
                return SystemReturn{static_cast<ReturnGate>(below(3)), wide(), wide(), wide()};
            case 9:
                return Cpuid{wides<6>(), wides<4>(), wide()};
            case 10:
                return SerialOutput{narrow(), some_bytes()};
            case 11:
                return Reset{};
            case 12:
                return Input{static_cast<InputSource>(below(4)), narrow(), wide()};
            default:
                return unknown();
        }
    }
    // Fields come and go, as when a version of the format appends some to a kind.
    EventDetail unknown() {
        UnknownEvent event{20 + static_cast<uint32_t>(below(3)), {}, some_bytes()};
        for (uint64_t count = below(9); count > 0; --count)
            event.fields.push_back(wide());
        return event;
    }

    std::mt19937_64 random_;
};

// More blocks than the table has places in which the coding of registers keeps what it learns, of which a few
// are executed: so that some share a place, with one another and with what stands before the first.
void write_many_blocks(const std::string& path) {
    constexpr uint32_t table = 1u << 16;
    WriterOptions options = chunks_of(200);
    options.registers = true;
    TraceWriter writer(path, {}, options);
    for (uint32_t id = 0; id < table + 8; ++id)
        writer.define_block(block_at(0x1000 + 16 * uint64_t{id}));
    std::mt19937_64 random(1);
    BlockRegisters registers{};
    for (unsigned i = 0; i < 500; ++i) {
        const auto near = static_cast<uint32_t>(random() % 16);
        const uint32_t id = random() % 4 == 0 ? near % 4 : table - 8 + near;
        writer.registers(id, registers);
        writer.append_blocks({&id, 1});
        registers[id % block_registers] += id % 3;
        registers[random() % block_registers] = random() >> random() % 64;
    }
    writer.finish();
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("trace_samples", [&] {
        if (argc != 2)
            throw UsageError("usage: trace_samples DIRECTORY");
        const std::filesystem::path directory = argv[1];
        std::filesystem::create_directories(directory);
        for (uint64_t seed = 0; seed < traces_of_a_kind; ++seed) {
            const std::string number = std::to_string(seed);
            Generator(seed).write(directory / ("blocks" + number), chunks_of(2000), 150);
            EveryEvent(seed).write(directory / ("events" + number), 400);
            MemoryGenerator(seed).write(directory / ("addresses" + number),
                                        chunks_of(500, MemoryColumns::addresses), 2000);
            MemoryGenerator(seed).write(directory / ("values" + number),
                                        chunks_of(500, MemoryColumns::values), 2000);
            RegisterMachine(seed).write(directory / ("registers" + number), chunks_of(300), 1000);
        }
        write_many_blocks(directory / "many");
        return exit_ok;
    });
}
