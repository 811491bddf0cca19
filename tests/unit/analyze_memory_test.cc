// panda-analyze memory and memdump on traces of known content.
#include <elf.h>

#include <catch2/catch_test_macros.hpp>
#include <set>
#include <sstream>

#include "analyzers/memdump/dump.h"
#include "analyzers/memdump/notes.h"
#include "analyzers/memory/find.h"
#include "analyzers/memory/history.h"
#include "analyzers/memory/memory_report.h"
#include "tests/unit/json_lines.h"
#include "tests/unit/trace_generator.h"
#include "tests/unit/trace_store_machine.h"
#include "trace/moment/moment.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;
using namespace panda::analyze_memory;
using namespace panda::analyze_memdump;

// 16 pages of RAM at 0, 2 of ROM far up. Virtual page 0x400 is physical page 5, by page tables in pages 1 to
// 4; a store puts 0x1122334455667788 at 0x400010; VMCOREINFO is in page 9.
struct Sample {
    static constexpr uint64_t rom = 0xfffe0000;

    Sample() {
        put(1 * page_size, uint64_t{0x2003});
        put(2 * page_size, uint64_t{0x3003});
        put(3 * page_size + 2 * 8, uint64_t{0x4003});
        put(4 * page_size, uint64_t{0x5003});
        const std::string info = "OSRELEASE=6.1.0\nPAGESIZE=4096\nKERNELOFFSET=0\n";
        std::memcpy(memory.data() + 9 * page_size, info.data(), info.size());
        std::memcpy(memory.data() + 5 * page_size, "Hello, memory", 13);
        TraceHeader header;
        header.architecture = "x86_64";
        header.memory_blocks = {{"ram", 16 * page_size}, {"rom", 2 * page_size}};
        WriterOptions options;
        options.memory = MemoryColumns::values;
        TraceWriter writer(file.path(), header, options);
        writer.memory_map(
            {0, {{0, 16 * page_size, 0, 0, RangeKind::ram}, {rom, 2 * page_size, 0, 1, RangeKind::rom}}});
        CpuState cpu;
        cpu.cr0 = uint64_t{1} << 31;
        cpu.cr3 = 0x1000;
        cpu.cr4 = 1 << 5;
        cpu.efer = 1 << 10;
        cpu.general[rbx] = 77;
        writer.snapshot(cpu, [this](uint32_t block) { return span(block); }, SnapshotKind::full);
        writer.begin_chunk({cpu, {{0x400, 5, 0}}});
        BlockDefinition block;
        block.pc = 0xabc0;
        block.guest_size = 2;
        block.instruction_offsets = {0, 1};
        block.operations.resize(1);
        block.operations[0].instruction = 1;
        block.operations[0].store = true;
        const uint32_t id = writer.define_block(block);
        const uint64_t words[] = {0x400010, 0x1122334455667788};
        writer.append(id, words);
        writer.append(id, words);
        writer.finish();
    }
    std::span<const std::byte> span(uint32_t block) const {
        return block == 0 ? std::span<const std::byte>(memory) : std::span<const std::byte>(rom_content);
    }
    void put(uint64_t address, uint64_t value) { std::memcpy(memory.data() + address, &value, 8); }

    TemporaryFile file;
    Bytes memory = Bytes(16 * page_size);
    Bytes rom_content = Bytes(2 * page_size, std::byte{0xee});
};

TEST_CASE("memory is read by virtual and by physical address, before and after a store") {
    const Sample sample;
    TraceReader reader(sample.file.path());
    const Moment before(reader, 1);
    const Moment after(reader, 2);
    std::ostringstream out;
    write_hex_dump(out, 0x400000, read_memory(before, {}, 0x400000, 29));
    CHECK(out.str() ==
          "0000000000400000  48 65 6c 6c 6f 2c 20 6d  65 6d 6f 72 79 00 00 00  |Hello, memory...|\n"
          "0000000000400010  00 00 00 00 00 00 00 00  00 00 00 00 00           |.............|\n");
    CHECK(read_memory(after, {}, 0x400010, 1)[0] == std::byte{0x88});
    CHECK(read_memory(after, {true, std::nullopt}, 5 * page_size + 16, 1)[0] == std::byte{0x88});
    CHECK(read_memory(after, {false, 0x1000}, 0x400010, 1)[0] == std::byte{0x88});
    CHECK_THROWS_AS(read_memory(after, {}, 0x400ff8, 16), Error);  // the next page is not mapped
    CHECK_THROWS_AS(read_memory(after, {true, std::nullopt}, 16 * page_size, 1), Error);
    std::ostringstream json;
    write_json(json, 2, 0x400010, read_memory(after, {}, 0x400010, 4));
    CHECK(json.str() == "{\"kind\":\"memory\",\"instr\":2,\"address\":\"0x400010\",\"data\":\"88776655\"}\n");
}

TEST_CASE("the last write is found through the page tables") {
    const Sample sample;
    TraceReader reader(sample.file.path());
    const LastWrite last = analyze_memory::find_last_write(reader, {}, 0x400017, 1, reader.end_instr());
    REQUIRE(last.write);
    CHECK(last.write->instr == 3);
    CHECK(last.write->pc == 0xabc1);
    CHECK(analyze_memory::find_last_write(reader, {}, 0x400017, 1, 3).write->instr == 1);
    CHECK_FALSE(analyze_memory::find_last_write(reader, {}, 0x400017, 1, 1).write);
    CHECK_FALSE(analyze_memory::find_last_write(reader, {}, 0x400018, 8, reader.end_instr()).write);
    CHECK(analyze_memory::find_last_write(reader, {}, 0x40000f, 2, reader.end_instr()).write);
    std::ostringstream out;
    write_text(out, last, reader.header(), {});
    CHECK(out.str() == "instr 3  pc 0xabc1  store  address 0x400010  8 bytes  value 0x1122334455667788\n");
}

TEST_CASE("patterns are bytes, texts and values") {
    const auto bytes = [](std::initializer_list<unsigned> list) {
        Bytes made;
        for (const unsigned byte : list)
            made.push_back(static_cast<std::byte>(byte));
        return made;
    };
    CHECK(parse_pattern("de:AD:0", PatternForm::guess).size() == 7);  // a text
    CHECK(parse_pattern("de:AD:00", PatternForm::guess) == bytes({0xde, 0xad, 0}));
    CHECK(parse_pattern("dead", PatternForm::bytes) == bytes({0xde, 0xad}));
    CHECK(parse_pattern("dead", PatternForm::guess).size() == 4);
    CHECK(parse_pattern("0x1234", PatternForm::guess) == bytes({0x34, 0x12}));
    CHECK(parse_pattern("0x00001234", PatternForm::guess) == bytes({0x34, 0x12, 0, 0}));
    CHECK(parse_pattern("258", PatternForm::number) == bytes({2, 1, 0, 0, 0, 0, 0, 0}));
    CHECK(parse_pattern("258", PatternForm::text).size() == 3);
    CHECK_THROWS_AS(parse_pattern("", PatternForm::guess), UsageError);
    CHECK_THROWS_AS(parse_pattern("de:a", PatternForm::bytes), UsageError);
    CHECK_THROWS_AS(parse_pattern("x", PatternForm::number), UsageError);
    CHECK_THROWS_AS(parse_pattern(std::string(5000, 'x'), PatternForm::text), UsageError);
}

TEST_CASE("bytes are found in memory, by physical and by virtual address") {
    const Sample sample;
    TraceReader reader(sample.file.path());
    const Moment moment(reader, 2, MomentReads::most);
    const auto hello = find_now(moment, 0x1000, parse_pattern("Hello, memory", PatternForm::guess));
    REQUIRE(hello.size() == 1);
    CHECK(hello[0].physical == 5 * page_size);
    CHECK(hello[0].virtuals == std::vector<uint64_t>{0x400000});
    CHECK(find_now(moment, 0x1000, parse_pattern("0x1122334455667788", PatternForm::guess)).size() == 1);
    CHECK(find_now(moment, 0x1000, parse_pattern("ee:ee", PatternForm::guess)).size() == 2 * page_size - 1);
    CHECK(find_now(moment, 0x1000, parse_pattern("nowhere", PatternForm::guess)).empty());
}

TEST_CASE("a history is read through the page tables, and printed") {
    const Sample sample;
    TraceReader reader(sample.file.path());
    HistoryQuery query;
    query.pieces = pieces_at(Moment(reader, 1), {}, 0x400014, 2);
    std::ostringstream out;
    HistoryWriter writer(out, false, reader.header(), nullptr);
    search_history(reader, query, [&](const PieceAccess& access) { writer.write(access); });
    CHECK(out.str() ==
          "instr 1  write  0x400010  8 bytes  value 0x1122334455667788  pc 0xabc1\n"
          "instr 3  write  0x400010  8 bytes  value 0x1122334455667788  pc 0xabc1\n");
    CHECK_THROWS_AS(pieces_at(Moment(reader, 1), {}, 0x400014, 0), UsageError);
    CHECK_THROWS_AS(pieces_at(Moment(reader, 1), {}, 0x400ff8, 16), Error);
}

TEST_CASE("bytes are found wherever they were at any instr") {
    std::mt19937_64 random(8);
    for (const uint64_t seed : {160u, 161u, 162u}) {
        const TemporaryFile file;
        StoreMachine machine(seed);
        WriterOptions options;
        options.chunk_blocks = 50;
        machine.write(file.path(), options, 250);
        TraceReader reader(file.path());
        for (const size_t size : {1u, 2u, 3u}) {
            const Bytes late = machine.memory_at(1, machine.end_instr() / 2);
            Bytes pattern;
            while (pattern.empty() || pattern[0] == std::byte{0}) {
                const size_t place = random() % (late.size() - size);
                pattern.assign(late.begin() + static_cast<std::ptrdiff_t>(place),
                               late.begin() + static_cast<std::ptrdiff_t>(place + size));
            }
            std::vector<Lifetime> lifetimes;
            CHECK(find_ever(
                reader, {}, pattern, [](uint64_t) {},
                [&](const Lifetime& lifetime) { lifetimes.push_back(lifetime); }));
            // An access is seen behind its instruction, and what a device wrote before the one that follows.
            const auto seen_from = [](const Lifetime::Cause& cause, bool device) {
                return device ? cause.instr : cause.instr + 1;
            };
            for (uint64_t instr = 0; instr <= machine.end_instr(); instr += 1 + random() % 3) {
                std::set<std::pair<uint32_t, uint64_t>> expected;
                for (uint32_t block = 0; block < 3; ++block) {
                    const Bytes bytes = machine.memory_at(block, instr);
                    for (auto at = bytes.begin();
                         (at = std::search(at, bytes.end(), pattern.begin(), pattern.end())) != bytes.end();
                         ++at)
                        expected.emplace(block, static_cast<uint64_t>(at - bytes.begin()));
                }
                std::set<std::pair<uint32_t, uint64_t>> found, unclear;
                for (const Lifetime& one : lifetimes) {
                    const bool begun = !one.begin || seen_from(*one.begin, one.begin->device) <= instr;
                    const bool over = one.end && seen_from(*one.end, one.end->device) <= instr;
                    if (begun && !over)
                        found.emplace(one.block, one.offset);
                    // The page walker writes in front of an instruction or in the middle of it.
                    for (const auto& cause : {one.begin, one.end})
                        if (cause && cause->pc == 0 && !cause->device && cause->instr == instr)
                            unclear.emplace(one.block, one.offset);
                }
                for (const auto& place : unclear) {
                    found.erase(place);
                    expected.erase(place);
                }
                REQUIRE(found == expected);
            }
        }
    }
}

TEST_CASE("a device's name that is not UTF-8 is mended in JSON") {
    TraceHeader header;
    header.devices = {{tests::broken_name, tests::broken_name, tests::broken_name}};
    LastWrite last;
    last.write = Write{};
    last.write->kind = WriteKind::transfer;
    last.write->device = 1;
    std::ostringstream out;
    write_json(out, last, header, {});
    const auto line = tests::parse_lines(out.str()).at(0);
    for (const char* name : {"device_model", "device_place", "device_kind"})
        CHECK(line[name] == tests::mended_name);
}

TEST_CASE("a raw dump is physical memory up to the end of RAM") {
    const Sample sample;
    const TemporaryFile dump;
    TraceReader reader(sample.file.path());
    {
        OutputFile file(dump.path(), IfExists::refuse);
        write_raw(file, Moment(reader, 1));
        file.close();
    }
    CHECK((read_file(dump.path()) == sample.memory));
}

TEST_CASE("an ELF dump has memory, registers and VMCOREINFO") {
    const Sample sample;
    const TemporaryFile dump;
    TraceReader reader(sample.file.path());
    {
        OutputFile file(dump.path(), IfExists::refuse);
        CHECK(write_elf(file, Moment(reader, 0), "x86_64"));
        file.close();
    }
    const Bytes bytes = read_file(dump.path());
    Elf64_Ehdr header;
    REQUIRE(bytes.size() > sizeof(header));
    std::memcpy(&header, bytes.data(), sizeof(header));
    CHECK(header.e_type == ET_CORE);
    CHECK(header.e_machine == EM_X86_64);
    REQUIRE(header.e_phnum == 3);
    Elf64_Phdr segments[3];
    std::memcpy(segments, bytes.data() + header.e_phoff, sizeof(segments));
    CHECK(segments[0].p_type == PT_NOTE);
    CHECK(segments[1].p_paddr == 0);
    CHECK(segments[2].p_paddr == Sample::rom);
    CHECK(segments[2].p_offset + segments[2].p_filesz == bytes.size());
    CHECK(std::equal(sample.memory.begin(), sample.memory.end(),
                     bytes.begin() + static_cast<ptrdiff_t>(segments[1].p_offset)));
    const std::string notes(reinterpret_cast<const char*>(bytes.data() + segments[0].p_offset),
                            segments[0].p_filesz);
    CHECK(notes.find("OSRELEASE=6.1.0") != std::string::npos);
    CHECK(notes.find("QEMU") != std::string::npos);
}

TEST_CASE("notes are of the sizes that tools expect") {
    CpuState cpu;
    cpu.general[rbx] = 77;
    const Bytes wide = prstatus64(cpu);
    CHECK(wide.size() == 336);
    CHECK(wide[112 + 5 * 8] == std::byte{77});
    CHECK(prstatus32(cpu).size() == 144);
    CHECK(prstatus32(cpu)[72] == std::byte{77});
    const Bytes qemu = qemu_cpu_state(cpu);
    uint32_t size = 0;
    std::memcpy(&size, qemu.data() + 4, 4);
    CHECK(size == qemu.size());
}

}  // namespace
