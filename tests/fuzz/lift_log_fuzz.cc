// Logs of panda-analyze llvm_trace.
#include "analyzers/lift/run_log.h"
#include "common/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        panda::lift::LogReader reader(std::as_bytes(std::span(data, size)), "log");
        while (reader.next()) {
        }
    } catch (const panda::Error&) {
        // refused
    }
    return 0;
}
