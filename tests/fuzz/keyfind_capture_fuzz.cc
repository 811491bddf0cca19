// Captures of packets, and the TLS sessions in them.
#include "analyzers/keyfind/capture.h"
#include "analyzers/keyfind/secret_test.h"
#include "analyzers/keyfind/tls_session.h"
#include "common/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace panda::keyfind;
    try {
        for (const Connection& connection : read_capture(std::as_bytes(std::span(data, size)), "capture")) {
            std::string why;
            if (const auto session = find_session(connection, why))
                test_secret(*session, Octets(secret_size(*session)));
        }
    } catch (const panda::Error&) {
        // refused
    }
    return 0;
}
