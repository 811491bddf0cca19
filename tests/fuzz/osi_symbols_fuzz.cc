// ELF files as a guest has them mapped, and as files.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "common/error.h"
#include "osi/symbols/elf_file.h"
#include "osi/symbols/guest_elf.h"
#include "osi/symbols/place.h"

using namespace panda;

namespace {

constexpr uint64_t base = 0x400000;

void read_mapped(std::span<const std::byte> image) {
    const auto elf = osi::read_guest_elf(
        [&](uint64_t address, std::span<std::byte> out) {
            if (address - base >= image.size() || out.size() > image.size() - (address - base))
                return false;
            std::copy_n(image.begin() + static_cast<ptrdiff_t>(address - base), out.size(), out.begin());
            return true;
        },
        base);
    if (!elf)
        return;
    for (uint64_t address = 0; address < 0x2000; address += 0x101)
        if (const auto hit = elf->symbols.find(address))
            osi::demangle(std::string(hit->name));
    osi::address_of_offset(elf->segments, 0x123);
}

void read_as_file(std::span<const std::byte> image) {
    const int descriptor = ::memfd_create("elf", 0);
    if (descriptor < 0 ||
        ::write(descriptor, image.data(), image.size()) != static_cast<ssize_t>(image.size()))
        return;
    try {
        osi::ElfFile file("/proc/self/fd/" + std::to_string(descriptor));
        const osi::SymbolIndex symbols = file.symbols();
        for (uint64_t address = 0; address < 0x2000; address += 0x101) {
            symbols.find(address);
            file.line(address);
        }
    } catch (const Error&) {
        // refused
    }
    ::close(descriptor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span image(reinterpret_cast<const std::byte*>(data), size);
    if (size == 0)
        return 0;
    data[0] % 2 == 0 ? read_mapped(image.subspan(1)) : read_as_file(image.subspan(1));
    return 0;
}
