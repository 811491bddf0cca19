// What panda-analyze memdump writes, for tools that are not of this project.
#include <elf.h>
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>

#include "analyzers/memdump/dump.h"
#include "analyzers/memdump/kernel_image.h"
#include "analyzers/memdump/vmcoreinfo.h"
#include "tests/unit/osi_fake_guest.h"
#include "tests/unit/trace_generator.h"
#include "trace/moment/moment.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;
using namespace panda::analyze_memdump;
using osi::test::FakeGuest;

constexpr uint64_t four_gib = uint64_t{1} << 32;
constexpr uint64_t mib = uint64_t{1} << 20;

// A trace that is only a snapshot: 16 pages of RAM at 0, the next 2 pages of ROM, and as much RAM as asked for
// at `high`. Every page of RAM begins with its number, but for those that are zero.
struct Sample {
    explicit Sample(const CpuState& cpu, uint64_t high = four_gib, uint64_t high_pages = 2)
        : high_content(high_pages * page_size) {
        for (uint64_t page = 1; page < 16; page += 3)
            std::memcpy(memory.data() + page * page_size, &page, sizeof page);
        std::memset(high_content.data() + page_size, 0x77, 16);
        TraceHeader header;
        header.architecture = "x86_64";
        header.memory_blocks = {
            {"ram", memory.size()}, {"rom", 2 * page_size}, {"high", high_content.size()}};
        WriterOptions options;
        options.memory = MemoryColumns::values;
        TraceWriter writer(file.path(), header, options);
        writer.memory_map({0,
                           {{0, memory.size(), 0, 0, RangeKind::ram},
                            {memory.size(), 2 * page_size, 0, 1, RangeKind::rom},
                            {high, high_content.size(), 0, 2, RangeKind::ram}}});
        const Bytes rom(2 * page_size, std::byte{0xee});
        writer.snapshot(
            cpu,
            [&](uint32_t block) {
                return std::span<const std::byte>(block == 0 ? memory : block == 1 ? rom : high_content);
            },
            SnapshotKind::full);
        writer.finish();
    }

    TemporaryFile file;
    Bytes memory = Bytes(16 * page_size);
    Bytes high_content;
};

CpuState cpu_of(uint64_t cr0, uint64_t cr4, uint64_t efer) {
    CpuState cpu;
    cpu.cr0 = cr0;
    cpu.cr4 = cr4;
    cpu.efer = efer;
    return cpu;
}
const CpuState real_mode = cpu_of(0, 0, 0);
const CpuState pae_mode = cpu_of(0x80000001, 0x20, 0);
const CpuState long_mode = cpu_of(0x80000001, 0x20, 0x500);

template <typename Write>
void write_dump(const TemporaryFile& dump, const Sample& sample, Write write) {
    TraceReader reader(sample.file.path());
    const Moment moment(reader, 0);
    OutputFile file(dump.path(), IfExists::refuse);
    write(file, moment);
    file.close();
}

TEST_CASE("a raw dump has holes where there is nothing but zeros") {
    const Sample sample(long_mode, four_gib + mib, 1024);
    const TemporaryFile dump;
    write_dump(dump, sample, write_raw);
    struct stat status;
    REQUIRE(::stat(dump.path().c_str(), &status) == 0);
    CHECK(static_cast<uint64_t>(status.st_size) == four_gib + 5 * mib);
    CHECK(status.st_blocks * 512 < static_cast<int64_t>(mib));
    const MappedFile content(dump.path());
    CHECK(std::ranges::equal(content.bytes().first(sample.memory.size()), sample.memory));
    CHECK(std::ranges::equal(content.bytes().subspan(four_gib + mib), sample.high_content));
}

TEST_CASE("a LiME dump has a header for each range of RAM") {
    const Sample sample(long_mode);
    const TemporaryFile dump;
    write_dump(dump, sample, write_lime);
    const Bytes bytes = read_file(dump.path());
    struct Header {
        uint32_t magic, version;
        uint64_t first, last, reserved;
    };
    static_assert(sizeof(Header) == 32);
    REQUIRE(bytes.size() == 2 * sizeof(Header) + 18 * page_size);
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    CHECK(std::memcmp(bytes.data(), "EMiL", 4) == 0);
    CHECK(header.version == 1);
    CHECK(header.first == 0);
    CHECK(header.last == 16 * page_size - 1);
    CHECK(header.reserved == 0);
    CHECK(std::equal(sample.memory.begin(), sample.memory.end(), bytes.begin() + sizeof header));
    const size_t second = sizeof header + 16 * page_size;
    std::memcpy(&header, bytes.data() + second, sizeof header);
    CHECK(header.first == four_gib);
    CHECK(header.last == four_gib + 2 * page_size - 1);
    CHECK(std::equal(sample.high_content.begin(), sample.high_content.end(),
                     bytes.begin() + static_cast<ptrdiff_t>(second + sizeof header)));
}

TEST_CASE("the class of an ELF dump follows the mode that the processor is in") {
    struct Want {
        CpuState cpu;
        uint64_t high;
        const char* architecture;
        unsigned elf_class, machine;
    };
    for (const Want& want : {Want{long_mode, four_gib, "x86_64", ELFCLASS64, EM_X86_64},
                             Want{long_mode, mib, "i386", ELFCLASS64, EM_X86_64},
                             Want{pae_mode, mib, "x86_64", ELFCLASS32, EM_386},
                             Want{pae_mode, four_gib - 2 * page_size, "x86_64", ELFCLASS32, EM_386},
                             Want{pae_mode, four_gib, "i386", ELFCLASS64, EM_386},
                             Want{real_mode, mib, "x86_64", ELFCLASS64, EM_X86_64},
                             Want{real_mode, mib, "i386", ELFCLASS32, EM_386}}) {
        const Sample sample(want.cpu, want.high);
        const TemporaryFile dump;
        write_dump(dump, sample, [&](OutputFile& file, const Moment& moment) {
            CHECK_FALSE(write_elf(file, moment, want.architecture));
        });
        const Bytes bytes = read_file(dump.path());
        CAPTURE(want.high, want.architecture);
        CHECK(bytes[EI_CLASS] == std::byte(want.elf_class));
        uint16_t machine = 0;
        std::memcpy(&machine, bytes.data() + offsetof(Elf64_Ehdr, e_machine), sizeof machine);
        CHECK(machine == want.machine);
    }
}

TEST_CASE("the kernel's image and the end of the direct map cut memory into parts") {
    const trace::PhysicalMemory::Range ranges[] = {{0, 0x1000}, {0x10000, 0x90000}, {0x100000, 0x140000}};
    const DirectMap direct{0xc0000000, {{0, 0x1000}, {0x10000, 0x80000}}};
    CHECK(memory_parts(ranges, {}, {}) ==
          std::vector<MemoryPart>{{0, 0x1000, 0}, {0x10000, 0x80000, 0}, {0x100000, 0x40000, 0}});
    CHECK(memory_parts(ranges, {0xffff0000, 0x20000, 0x10000}, direct) ==
          std::vector<MemoryPart>{{0, 0x1000, 0xc0000000},
                                  {0x10000, 0x10000, 0xc0010000},
                                  {0x20000, 0x10000, 0xffff0000},
                                  {0x30000, 0x50000, 0xc0030000},
                                  {0x80000, 0x10000, 0},
                                  {0x100000, 0x40000, 0}});
    // An image that reaches over the end of its range.
    CHECK(memory_parts(ranges, {0xffff0000, 0x88000, 0x10000}, {}) ==
          std::vector<MemoryPart>{
              {0, 0x1000, 0}, {0x10000, 0x78000, 0}, {0x88000, 0x8000, 0xffff0000}, {0x100000, 0x40000, 0}});
}

// VMCOREINFO of the fake guest, whose image is at physical 0.
std::string vmcoreinfo(const std::string& release, uint64_t text) {
    char lines[400];
    std::snprintf(lines, sizeof lines,
                  "OSRELEASE=%s\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=%lx\nSYMBOL(swapper_pg_dir)=%lx\n"
                  "SYMBOL(_stext)=%lx\nNUMBER(phys_base)=%ld\n",
                  release.c_str(), text + 0x9000, text + FakeGuest::top_table, text,
                  static_cast<long>(0xffffffff80000000 - text));
    return lines;
}

TEST_CASE("VMCOREINFO is that of the kernel that runs") {
    FakeGuest guest(0x2da00000);
    const uint64_t text = FakeGuest::image_base + guest.slide;
    guest.memory.put_text(0x9004, "Linux");
    guest.memory.put_text(0x9004 + 130, "6.1.0-test");
    const std::string running = vmcoreinfo("6.1.0-test", text);
    const auto found = [&] { return find_vmcoreinfo(guest.memory, guest.cpu); };
    // Dead ones, which are first in memory: elsewhere, and at the same place but of another release.
    guest.memory.put_text(0xa1000, vmcoreinfo("6.1.0-test", text - 0x1000000));
    guest.memory.put_text(0xa2000, vmcoreinfo("6.1.0-dead", text));
    CHECK_FALSE(found());
    guest.memory.put_text(0xa3000, running);
    CHECK(found() == running);
    // The registers lead elsewhere, or to nothing yet.
    guest.cpu.lstar = text - 0x1000;
    CHECK_FALSE(found());
    guest.cpu.lstar = text + 0x1080;
    guest.cpu.cr0 = 1;
    CHECK_FALSE(found());
    // A text that does not say where its kernel is.
    guest.memory.put_text(0xa5000, "OSRELEASE=4.9.0\nPAGESIZE=4096\n");
    CHECK(found() == "OSRELEASE=4.9.0\nPAGESIZE=4096\n");
    guest.cpu.cr0 = 0x80050033;
    CHECK(found() == running);
}

TEST_CASE("VMCOREINFO is found in user mode under page table isolation") {
    FakeGuest guest(0);
    const uint64_t text = FakeGuest::image_base;
    guest.memory.put_text(0x9004 + 130, "6.1.0-test");
    guest.memory.put_text(0xa3000, vmcoreinfo("6.1.0-test", text));
    guest.cpu.cr3 |= 0x1880;  // the user half of a pair of tables, with PCID bits; it is empty
    CHECK(find_vmcoreinfo(guest.memory, guest.cpu));
}

TEST_CASE("where all of memory is mapped is found in the kernel's page table") {
    const FakeGuest guest(0x2da00000);
    const auto map = find_direct_map(guest.memory, guest.cpu,
                                     vmcoreinfo("6.1.0-test", FakeGuest::image_base + guest.slide));
    REQUIRE(map);
    CHECK(map->address == FakeGuest::direct_base);
    REQUIRE(map->mapped.size() == 1);
    CHECK(map->mapped[0].start == 0);
    CHECK(map->mapped[0].end == guest.memory.bytes.size());
    CHECK_FALSE(find_direct_map(guest.memory, guest.cpu, "OSRELEASE=6.1.0\n"));
}

}  // namespace
