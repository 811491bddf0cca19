// Looks for the secrets of TLS sessions in what tap points read and write.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/keyfind/secret_test.h"
#include "analyzers/keyfind/tls_session.h"
#include "analyzers/taps/tap_pass.h"

namespace panda::keyfind {

// A secret that was found.
struct FoundSecret {
    size_t session = 0;  // its number
    SecretKind kind = SecretKind::master;
    Octets bytes;
    uint64_t instr = 0;  // when it passed by first
    // How often it passed by, by the tap that accessed its last byte, and whether that wrote.
    std::map<std::pair<uint32_t, bool>, uint64_t> taps;
};

// A sink for run_tap_pass(). A secret is tried wherever its length of bytes comes together, either in one tap's stream
// (a loop reads it) or in memory (several instructions beside each other do, such as an unrolled memcpy's), and ends at
// the end of an access, or 8 bytes before. Bytes that repeat too much for a random number are not tried, and none twice.
class KeyFinder {
  public:
    static constexpr auto wants = taps::Wants::values;

    // sessions: must outlive this.
    explicit KeyFinder(const std::vector<TlsSession>& sessions);

    void take(const taps::TapAccess& access);

    // What was found, in the order of sessions and kinds.
    std::vector<FoundSecret> found() const;
    // How many byte strings were tried.
    uint64_t tried() const { return tried_; }

  private:
    static constexpr size_t longest = 48;
    // The latest bytes of a stream, the last one at the end.
    class Tail {
      public:
        void add(std::span<const uint8_t> bytes) {
            if (end_ + bytes.size() > bytes_.size()) {
                const size_t keep = std::min(end_, longest);
                std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(end_ - keep),
                          bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.begin());
                end_ = keep;
            }
            std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(end_));
            end_ += bytes.size();
        }
        void clear() { end_ = 0; }
        // The last `size` bytes; empty if there are fewer.
        std::span<const uint8_t> last(size_t size) const {
            return size > end_ ? std::span<const uint8_t>() : std::span(bytes_).subspan(end_ - size, size);
        }

      private:
        std::array<uint8_t, 128> bytes_;
        size_t end_ = 0;
    };
    // Accesses beside each other in memory.
    struct MemoryRun {
        uint64_t end = 0;
        uint64_t asid = 0;
        Tail tail;
    };
    static constexpr size_t run_count = 8;
    struct Runs {
        std::array<MemoryRun, run_count> runs;
        size_t next = 0;
    };
    static constexpr size_t seen_size = 1 << 20;

    Tail& run_of(const taps::TapAccess& access);
    void try_ends(const taps::TapAccess& access, Tail& tail, std::span<const uint8_t> bytes);
    void try_tail(const taps::TapAccess& access, const Tail& tail);
    void try_bytes(const taps::TapAccess& access, std::span<const uint8_t> bytes);

    const std::vector<TlsSession>* sessions_;
    std::set<size_t> sizes_;                                     // of their secrets
    std::vector<std::unique_ptr<Tail>> streams_;                 // by tap and direction
    std::array<Runs, 2> runs_;                                   // by direction
    std::vector<uint64_t> seen_;                                 // hashes of what was tried lately
    std::unordered_map<std::string, std::vector<size_t>> hits_;  // numbers in found_, by bytes
    std::vector<FoundSecret> found_;
    uint64_t tried_ = 0;
};

// Whether bytes may be a random number: enough of them are different.
bool looks_random(std::span<const uint8_t> bytes);

}  // namespace panda::keyfind
