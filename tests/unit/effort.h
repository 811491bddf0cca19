// How many rounds a test with random input runs.
#pragma once

namespace panda {

// Under sanitizers a test is 5 to 20 times slower, and the fuzzers test the same, so it runs a quarter of the
// rounds.
#if defined(__has_feature)  // clang
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define PANDA_SANITIZED
#endif
#endif
#if defined(PANDA_SANITIZED) || defined(__SANITIZE_ADDRESS__)
inline constexpr unsigned effort_divisor = 4;
#else
inline constexpr unsigned effort_divisor = 1;
#endif

// rounds: in a build without sanitizers. Returns at least 1.
constexpr unsigned rounds_of_effort(unsigned rounds) {
    return (rounds + effort_divisor - 1) / effort_divisor;
}

}  // namespace panda
