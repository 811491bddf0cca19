// What useafterfree knows without a guest: heaps, functions, and pointers that keep blocks.
#include "analyzers/useafterfree/heap.h"

#include <catch2/catch_test_macros.hpp>

#include "analyzers/useafterfree/allocators.h"
#include "analyzers/useafterfree/leaks.h"
#include "common/error.h"
#include "osi_fake_guest.h"

namespace {

using namespace panda;
using namespace panda::useafterfree;
using panda::osi::test::FakeMemory;

TEST_CASE("a block that was given back is found by each of its bytes, until it is handed out again") {
    Heap heap;
    heap.allocate({0x1000, 64, {1, 0}});
    heap.allocate({0x2000, 0, {2, 0}});
    CHECK(heap.freed_at(0x1000, 8) == nullptr);
    CHECK(heap.release(0x1000, {3, 0}) == Release::done);
    CHECK(heap.release(0x1000, {4, 0}) == Release::twice);
    CHECK(heap.release(0x1010, {4, 0}) == Release::unknown);
    for (const uint64_t address : {0x0ff9, 0x1000, 0x103f})
        CHECK((heap.freed_at(address, 8) != nullptr && heap.freed_at(address, 8)->freed.instr == 3));
    CHECK(heap.freed_at(0x0ff8, 8) == nullptr);
    CHECK(heap.freed_at(0x1040, 8) == nullptr);
    CHECK(heap.release(0x2000, {5, 0}) == Release::done);
    CHECK(heap.freed_at(0x2000, 1) != nullptr);
    heap.allocate({0x1020, 8, {6, 0}});
    CHECK(heap.freed_at(0x1000, 8) == nullptr);
    heap.unmap(0x2000, 0x3000);
    CHECK(heap.freed_at(0x2000, 1) == nullptr);
    CHECK(heap.allocated() == 3);
    // Blocks that no program can have.
    heap.allocate({~uint64_t{0} - 4, 64, {7, 0}});
    CHECK(heap.live().size() == 1);
}

TEST_CASE("functions are named on the command line with their arguments") {
    Allocators allocators;
    using Kind = Allocators::Kind;
    allocators.add(Kind::alloc, "pool::get:2", "--alloc");
    allocators.add(Kind::realloc, "0x401000:2:3", "--realloc");
    allocators.add_libc();
    CHECK(*allocators.find("pool::get(pool*, unsigned long)") == Allocator{.size = 2});
    CHECK(*allocators.find(uint64_t{0x401000}) == Allocator{.size = 3, .old = 2});
    CHECK(*allocators.find("__libc_calloc") == Allocator{.size = 2, .count = 1});
    CHECK(allocators.find("mallocx") == nullptr);
    CHECK(allocators.find(uint64_t{0x401001}) == nullptr);
    for (const char* wrong :
         {"", ":1", "f:", "f:0", "f:4", "f:12", "f:1:2", "0x", "0xfg", "0x11111111111111111"})
        CHECK_THROWS_AS(allocators.add(Kind::alloc, wrong, "--alloc"), UsageError);
    CHECK(bytes_of({.size = 2, .count = 1}, {3, 7, 0}) == 21);
    CHECK(bytes_of({.size = 2, .count = 1}, {uint64_t{1} << 40, uint64_t{1} << 40, 0}) == ~uint64_t{0});
}

// A page that can be written.
osi::Mapping mapping(uint64_t start, const char* name) {
    osi::Mapping result;
    result.start = start;
    result.end = start + 0x1000;
    result.permissions = "rw-p";
    result.name = name;
    return result;
}

TEST_CASE("blocks that no pointer leads to are lost") {
    // Physical memory is 32-bit paged: page 0x8000 holds data, 0x9000 a heap, 0xa000 a stack, at the same addresses.
    FakeMemory memory(0x10000);
    memory.put<uint32_t>(0x1000, 0x2003);
    for (uint32_t page = 8; page <= 10; ++page)
        memory.put<uint32_t>(0x2000 + page * 4, page << 12 | 3);
    const trace::AddressSpace space(memory, 0x1000, trace::Paging::two_level);
    Heap heap;
    for (uint64_t start = 0x9000; start < 0x9700; start += 0x100)
        heap.allocate({start, 32, {}});
    memory.put<uint32_t>(0x8010, 0x9000);       // from data
    memory.put<uint32_t>(0x9004, 0x9100);       // from a block that is reachable
    memory.put<uint32_t>(0x9204, 0x9300);       // from one that is lost
    memory.put<uint32_t>(0x9080, 0x9200);       // from the heap, between blocks
    memory.put<uint32_t>(0xa010, 0x9200);       // from below the stack pointer
    memory.put<uint32_t>(0xa100, 0x9400 + 16);  // the middle of a block, from the stack
    memory.put<uint32_t>(0x8020, 0x9600 + 40);  // behind the end of a block
    memory.put<uint32_t>(0x8022, 0x9600);       // not aligned
    const std::vector<osi::Mapping> mappings = {mapping(0x8000, ""), mapping(0x9000, "[heap]"),
                                                mapping(0xa000, "[stack]")};
    const std::vector<uint64_t> registers = {0x9500};
    std::vector<uint64_t> lost;
    for (const Block* block : unreachable(
             heap, space, {.mappings = mappings, .registers = registers, .stack_pointer = 0xa080, .word = 4}))
        lost.push_back(block->start);
    CHECK(lost == std::vector<uint64_t>{0x9200, 0x9300, 0x9600});
}

}  // namespace
