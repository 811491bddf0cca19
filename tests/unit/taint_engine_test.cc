// The engine: the way through a block, loads and stores, pieces of executions, calls, and what it tells.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "common/error.h"
#include "tests/unit/taint_blocks.h"
#include "tests/unit/taint_dialect.h"

namespace {

using namespace panda;
using namespace panda::taint;
using namespace panda::tests;
using trace::Access;
using trace::AccessKind;
using trace::MemoryOperation;
using Arg = TcgWriter;

constexpr int64_t load_byte = 0 << 4;  // MemOpIdx
constexpr int64_t load_quad = 3 << 4;
constexpr int64_t swapped_long = (2 | 16) << 4;
constexpr int64_t signed_byte = 8 << 4;
constexpr int64_t eq = 8;

Reach reach(const Access& access) {
    return {&access, access.address, access.size, Reach::nowhere};
}
MemoryOperation operation(bool store, uint8_t size, bool conditional = false, uint16_t instruction = 0) {
    MemoryOperation made;
    made.store = store;
    made.size = size;
    made.conditional = conditional;
    made.instruction = instruction;
    return made;
}
std::vector<Label> labels_at(TaintMachine& machine, uint64_t flat) {
    return machine.engine.tags().labels(tag_of(machine.engine.memory().get(flat)));
}
void label_memory(TaintMachine& machine, uint64_t flat, uint64_t count, Label label) {
    for (uint64_t i = 0; i < count; ++i)
        machine.engine.memory().set(
            flat + i, byte_taint(machine.engine.tags().of_label(label + static_cast<Label>(i)), 0xff));
}

TEST_CASE("bytes go from memory to registers and back") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.op("qemu_ld_i64", {Arg::global("rax"), Arg::global("rbx")}, {load_quad});
    writer.op("qemu_st_i64", {Arg::global("rax"), Arg::global("rcx")}, {load_quad});
    const uint32_t block = machine.add(writer, {operation(false, 8), operation(true, 8)});
    label_memory(machine, 100, 3, 7);
    label_memory(machine, 200, 8, 50);
    const Access load{100, 0, 0, 0, 8, AccessKind::load};
    const Access store{200, 0, 0, 0, 8, AccessKind::store};
    const std::vector<Reach> reaches = {reach(load), reach(store)};
    machine.run(block, reaches);
    CHECK(machine.mask("rax") == 0xff'ffff);
    CHECK(labels_at(machine, 201) == std::vector<Label>{8});
    CHECK(labels_at(machine, 203).empty());  // overwritten
    CHECK(machine.engine.memory().byte_count() == 6);
}

TEST_CASE("loads extend and swap") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.op("qemu_ld_i64", {Arg::global("rax"), Arg::global("rbx")}, {swapped_long});
    writer.op("qemu_ld_i64", {Arg::global("rcx"), Arg::global("rbx")}, {signed_byte});
    const uint32_t block = machine.add(writer, {operation(false, 4), operation(false, 1)});
    label_memory(machine, 100, 4, 10);
    const Access loads[] = {{100, 0, 0, 0, 4, AccessKind::load}, {103, 0, 0, 0, 1, AccessKind::load}};
    const std::vector<Reach> reaches = {reach(loads[0]), reach(loads[1])};
    machine.run(block, reaches);
    CHECK(machine.mask("rax") == 0xffff'ffff);
    CHECK(machine.labels("rax", 0) == std::vector<Label>{13});
    CHECK(machine.labels("rax", 3) == std::vector<Label>{10});
    CHECK(machine.mask("rcx") == ~uint64_t{0});
    CHECK(machine.labels("rcx", 7) == std::vector<Label>{13});
}

TEST_CASE("values of memory decide what a mask lets through") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.op("qemu_ld_i64", {Arg::global("rax"), Arg::global("rbx")}, {load_quad});
    writer.op("and_i64", {Arg::global("rdx"), Arg::global("rax"), Arg::global("rsi")});
    const uint32_t block = machine.add(writer, {operation(false, 8)});
    machine.memory[100] = std::byte{0x0f};
    machine.set("rsi", 0, ~uint64_t{0}, false, 30);
    const Access load{100, 0, 0, 0, 8, AccessKind::load};
    const std::vector<Reach> reaches = {reach(load)};
    machine.run(block, reaches);
    CHECK(machine.mask("rdx") == 0x0f);
}

TEST_CASE("pointers label what they lead to if that is asked for") {
    for (const PointerPolicy policy : {PointerPolicy::off, PointerPolicy::loads, PointerPolicy::all}) {
        TaintMachine machine(dialect(), {.pointers = policy});
        TcgWriter writer(dialect());
        writer.op("qemu_ld_i64", {Arg::global("rax"), Arg::global("rbx")}, {load_byte});
        writer.op("qemu_st_i64", {Arg::global("rcx"), Arg::global("rbx")}, {load_byte});
        const uint32_t block = machine.add(writer, {operation(false, 1), operation(true, 1)});
        machine.set("rbx", 100, 0xff, true, 5);
        const Access load{100, 0, 0, 0, 1, AccessKind::load};
        const Access store{100, 0, 0, 0, 1, AccessKind::store};
        const std::vector<Reach> reaches = {reach(load), reach(store)};
        machine.run(block, reaches);
        CHECK((machine.mask("rax") != 0) == (policy != PointerPolicy::off));
        CHECK((machine.engine.memory().get(100) != 0) == (policy == PointerPolicy::all));
    }
}

struct Told : TaintListener {
    std::vector<std::string> lines;
    void on_branch(const TaintPlace& place, Tag) override { add("branch", place); }
    void on_jump(const TaintPlace& place, Tag) override { add("jump", place); }
    void on_instruction(const TaintPlace& place, Tag, bool changes) override {
        add(changes ? "computes" : "copies", place);
    }
    void add(const char* what, const TaintPlace& place) {
        lines.push_back(std::string(what) + " " + std::to_string(place.instr));
    }
};

TEST_CASE("an unknown branch makes what it jumps over weak, and a known one does not") {
    for (const bool known : {false, true}) {
        TaintMachine machine(dialect());
        Told told;
        machine.engine.set_listener(&told);
        TcgWriter writer(dialect());
        writer.op("brcond_i64", {Arg::global("rbx"), Arg::number(0, 1)}, {eq, 0}, 0, 0, 1);
        writer.op("mov_i64", {Arg::global("rax"), Arg::number(1, 1)});
        writer.op("set_label", {}, {0}, 0, 0, 0);
        writer.op("mov_i64", {Arg::global("rdx"), Arg::number(1, 1)});
        const uint32_t block = machine.add(writer);
        machine.set("rax", 0, 0xff, false, 1);
        machine.set("rdx", 0, 0xff, false, 1);
        machine.set("rbx", 1, 0xff, known, 9);
        machine.run(block);
        CHECK(machine.mask("rax") == (known ? 0 : 0xff));
        CHECK(machine.mask("rdx") == 0);
        CHECK(told.lines == std::vector<std::string>{"branch 0", "copies 0"});
    }
}

TEST_CASE("accesses tell which way a branch went") {
    for (const bool ran : {false, true}) {
        TaintMachine machine(dialect());
        TcgWriter writer(dialect());
        writer.op("brcond_i64", {Arg::global("rbx"), Arg::number(0, 1)}, {eq, 0}, 0, 0, 1);
        writer.op("mov_i64", {Arg::global("rax"), Arg::number(1, 1)});
        writer.op("qemu_st_i64", {Arg::global("rax"), Arg::global("rcx")}, {load_quad});
        writer.op("set_label", {}, {0}, 0, 0, 0);
        const uint32_t block = machine.add(writer, {operation(true, 8, true)});
        machine.set("rax", 0, 0xff, false, 1);
        label_memory(machine, 300, 1, 5);
        const Access store{300, 1, 0, 0, 8, AccessKind::store};
        std::vector<Reach> reaches;
        if (ran)
            reaches.push_back(reach(store));
        machine.run(block, reaches);
        CHECK(machine.mask("rax") == (ran ? 0 : 0xff));
        CHECK(machine.engine.memory().any() == !ran);
    }
}

TEST_CASE("an execution that was cut short goes as far as the trace says") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.op("mov_i64", {Arg::global("rdx"), Arg::global("rax")});
    writer.next_instruction();
    writer.op("mov_i64", {Arg::global("rsi"), Arg::global("rax")});
    writer.op("qemu_st_i64", {Arg::global("rax"), Arg::global("rcx")}, {load_quad});
    writer.op("mov_i64", {Arg::global("rdi"), Arg::global("rax")});
    const uint32_t block = machine.add(writer, {operation(true, 8, false, 1)});
    machine.set("rax", 0, 0xff, false, 1);
    machine.engine.run({.block = block, .from = 0, .to = 1, .begun = true});
    CHECK(machine.mask("rdx") == 0xff);
    CHECK(machine.mask("rdi") == 0);  // behind the store that did not run
    CHECK(!machine.engine.memory().any());
}

TEST_CASE("an execution in pieces is the whole of it") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    const auto kept = TcgWriter::Arg{TcgWriter::Arg::whole, 1, "kept"};
    writer.op("add_i64", {kept, Arg::global("rax"), Arg::number(1, 1)});
    writer.next_instruction();
    writer.op("qemu_st_i64", {kept, Arg::global("rcx")}, {load_quad});
    const uint32_t block = machine.add(writer, {operation(true, 8, false, 1)});
    machine.set("rax", 0, 0xff, false, 1);
    const Access store{300, 1, 0, 1, 8, AccessKind::store};
    const std::vector<Reach> reaches = {reach(store)};
    machine.engine.run({.block = block, .from = 0, .to = 1});
    CHECK(!machine.engine.memory().any());
    machine.engine.run({.block = block, .from = 1, .to = 2, .first = false, .reaches = reaches});
    CHECK(labels_at(machine, 300) == std::vector<Label>{1});
}

TEST_CASE("flags depend on what they were computed from") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.call(
        "cc_compute_all", 7, 5 | 4 << 3 | 4 << 6 | 4 << 9 | 2 << 12, {Arg::global("rax")},
        {Arg::global("cc_dst"), Arg::global("cc_src"), Arg::global("cc_src2"), Arg::global("cc_op", 0)});
    const uint32_t block = machine.add(writer);
    machine.set("cc_src", 0, 1, false, 3);
    machine.run(block);
    CHECK(machine.mask("rax") == 0x8d5);
    CHECK(machine.labels("rax", 0) == std::vector<Label>{3});
}

TEST_CASE("an unknown helper mixes all that it may read into all that it may write, and is counted") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.call("nobody_knows_it", 0, 6 << 3, {}, {Arg::env()});
    const uint32_t block = machine.add(writer);
    machine.run(block);
    CHECK(!machine.engine.any());
    CHECK(machine.engine.unknown_helpers().empty());
    machine.set("rax", 0, 1, false, 3);
    machine.run(block);
    CHECK(machine.mask("r15") == ~uint64_t{0});
    CHECK(machine.engine.unknown_helpers().at("nobody_knows_it") == 1);
}

TEST_CASE("divisions mix both halves, and overwrite them") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.call("divq_EAX", 0, 6 << 3 | 4 << 6, {}, {Arg::env(), Arg::global("rbx")});
    const uint32_t block = machine.add(writer);
    machine.set("rdx", 0, 1, false, 3);
    machine.run(block);
    CHECK(machine.mask("rax") == ~uint64_t{0});
    machine.set("rax", 0, 0, false);
    machine.set("rdx", 0, 0, false);
    machine.set("rcx", 0, 1, false, 4);
    machine.run(block);
    CHECK(machine.mask("rax") == 0);
}

TEST_CASE("a jump to a labelled address is told, and its labels end there") {
    TaintMachine machine(dialect());
    Told told;
    machine.engine.set_listener(&told);
    TcgWriter writer(dialect());
    writer.op("mov_i64", {Arg::global("rip"), Arg::global("rax")});
    writer.op("exit_tb", {}, {0}, 0, 0, 0);
    const uint32_t block = machine.add(writer);
    machine.set("rax", 0, 0xffff, false, 3);
    machine.run(block);
    CHECK(std::ranges::find(told.lines, "jump 0") != told.lines.end());
    CHECK(machine.mask("rip") == 0);
}

TEST_CASE("fxsave and fxrstor keep each byte of a vector register") {
    TaintMachine machine(dialect());
    TcgWriter save(dialect());
    save.call("fxsave", 2, 6 << 3 | 4 << 6, {}, {Arg::env(), Arg::global("rbx")});
    TcgWriter restore(dialect());
    restore.call("fxrstor", 2, 6 << 3 | 4 << 6, {}, {Arg::env(), Arg::global("rbx")});
    const uint32_t saving = machine.add(save);
    const uint32_t restoring = machine.add(restore);
    constexpr int64_t xmm3 = 864 + 3 * 64;
    for (int64_t i = 0; i < 16; ++i)
        machine.engine.state().set(xmm3 + i,
                                   byte_taint(machine.engine.tags().of_label(static_cast<Label>(i)), 0xff));
    machine.set("rbx", 1024, 0, true);
    const Access halves[] = {{1024 + 160 + 48, 0, 0, 0, 8, AccessKind::helper_store},
                             {1024 + 160 + 56, 0, 0, 0, 8, AccessKind::helper_store}};
    const std::vector<Reach> stores = {reach(halves[0]), reach(halves[1])};
    machine.run(saving, stores);
    CHECK(labels_at(machine, 1024 + 160 + 48 + 9) == std::vector<Label>{9});
    CHECK(machine.engine.memory().byte_count() == 16);
    for (int64_t i = 0; i < 16; ++i)
        machine.engine.state().set(xmm3 + i, 0);
    Access loads[] = {halves[0], halves[1]};
    for (Access& load : loads)
        load.kind = AccessKind::helper_load;
    machine.set("rbx", 1024, 0, true);
    const std::vector<Reach> reaches = {reach(loads[0]), reach(loads[1])};
    machine.run(restoring, reaches);
    CHECK(machine.engine.tags().labels(tag_of(machine.engine.state().get(xmm3 + 9))) ==
          std::vector<Label>{9});
}

TEST_CASE("an interrupt's frame has the flags' labels, and the way back returns them") {
    TaintMachine machine(dialect());
    TcgWriter handler(dialect());
    handler.op("mov_i64", {Arg::global("rax"), Arg::number(0, 1)});
    const uint32_t block = machine.add(handler);
    machine.set("cc_src", 0, 1, false, 3);
    std::vector<Access> stores;
    for (uint64_t i = 0; i < 5; ++i)
        stores.push_back({1000 - 8 * i, 0, 0, 0, 8, AccessKind::helper_store});
    std::vector<Reach> deliveries;
    for (const Access& store : stores)
        deliveries.push_back(reach(store));
    machine.engine.run({.block = block, .from = 0, .to = 1, .deliveries = deliveries});
    CHECK(labels_at(machine, 1000 - 16) == std::vector<Label>{3});
    CHECK(machine.engine.memory().byte_count() == 8);
    TcgWriter back(dialect());
    back.call("iret_protected", 0, 6 << 3 | 2 << 6 | 2 << 9, {},
              {Arg::env(), Arg::number(2, 0), Arg::number(0, 0)});
    const uint32_t returning = machine.add(back);
    machine.set("cc_src", 0, 0, false);
    std::vector<Access> loads;
    for (uint64_t i = 0; i < 5; ++i)
        loads.push_back({968 + 8 * i, 0, 0, 0, 8, AccessKind::helper_load});
    std::vector<Reach> reaches;
    for (const Access& load : loads)
        reaches.push_back(reach(load));
    machine.run(returning, reaches);
    CHECK(machine.mask("cc_src") != 0);
    CHECK(machine.mask("rsp") == 0);
}

TEST_CASE("a block whose operations do not fit its loads and stores is an error") {
    TaintMachine machine(dialect());
    TcgWriter writer(dialect());
    writer.op("qemu_ld_i64", {Arg::global("rax"), Arg::global("rbx")}, {load_quad});
    const uint32_t block = machine.add(writer, {operation(false, 4)});
    CHECK_THROWS_AS(machine.engine.is_clean(block), FileError);
}

}  // namespace
