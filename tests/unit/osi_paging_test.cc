#include <array>
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "osi/x86_paging.h"
#include "osi_fake_guest.h"

using namespace panda::osi;
using panda::osi::test::FakeMemory;

TEST_CASE("the mode follows from the control registers") {
    panda::trace::CpuState cpu;
    CHECK(paging_of(cpu) == Paging::none);
    cpu.cr0 = 0x80000001;
    CHECK(paging_of(cpu) == Paging::two_level);
    cpu.cr4 = 0x20;
    CHECK(paging_of(cpu) == Paging::pae);
    cpu.efer = 0x500;
    CHECK(paging_of(cpu) == Paging::four_level);
    cpu.cr4 |= 0x1000;
    CHECK(paging_of(cpu) == Paging::five_level);
}

TEST_CASE("32-bit paging: 4 KiB and 4 MiB pages, and those beyond 4 GiB") {
    FakeMemory memory(0x10000);
    memory.put<uint32_t>(0x1000 + 768 * 4, 0x2003);    // 0xc0000000: a table
    memory.put<uint32_t>(0x2000 + 5 * 4, 0x7003);      // 0xc0005000: a page
    memory.put<uint32_t>(0x1000 + 4 * 4, 0x00c00083);  // 0x01000000: 4 MiB at 0xc00000
    memory.put<uint32_t>(0x1000 + 8 * 4, 0x00c02083);  // 0x02000000: 4 MiB at 0x100c00000 (PSE-36)
    const AddressSpace space(memory, 0x1018, Paging::two_level);
    CHECK(space.translate(0xc0005123) == 0x7123);
    CHECK(space.translate(0x01234567) == 0xe34567);
    CHECK(space.translate(0x02234567) == 0x100e34567);
    CHECK_FALSE(space.translate(0xc0006000));
    CHECK_FALSE(space.translate(0));
    CHECK_FALSE(space.translate(0x1c0005123));
}

TEST_CASE("PAE paging") {
    FakeMemory memory(0x10000);
    memory.put<uint64_t>(0x1020 + 3 * 8, 0x2001);              // 0xc0000000
    memory.put<uint64_t>(0x2000 + 1 * 8, 0x3003);              // 0xc0200000: a table
    memory.put<uint64_t>(0x3000 + 7 * 8, 0x8000000012345003);  // no-execute
    memory.put<uint64_t>(0x2000 + 2 * 8, 0x400083);            // 0xc0400000: 2 MiB
    const AddressSpace space(memory, 0x1020, Paging::pae);
    CHECK(space.translate(0xc0207abc) == 0x12345abc);
    CHECK(space.translate(0xc05fffff) == 0x5fffff);
    CHECK_FALSE(space.translate(0x80000000));
}

TEST_CASE("four and five levels: pages of every size") {
    FakeMemory memory(0x10000);
    memory.put<uint64_t>(0x1000 + 511 * 8, 0x2003);  // level 5
    memory.put<uint64_t>(0x2000 + 511 * 8, 0x3003);  // level 4
    memory.put<uint64_t>(0x3000 + 510 * 8, 0x4003);  // level 3
    memory.put<uint64_t>(0x3000 + 509 * 8, 0x40000083);
    memory.put<uint64_t>(0x4000 + 8 * 8, 0x5003);  // level 2
    memory.put<uint64_t>(0x4000 + 9 * 8, 0x8000000000a00183);
    memory.put<uint64_t>(0x5000 + 1 * 8, 0x6003);
    for (const auto& space : {AddressSpace(memory, 0x1fff, Paging::five_level),
                              AddressSpace(memory, 0x2fff, Paging::four_level)}) {
        CHECK(space.translate(0xffffffff81001234) == 0x6234);
        CHECK(space.translate(0xffffffff81234567) == 0xa34567);
        CHECK(space.translate(0xffffffff40123456) == 0x40123456);
        CHECK_FALSE(space.translate(0xffffffff81002000));
        CHECK_FALSE(space.translate(0x00ffffff81001234));
    }
}

TEST_CASE("reads cross pages and stop at holes") {
    FakeMemory memory(0x10000);
    memory.put<uint32_t>(0x1000, 0x2003);
    memory.put<uint32_t>(0x2000 + 4, 0x8003);
    memory.put<uint32_t>(0x2000 + 8, 0x5003);
    memory.put_text(0x8ffc, "abcd");
    memory.put_text(0x5000, "efgh");
    const AddressSpace space(memory, 0x1000, Paging::two_level);
    std::array<char, 8> text;
    REQUIRE(space.read(0x1ffc, std::as_writable_bytes(std::span(text))));
    CHECK(std::string(text.data(), 8) == "abcdefgh");
    CHECK_FALSE(space.read(0x2ffc, std::as_writable_bytes(std::span(text))));
    CHECK_FALSE(space.read(0xffc, std::as_writable_bytes(std::span(text))));
}

TEST_CASE("a walk through garbage page tables ends") {
    std::mt19937_64 random(1);
    FakeMemory memory(0x10000);
    for (uint64_t at = 0; at < memory.bytes.size(); at += 8)
        memory.put<uint64_t>(at, (random() & 0xffff) | (random() % 4 == 0 ? random() : 0));
    unsigned found[5] = {};
    for (unsigned round = 0; round < 20000; ++round)
        for (const Paging paging : {Paging::two_level, Paging::pae, Paging::four_level, Paging::five_level})
            found[static_cast<int>(paging)] += AddressSpace(memory, random() & 0xffff, paging)
                                                   .translate(random() >> random() % 64)
                                                   .has_value();
    for (const Paging paging : {Paging::two_level, Paging::pae, Paging::four_level, Paging::five_level}) {
        CHECK(found[static_cast<int>(paging)] > 0);
        CHECK(found[static_cast<int>(paging)] < 20000);
    }
}
