// Shadow stacks, and how they follow a trace.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <random>

#include "analyzers/callstack/flow.h"
#include "analyzers/callstack/shadow_stacks.h"
#include "analyzers/callstack/stack_follower.h"
#include "analyzers/callstack/tap.h"
#include "common/error.h"
#include "tests/unit/trace_generator.h"
#include "trace/pass/pass.h"
#include "trace/writing/writer.h"

using namespace panda;
using namespace panda::callstack;

namespace {

constexpr uint64_t user_stack = 0x7fff'0000'0f00;
constexpr uint64_t kernel_stack = 0xffffc900'0001'3f00;
constexpr uint64_t other_kernel_stack = 0xffffc900'0004'3f00;
constexpr uint64_t asid = 0x1000;

// A machine whose code calls and returns as a test says.
struct Machine {
    ShadowStacks stacks;
    uint64_t instr = 0;

    void call(uint64_t slot, uint64_t return_address, uint64_t function) {
        stacks.call(slot, return_address, ++instr);
        stacks.entered(function, instr);
    }
    void ret(uint64_t slot, uint64_t target) {
        stacks.ret(slot, ++instr);
        stacks.returned(target, instr);
    }
    void enter(FrameKind kind, uint64_t pc, uint64_t pointer, bool may_fork = false) {
        stacks.enter_from_user({kind, 0, pc, pointer, Frame::no_slot, may_fork}, ++instr);
    }
    void leave(uint64_t pc, uint64_t pointer, uint64_t space = asid) {
        stacks.leave_to_user(space, pc, pointer, ++instr);
    }
    // A task runs for the first time, on this stack of the kernel.
    void start_task(uint64_t slot) { ret(slot, 0xffff'ffff'8100'0000); }
    std::vector<uint64_t> callers() const {
        std::vector<uint64_t> found;
        stacks.walk([&](const Frame& frame) {
            found.push_back(frame.return_address);
            return true;
        });
        return found;
    }
};
using Callers = std::vector<uint64_t>;

}  // namespace

TEST_CASE("calls and returns match by their place on the stack") {
    Machine machine;
    machine.stacks.start(true, asid);
    machine.call(user_stack, 0x11, 0x100);
    machine.call(user_stack - 0x20, 0x22, 0x200);
    CHECK(machine.callers() == Callers{0x22, 0x11});
    CHECK(machine.stacks.innermost()->function == 0x200);
    machine.ret(user_stack - 0x20, 0x22);
    CHECK(machine.callers() == Callers{0x11});
    machine.ret(user_stack, 0x11);
    CHECK(machine.callers().empty());
    CHECK(machine.stacks.innermost() == nullptr);
    CHECK(machine.stacks.counts().matched == 2);
    CHECK(machine.stacks.counts().total() == 2);
}

TEST_CASE("what is left without a return is gone with the next call, return or jump above it") {
    Machine machine;
    machine.stacks.start(true, asid);
    for (uint64_t depth = 0; depth < 10; ++depth)
        machine.call(user_stack - depth * 0x10, 0x100 + depth, 0x1000);
    SECTION("call") {
        machine.call(user_stack - 0x20, 0x77, 0x2000);
        CHECK(machine.callers() == Callers{0x77, 0x101, 0x100});
    }
    SECTION("return") {
        machine.ret(user_stack - 0x20, 0x102);
        CHECK(machine.callers() == Callers{0x101, 0x100});
        CHECK(machine.stacks.counts().matched == 1);
    }
    SECTION("longjmp") {
        machine.stacks.settle(user_stack - 0x15, 50);
        CHECK(machine.callers() == Callers{0x101, 0x100});
    }
}

TEST_CASE("a return to another address is redirected, and an address pushed by hand is a jump") {
    Machine machine;
    machine.stacks.start(true, asid);
    machine.call(user_stack, 0x11, 0x100);
    machine.call(user_stack - 8, 0x22, 0x200);  // a retpoline: call, overwrite, return
    machine.ret(user_stack - 8, 0x3000);
    CHECK(machine.stacks.counts().redirected == 1);
    machine.ret(user_stack - 0x40, 0x4000);
    CHECK(machine.stacks.counts().jumps == 1);
    CHECK(machine.callers() == Callers{0x11});
    machine.ret(user_stack + 0x100, 0x5000);  // of a call that the trace does not have
    CHECK(machine.stacks.counts().before == 1);
}

TEST_CASE("the kernel's stack leads to the program's, and is empty when it goes on") {
    Machine machine;
    machine.stacks.start(true, asid);
    machine.call(user_stack, 0x11, 0x100);
    machine.enter(FrameKind::system_call, 0x150, user_stack - 0x20);
    CHECK_FALSE(machine.stacks.in_user());
    CHECK(machine.stacks.innermost() == nullptr);
    machine.call(kernel_stack, 0x91, 0x9000);
    CHECK(machine.callers() == Callers{0x91, 0x150, 0x11});
    const uint64_t thread = machine.stacks.thread();
    // An interrupt in the kernel, with a stack of its own.
    machine.stacks.enter_from_kernel({FrameKind::interrupt, 32, 0x9010, 0, kernel_stack - 0x40},
                                     ++machine.instr);
    machine.call(0xffff'8880'0000'7ff0, 0x93, 0x9300);
    CHECK(machine.callers() == Callers{0x93, 0x9010, 0x91, 0x150, 0x11});
    // What serialises the processor is not the interrupt's end.
    machine.stacks.leave_to_kernel(kernel_stack - 0x200, ++machine.instr);
    CHECK(machine.callers().size() == 5);
    machine.ret(0xffff'8880'0000'7ff0, 0x93);
    machine.stacks.leave_to_kernel(kernel_stack - 0x40, ++machine.instr);
    CHECK(machine.callers() == Callers{0x91, 0x150, 0x11});
    // Nor does it end the system call.
    machine.stacks.leave_to_kernel(kernel_stack - 0x200, ++machine.instr);
    CHECK(machine.callers() == Callers{0x91, 0x150, 0x11});
    machine.leave(0x150, user_stack - 0x20);
    CHECK(machine.callers() == Callers{0x11});
    CHECK(machine.stacks.thread() == thread);
}

TEST_CASE("threads are told apart by their stacks in the kernel") {
    Machine machine;
    machine.stacks.start(true, asid);
    machine.call(user_stack, 0x11, 0x100);
    machine.enter(FrameKind::interrupt, 0x120, user_stack - 0x20);
    machine.call(kernel_stack, 0x91, 0x9000);  // __switch_to_asm
    // The new one's stack: the kernel calls there already, before the first return.
    if (GENERATE(false, true)) {
        machine.call(other_kernel_stack - 0x20, 0x92, 0x9200);
        machine.ret(other_kernel_stack - 0x20, 0x92);
    }
    machine.start_task(other_kernel_stack);
    CHECK(machine.callers().empty());
    machine.leave(0x5000, 0x7fff'1000'0000);
    machine.call(0x7fff'1000'0000 - 8, 0x51, 0x5100);
    CHECK(machine.callers() == Callers{0x51});
    machine.enter(FrameKind::interrupt, 0x5110, 0x7fff'1000'0000 - 0x20);
    machine.call(other_kernel_stack, 0x95, 0x9000);
    machine.ret(kernel_stack, 0x91);  // and back to the first
    machine.leave(0x120, user_stack - 0x20);
    CHECK(machine.callers() == Callers{0x11});
    machine.ret(user_stack, 0x11);
    CHECK(machine.stacks.counts().fresh == 1);
    CHECK(machine.stacks.counts().unmatched() == 1);
}

TEST_CASE("the stack of a child is that of its parent when it called fork") {
    Machine machine;
    machine.stacks.start(true, asid);
    machine.call(user_stack, 0x11, 0x100);
    machine.call(user_stack - 0x10, 0x22, 0x200);
    machine.enter(FrameKind::system_call, 0x252, user_stack - 0x20, true);
    machine.call(kernel_stack, 0x91, 0x9000);
    machine.leave(0x252, user_stack - 0x20);
    machine.ret(user_stack - 0x10, 0x22);
    machine.enter(FrameKind::system_call, 0x300, user_stack - 0x8);  // wait
    machine.call(kernel_stack, 0x91, 0x9000);
    machine.start_task(other_kernel_stack);
    machine.leave(0x252, user_stack - 0x20, 0x2000);
    CHECK(machine.callers() == Callers{0x22, 0x11});
    machine.ret(user_stack - 0x10, 0x22);
    // Another program has nothing of it.
    machine.enter(FrameKind::system_call, 0x400, user_stack - 0x8);
    machine.call(other_kernel_stack, 0x91, 0x9000);
    machine.leave(0x7000, user_stack + 0x80, 0x3000);
    CHECK(machine.callers().empty());
}

TEST_CASE("a handler of a signal is called by what it interrupts") {
    Machine machine;
    machine.stacks.start(true, asid);
    machine.call(user_stack, 0x11, 0x100);
    machine.enter(FrameKind::exception, 0x120, user_stack - 0x20);
    machine.call(kernel_stack, 0x91, 0x9000);
    const uint64_t handler_stack = GENERATE(user_stack - 0x400, uint64_t{0x6000'0000'0f00});
    machine.leave(0x800, handler_stack);
    CHECK(machine.callers() == Callers{0x120, 0x11});
    CHECK(machine.stacks.innermost()->kind == FrameKind::signal);
    machine.call(handler_stack - 0x10, 0x81, 0x8000);
    CHECK(machine.callers() == Callers{0x81, 0x120, 0x11});
    machine.ret(handler_stack - 0x10, 0x81);
    machine.ret(handler_stack, 0x900);  // __restore_rt
    machine.enter(FrameKind::system_call, 0x909, handler_stack + 8);
    machine.call(kernel_stack, 0x91, 0x9000);
    machine.leave(0x120, user_stack - 0x20);
    CHECK(machine.callers() == Callers{0x11});
    CHECK(machine.stacks.counts().unmatched() == 0);
    CHECK(machine.stacks.counts().redirected == 0);
}

TEST_CASE("coroutines keep their stacks") {
    Machine machine;
    machine.stacks.start(true, asid);
    const uint64_t coroutine = 0x5000'0000'0f00;
    machine.call(user_stack, 0x11, 0x100);
    machine.call(user_stack - 0x10, 0x22, 0x200);  // swapcontext
    machine.ret(coroutine, 0x5000);                // its first function
    CHECK(machine.callers().empty());
    machine.call(coroutine - 0x10, 0x51, 0x5100);
    machine.call(coroutine - 0x20, 0x52, 0x200);  // swapcontext
    machine.ret(user_stack - 0x10, 0x22);
    CHECK(machine.callers() == Callers{0x11});
    machine.call(user_stack - 0x10, 0x22, 0x200);
    machine.ret(coroutine - 0x20, 0x52);
    CHECK(machine.callers() == Callers{0x51});
    CHECK(machine.stacks.counts().fresh == 1);
    CHECK(machine.stacks.counts().matched == 2);
}

TEST_CASE("random calls, returns, entries and switches never break the stacks") {
    std::mt19937 random(7);
    Machine machine;
    machine.stacks.start(random() % 2 == 0, asid);
    const auto slot = [&] { return (0x10000 + random() % 8 * 0x1000 + random() % 32 * 0x80) & ~uint64_t{7}; };
    for (unsigned step = 0; step < 200'000; ++step) {
        switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                machine.call(slot(), random() % 64, random() % 64);
                break;
            case 3:
            case 4:
                machine.ret(slot(), random() % 64);
                break;
            case 5:
                if (machine.stacks.in_user())
                    machine.enter(FrameKind::system_call, random() % 64, slot(), random() % 2 == 0);
                else
                    machine.stacks.enter_from_kernel({FrameKind::interrupt, 1, random() % 64, 0, slot()},
                                                     ++machine.instr);
                break;
            case 6:
                machine.leave(random() % 64, slot(), random() % 4 * 0x1000);
                break;
            default:
                random() % 2 == 0 ? machine.stacks.settle(slot(), machine.instr)
                                  : machine.stacks.leave_to_kernel(slot(), machine.instr);
                break;
        }
        if (step % 64 == 0) {
            CHECK(machine.callers().size() < 100'000);
            machine.stacks.innermost();
            machine.stacks.thread();
        }
    }
    const ReturnCounts& counts = machine.stacks.counts();
    CHECK(counts.total() > 0);
}

namespace {

// A block with this code, which is one instruction, after a nop.
trace::BlockDefinition block_of(uint64_t pc, std::initializer_list<unsigned> code,
                                uint64_t flags = 3 | 1 << 15) {
    trace::BlockDefinition block;
    block.pc = pc;
    block.flags = flags;
    block.code.push_back(std::byte{0x90});
    for (const unsigned byte : code)
        block.code.push_back(std::byte(byte));
    block.guest_size = static_cast<uint32_t>(block.code.size());
    block.instruction_offsets = {0, 1};
    return block;
}

FlowKind kind_of(std::initializer_list<unsigned> code, bool wide = true) {
    trace::BlockTable table;
    table.append(block_of(0x1000, code, wide ? 3 | 1 << 15 : 1 << 4));
    return flow_of(table[0]).kind;
}

}  // namespace

TEST_CASE("a block's last instruction says how it ends") {
    CHECK(kind_of({0xe8, 1, 0, 0, 0}) == FlowKind::call);
    CHECK(kind_of({0xe8, 0, 0, 0, 0}) == FlowKind::plain);  // where am I?
    CHECK(kind_of({0xff, 0xd0}) == FlowKind::call);         // call *%rax
    CHECK(kind_of({0x41, 0xff, 0x14, 0x24}) == FlowKind::call);
    CHECK(kind_of({0xff, 0xe0}) == FlowKind::indirect_jump);
    CHECK(kind_of({0x3e, 0xff, 0xe0}) == FlowKind::indirect_jump);  // notrack
    CHECK(kind_of({0xff, 0x30}) == FlowKind::plain);                // push
    CHECK(kind_of({0xc3}) == FlowKind::ret);
    CHECK(kind_of({0xf3, 0xc3}) == FlowKind::ret);
    CHECK(kind_of({0xc2, 4, 0}) == FlowKind::ret);
    CHECK(kind_of({0x48, 0xcb}) == FlowKind::ret);
    CHECK(kind_of({0x48, 0xcf}) == FlowKind::interrupt_return);
    CHECK(kind_of({0x0f, 0xaa}) == FlowKind::interrupt_return);
    CHECK(kind_of({0x0f, 0x05}) == FlowKind::plain);
    CHECK(kind_of({0x9a, 0, 0, 0, 0, 0, 0}, false) == FlowKind::call);
    CHECK(kind_of({0x48, 0xcb}, false) ==
          FlowKind::plain);  // dec %eax, and what follows is another instruction
    CHECK(kind_of({}) == FlowKind::plain);
    CHECK(kind_of({0x66, 0x66}) == FlowKind::plain);
}

namespace {

trace::MemoryOperation operation(bool store) {
    trace::MemoryOperation made;
    made.instruction = 1;
    made.store = store;
    return made;
}

struct Watch : trace::IgnoresAfterAccesses {
    static constexpr trace::PassNeeds needs = trace::PassNeeds::accesses;
    explicit Watch(const trace::PassState& state) : follower(state) {}
    void on_block(const trace::BlockExecution& block) {
        follower.on_block(block);
        size_t depth = 0;
        follower.stacks().walk([&](const Frame&) { return ++depth, true; });
        depths.push_back(depth);
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        follower.on_accesses(block, accesses);
    }
    void on_event(const trace::Event& event) { follower.on_event(event); }
    void append(Watch&&) {}
    StackFollower follower;
    std::vector<size_t> depths;
};

}  // namespace

TEST_CASE("stacks follow a trace") {
    const trace_tests::TemporaryFile file;
    {
        trace::WriterOptions options;
        options.memory = trace::MemoryColumns::values;
        trace::TraceHeader header;
        header.architecture = "x86_64";
        trace::TraceWriter writer(file.path(), header, options);
        auto caller = block_of(0x1000, {0xe8, 1, 0, 0, 0});
        caller.operations = {operation(true)};
        auto callee = block_of(0x2000, {0xc3});
        callee.operations = {operation(false)};
        const uint32_t call = writer.define_block(caller);
        const uint32_t ret = writer.define_block(callee);
        const uint32_t plain = writer.define_block(block_of(0x1006, {0x90}));
        const uint64_t push[] = {user_stack, 0x1006};
        const uint64_t pop[] = {user_stack};
        for (unsigned round = 0; round < 3; ++round) {
            writer.append(call, push);
            writer.append(ret, pop);
            writer.append(plain, push);  // no words
        }
        writer.finish();
    }
    trace::TraceReader reader(file.path());
    const auto result =
        trace::run_pass(reader, {.threads = 1}, [](const trace::PassState& state) { return Watch(state); });
    CHECK(result.analyzer.depths == std::vector<size_t>{0, 1, 0, 0, 1, 0, 0, 1, 0});
    CHECK(result.analyzer.follower.stacks().counts().matched == 3);
    CHECK(result.analyzer.follower.stacks().counts().total() == 3);
}

TEST_CASE("lists of taps are read as PANDA's tap_points.txt") {
    const auto taps =
        parse_taps("401000 0x401010 0\n\n  ffffffff81000000\tffffffff81000010 1000 \r\n", "taps");
    REQUIRE(taps.size() == 2);
    CHECK(taps[0] == Tap{0x401000, 0x401010, 0});
    CHECK(taps[1] == Tap{0xffffffff81000000, 0xffffffff81000010, 0x1000});
    CHECK(parse_taps("", "taps").empty());
    for (const char* const wrong : {"1 2", "1 2 3 4", "1 2 x", "1 2 3z", "1 -2 3", "10000000000000000 1 1"})
        CHECK_THROWS_AS(parse_taps(wrong, "taps"), FileError);
}

TEST_CASE("a tap has the innermost caller, and the kernel no address space") {
    Machine machine;
    machine.stacks.start(true, asid);
    CHECK(tap_of(machine.stacks, 0x100, asid) == Tap{0, 0x100, asid});
    machine.call(user_stack, 0x11, 0x100);
    CHECK(tap_of(machine.stacks, 0x100, asid) == Tap{0x11, 0x100, asid});
    machine.enter(FrameKind::system_call, 0x150, user_stack - 0x20);
    CHECK(tap_of(machine.stacks, 0x900, asid) == Tap{0, 0x900, 0});
    machine.call(kernel_stack, 0x91, 0x9000);
    CHECK(tap_of(machine.stacks, 0x900, asid) == Tap{0x91, 0x900, 0});
}
