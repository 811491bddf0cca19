// A trace of a small Linux guest in which a process is made, runs and exits.
#pragma once

#include <fstream>

#include "kernelinfo/key_file.h"
#include "osi_fake_guest.h"
#include "tests/unit/trace_generator.h"

namespace panda::tests {

// Process 30 is made at instr 4, runs from 6, executes a program at 8, stops running at 10, and exits at 12.
// An execution is two instructions, of which the second stores.
struct SampleTrace {
    osi::test::FakeGuest guest{0x2da00000};
    trace_tests::TemporaryFile trace;
    trace_tests::TemporaryFile conf;

    SampleTrace() {
        using osi::test::FakeGuest;
        guest.info.panda_task_flags_offset = 104;
        guest.memory.put(FakeGuest::init_task + 24, guest.task_address(0) + 16);
        guest.add_process(1, 0, "init", true);
        const unsigned last = guest.add_process(2, 0, "kthreadd", false);
        guest.memory.put(FakeGuest::init_task + 24, guest.task_address(last) + 16);
        const unsigned child = guest.add_process(30, 1, "sh", true);
        guest.memory.put(FakeGuest::init_task + last * 0x200 + 16, guest.task_address(0) + 16);
        guest.memory.put(FakeGuest::init_task + child * 0x200 + 24, guest.task_address(last) + 16);
        std::ofstream file(conf.path());
        kernelinfo::write_group(file, guest.info);
        file.close();

        trace::TraceHeader header;
        header.architecture = "x86_64";
        header.memory_blocks = {{"ram", guest.memory.bytes.size()}};
        trace::WriterOptions options;
        options.memory = trace::MemoryColumns::values;
        trace::TraceWriter writer(trace.path(), header, options);
        writer.memory_map({0, {{0, guest.memory.bytes.size(), 0, 0, trace::RangeKind::ram}}});
        writer.snapshot(
            guest.cpu, [this](uint32_t) { return std::span<const std::byte>(guest.memory.bytes); },
            trace::SnapshotKind::full);
        const auto page = [](uint64_t address) { return address / trace::page_size; };
        const uint64_t slot = FakeGuest::direct_base + FakeGuest::per_cpu_area + 0x80;
        writer.begin_chunk({guest.cpu,
                            {{page(guest.task_address(1)), FakeGuest::init_task / trace::page_size, 0},
                             {page(slot), FakeGuest::per_cpu_area / trace::page_size, 0},
                             {page(guest.task_address(0)), FakeGuest::init_task / trace::page_size, 0}}});
        trace::BlockDefinition block;
        block.pc = FakeGuest::image_base + guest.slide + 0x1000;
        block.guest_size = 6;
        block.instruction_offsets = {0, 3};
        block.operations.resize(1);
        block.operations[0].instruction = 1;
        block.operations[0].store = true;
        const uint32_t id = writer.define_block(block);
        const auto store = [&](uint64_t address, uint64_t value) {
            const uint64_t words[] = {address, value};
            writer.append(id, words);
        };
        store(guest.task_address(last) + 16, guest.task_address(child) + 16);
        store(guest.task_address(0) + 24, guest.task_address(child) + 16);
        store(slot, guest.task_address(child));
        store(guest.task_address(child) + 56, FakeGuest::direct_base + FakeGuest::spaces + 0x40);
        writer.event({8, trace::SystemReturn{trace::ReturnGate::sysret, 0, 0, 0x401000}});
        store(slot, guest.task_address(1));
        store(guest.task_address(child) + 104, 4);
        writer.finish();
    }
};

}  // namespace panda::tests
