// Names of addresses: this program's own ELF files, and a kernel made by hand.
#include <dlfcn.h>
#include <link.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "common/error.h"
#include "kernelinfo_builders.h"
#include "osi/events.h"
#include "osi/symbols/elf_file.h"
#include "osi/symbols/guest_elf.h"
#include "osi/symbols/place.h"
#include "osi/symbols/symbol_files.h"
#include "osi/symbols/symbol_index.h"
#include "osi/symbols/symbolizer.h"
#include "osi_fake_guest.h"
#include "tests/unit/effort.h"

using namespace panda;
using namespace panda::osi;

namespace {

// Reads this process, as if it were a guest's.
bool read_self(uint64_t address, std::span<std::byte> out) {
    static std::ifstream memory("/proc/self/mem", std::ios::binary);
    memory.clear();
    memory.seekg(static_cast<std::streamoff>(address));
    memory.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    return static_cast<bool>(memory);
}

// Where a library is loaded: its first byte, and its path.
struct Loaded {
    uint64_t base;
    std::string path;
};
Loaded library_of(const void* address) {
    Dl_info info{};
    REQUIRE(dladdr(address, &info) != 0);
    return {reinterpret_cast<uint64_t>(info.dli_fbase), info.dli_fname};
}

std::string self() {
    return std::filesystem::read_symlink("/proc/self/exe");
}

}  // namespace

// Its line is looked for, so it must not be inlined, nor have another name.
extern "C" __attribute__((noinline, used)) unsigned panda_symbols_test_function(unsigned value) {
    return value * 3 + 1;  // this line
}
static constexpr unsigned function_line = __LINE__ - 3;

TEST_CASE("an address belongs to the nearest symbol that reaches to it") {
    SymbolIndex index;
    index.add(0x100, 0x20, "sized", SymbolIndex::global);
    index.add(0x108, 0, "label", SymbolIndex::local);
    index.add(0x200, 0, "unsized", SymbolIndex::global);
    index.add(0x300, 0x10, "weak", SymbolIndex::weak);
    index.add(0x300, 0x10, "strong", SymbolIndex::global);
    index.add(0x300, 0x10, "second", SymbolIndex::global);
    index.finish();
    CHECK_FALSE(index.find(0xff));
    CHECK(index.find(0x100)->name == "sized");
    CHECK(index.find(0x11f)->name == "sized");
    CHECK(index.find(0x2ff)->name == "unsized");
    CHECK(index.find(0x30f)->name == "strong");
    CHECK(index.find(0x310)->name == "unsized");
    CHECK(index.address_of("weak") == 0x300);
    CHECK_FALSE(index.address_of("other"));
}

TEST_CASE("a library that is mapped names its functions without its file") {
    for (const auto* const function :
         {reinterpret_cast<const void*>(&std::fputs), reinterpret_cast<const void*>(&dladdr),
          reinterpret_cast<const void*>(static_cast<double (*)(double)>(&std::cbrt))}) {
        Dl_info info{};
        REQUIRE(dladdr(function, &info) != 0);
        const Loaded library = library_of(function);
        const auto elf = read_guest_elf(read_self, library.base);
        REQUIRE(elf);
        CHECK(elf->complete);
        const auto hit = elf->symbols.find(reinterpret_cast<uint64_t>(function) - library.base);
        REQUIRE(hit);
        // Several names have this address.
        CHECK(library.base + hit->start ==
              reinterpret_cast<uint64_t>(dlsym(RTLD_DEFAULT, std::string(hit->name).c_str())));
        const ElfFile file(library.path);
        CHECK(elf->build_id == file.build_id());
        CHECK(elf->segments == file.segments());
        CHECK(file.symbols().find(reinterpret_cast<uint64_t>(function) - library.base)->start == hit->start);
    }
}

TEST_CASE("a file names functions and lines") {
    ElfFile file(self());
    CHECK(file.has_symtab());
    const SymbolIndex symbols = file.symbols();
    const auto address = symbols.address_of("panda_symbols_test_function");
    REQUIRE(address);
    CHECK(symbols.find(*address + 1)->name == "panda_symbols_test_function");
    REQUIRE(file.has_lines());
    const auto line = file.line(*address);
    REQUIRE(line);
    CHECK(short_name(line->file) == "osi_symbols_test.cc");
    CHECK(line->line >= function_line);
    CHECK(line->line <= function_line + 1);
    CHECK_FALSE(file.line(1));
    CHECK_THROWS_AS(ElfFile("/proc/self/cmdline"), FileError);
    CHECK_THROWS_AS(ElfFile("/nowhere"), FileError);
}

TEST_CASE("files are found by path and by build id") {
    namespace fs = std::filesystem;
    const fs::path top = fs::temp_directory_path() / ("panda-symbols-" + std::to_string(::getpid()));
    fs::create_directories(top / "usr/bin");
    fs::create_directories(top / "elsewhere");
    const std::string id = ElfFile(self()).build_id();
    fs::create_symlink(self(), top / "usr/bin/demo");
    CHECK(SymbolFiles({top}).find("/usr/bin/demo", id));
    CHECK(SymbolFiles({top}).find("/usr/bin/demo", {}));
    CHECK_FALSE(SymbolFiles({top}).find("/usr/bin/other", {}));
    CHECK_FALSE(SymbolFiles({top}).find("/../../../usr/bin/demo", {}));
    CHECK_FALSE(SymbolFiles({}).find("/usr/bin/demo", id));
    if (!id.empty()) {
        CHECK_FALSE(SymbolFiles({top}).find("/usr/bin/demo", "00112233"));
        fs::copy_file(self(), top / "elsewhere/anything");
        CHECK(SymbolFiles({"/nowhere", top}).find("/bin/renamed", id));
    }
    fs::remove_all(top);
}

TEST_CASE("a damaged header names less, and nothing breaks") {
    const Loaded library = library_of(reinterpret_cast<const void*>(&dladdr));
    // The file's pages, as they are mapped, and a few bytes that are not.
    Bytes image(size_t{1} << 16);
    for (size_t page = 0; page < image.size(); page += 4096)
        read_self(library.base + page, std::span(image).subspan(page, 4096));
    std::mt19937 random(3);
    unsigned named = 0;
    for (unsigned round = 0; round < rounds_of_effort(300); ++round) {
        Bytes damaged = image;
        for (unsigned flips = random() % 8; flips > 0; --flips)
            damaged[random() % 0x400] ^= std::byte(1u << random() % 8);
        const auto elf = read_guest_elf(
            [&](uint64_t address, std::span<std::byte> out) {
                if (address - 0x10000 >= damaged.size() || out.size() > damaged.size() - (address - 0x10000))
                    return false;
                std::copy_n(damaged.begin() + static_cast<ptrdiff_t>(address - 0x10000), out.size(),
                            out.begin());
                return true;
            },
            0x10000);
        named += elf ? 1 : 0;
    }
    CHECK(named > 0);
}

TEST_CASE("C++ names are written as C++") {
    CHECK(demangle("_ZNSt6vectorIiSaIiEE9push_backEOi") ==
          "std::vector<int, std::allocator<int> >::push_back(int&&)");
    CHECK(demangle("main") == "main");
    CHECK(demangle("_Znonsense(") == "_Znonsense(");
    CHECK(demangle("_Z" + std::string(100'000, 'P')).size() == 100'002);
    CHECK(to_text({"/usr/bin/demo", "main", 4, {"/src/demo.c", 7}}) == "main+0x4 [demo] demo.c:7");
    CHECK(to_text({"/usr/bin/demo", "", 0x1234, {}}) == "[demo+0x1234]");
    CHECK(to_text({"[vdso]", "__vdso_time", 0, {}}) == "__vdso_time+0x0 [vdso]");
    CHECK(to_text({"", "", 0x99, {}}) == "0x99");
    CHECK(function_text({"kernel", "schedule", 3, {}}) == "schedule [kernel]");
}

namespace {

// A provider that knows a kernel, and a module that is loaded later.
class FewSymbols final : public Provider {
  public:
    List<KernelSymbol> kernel_symbols(const Point&) const override {
        return {{{0x30, 0, 'A', "per_cpu"},
                 {0xffffffff81000000, 0, 'T', "_text"},
                 {0xffffffff81000100, 0, 'T', "first"},
                 {0xffffffff81000100, 0, 't', "alias"},
                 {0xffffffff81000200, 0, 'B', "_end"}},
                {}};
    }
    List<Module> modules(const Point&) const override {
        return loaded ? List<Module>{{{1, 0xffffffffc0000000, 0x1000, "extra"}}, {}} : List<Module>{};
    }
    List<KernelSymbol> module_symbols(const Point&, const Module&) const override {
        return {{{0xffffffffc0000010, 0x20, 't', "of_module"}}, {}};
    }
    List<ProcessHandle> process_handles(const Point&) const override { return {}; }
    List<Process> processes(const Point&) const override { return {}; }
    std::optional<Process> process(const Point&, const ProcessHandle&) const override { return std::nullopt; }
    List<Thread> threads(const Point&, const ProcessHandle&) const override { return {}; }
    ProcessDetails details(const Point&, const ProcessHandle&) const override { return {}; }
    List<std::string> arguments(const Point&, const ProcessHandle&) const override { return {}; }
    List<std::string> environment(const Point&, const ProcessHandle&) const override { return {}; }
    std::optional<ProcessHandle> current_process_handle(const Point&) const override { return std::nullopt; }
    std::optional<Thread> current_thread(const Point&) const override { return std::nullopt; }
    List<Mapping> mappings(const Point&, const ProcessHandle&) const override { return {}; }
    List<OpenFile> files(const Point&, const ProcessHandle&) const override { return {}; }
    std::optional<OpenFile> file(const Point&, const ProcessHandle&, int64_t) const override {
        return std::nullopt;
    }
    std::unique_ptr<EventWatch> watch(EventListener&) const override { return nullptr; }

    bool loaded = false;
};

}  // namespace

TEST_CASE("the kernel and its modules have names") {
    test::FakeGuest guest(0);
    FewSymbols provider;
    Symbolizer symbolizer;
    const auto name = [&](uint64_t address) {
        return to_text(symbolizer.place(provider, guest.point(), {}, address));
    };
    CHECK(name(0xffffffff81000180) == "first+0x80 [kernel]");
    CHECK(name(0xffffffffc0000018) == "[kernel+0xffffffffc0000018]");
    provider.loaded = true;
    CHECK(name(0xffffffffc0000018) == "[kernel+0xffffffffc0000018]");  // the page was looked for already
    CHECK(name(0xffffffffc0001018) == "[kernel+0xffffffffc0001018]");  // now the module is known
    CHECK(name(0xffffffffc0000018) == "of_module+0x8 [extra]");
    CHECK(symbolizer.locate(provider, guest.point(), {}, 0xffffffff81000101).function ==
          symbolizer.locate(provider, guest.point(), {}, 0xffffffff810001ff).function);
    CHECK(name(0x400000) == "0x400000");
    symbolizer.forget_all();
    CHECK(name(0xffffffffc0000018) == "of_module+0x8 [extra]");
}
