// The binary files that PANDA's plugins write of taps: numbers in the host's byte order, without padding.
#pragma once

#include <cstdint>
#include <string>

#include "analyzers/callstack/tap.h"
#include "common/bytes.h"
#include "common/file.h"
#include "trace/types.h"

namespace panda::taps {

class TapFile {
  public:
    // Creates the file, over an existing one. header: of the trace; addresses have 4 bytes in files about an i386 machine,
    // else 8. Throws FileError.
    TapFile(const std::string& path, const trace::TraceHeader& header);

    // Writes the size of an address as 4 bytes, with which most of the files start.
    void write_address_size() { write_u32(address_size_); }
    // Writes caller, pc and asid.
    void write_tap(const callstack::Tap& tap);
    void write_u16(uint16_t value) { write(&value, sizeof(value)); }
    void write_u32(uint32_t value) { write(&value, sizeof(value)); }
    void write_u64(uint64_t value) { write(&value, sizeof(value)); }
    // Writes what is left, and closes the file. Throws FileError.
    void close();

  private:
    void write(const void* data, size_t size);
    void write_address(uint64_t address) { write(&address, address_size_); }  // the low bytes come first

    OutputFile file_;
    Bytes buffer_;
    uint32_t address_size_;
};

// `sum` + `more`, or the largest number if that is more than 32 bits hold.
inline uint32_t add_saturating(uint32_t sum, uint64_t more) {
    const uint64_t whole = sum + more;
    return whole > ~uint32_t{0} ? ~uint32_t{0} : static_cast<uint32_t>(whole);
}

}  // namespace panda::taps
