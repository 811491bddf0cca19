// Devices and programs of the fake machine that do anything at any time.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "tests/unit/fake_glue.h"

namespace panda::engine::test {

using recording::EntryKind;

class RandomDevices : public Devices {
  public:
    explicit RandomDevices(uint64_t seed) : random_(seed) {}

    uint64_t read(FakeMachine& machine, EntryKind, unsigned) override {
        if (random_() % 8 == 0)
            write_somewhere(machine);
        return random_() >> (random_() % 64);
    }
    uint64_t read2(FakeMachine&, EntryKind) override { return random_(); }
    void write(FakeMachine& machine, uint64_t) override {
        if (random_() % 4 == 0)
            write_somewhere(machine);
        if (random_() % 16 == 0)
            machine.set_a20(random_() % 4 != 0);
        if (random_() % 4 == 0)
            machine.raise_interrupt(static_cast<int>(random_() % 256));
    }
    void act(FakeMachine& machine) override {
        switch (random_() % 400) {
            case 0:
                machine.reset();
                break;
            case 1:
                machine.debugger_writes_register(static_cast<unsigned>(random_() % 13), random_());
                break;
            case 2:
            case 3:
                machine.map_device_range(random_() % 2 == 0);
                break;
            default:
                break;
        }
        if (random_() % 10 == 0)
            write_somewhere(machine);
        if (random_() % 20 == 0)
            machine.raise_interrupt(static_cast<int>(random_() % 256));
    }

  private:
    void write_somewhere(FakeMachine& machine) {
        std::vector<uint8_t> data(random_() % 9);
        for (uint8_t& byte : data)
            byte = static_cast<uint8_t>(random_());
        // Now and then over the program.
        const uint64_t offset = random_() % 50 == 0 ? random_() % 40 : 0x10000 + random_() % 0x10000;
        machine.write_memory(random_() % 4 == 0 ? 1 : 0, offset, data);
    }

    std::mt19937_64 random_;
};

inline std::string random_program(std::mt19937_64& random) {
    static const std::string instructions = "aaaaaaaabbbbbbbpmtcrolllsssfFiihx";
    std::string program;
    for (size_t size = 2 + random() % 60; program.size() < size;)
        program += instructions[random() % instructions.size()];
    return program + "i";
}

}  // namespace panda::engine::test
