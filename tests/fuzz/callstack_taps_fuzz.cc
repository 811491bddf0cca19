// Lists of tap points.
#include "analyzers/callstack/tap.h"
#include "common/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        panda::callstack::parse_taps({reinterpret_cast<const char*>(data), size}, "taps");
    } catch (const panda::Error&) {
        // refused
    }
    return 0;
}
