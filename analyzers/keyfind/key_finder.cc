#include "analyzers/keyfind/key_finder.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <tuple>
#include <utility>

namespace panda::keyfind {
namespace {

// Whether a number may be the end of a secret. Small numbers and addresses are most of what passes by; one random number in
// 32,768 looks like them.
bool may_be_end(std::span<const uint8_t> part) {
    if (part.size() < 4)
        return true;
    const uint8_t high = part.back();
    return (high != 0 && high != 0xff) || part[part.size() - 2] != high;
}

}  // namespace

KeyFinder::KeyFinder(const std::vector<TlsSession>& sessions) : sessions_(&sessions), seen_(seen_size) {
    for (const TlsSession& session : sessions)
        sizes_.insert(secret_size(session));
}

void KeyFinder::take(const taps::TapAccess& access) {
    const size_t number = size_t{access.tap} * 2 + (access.write ? 1 : 0);
    if (number >= streams_.size())
        streams_.resize(number + number / 2 + 64);
    auto& stream = streams_[number];
    if (!stream)
        stream = std::make_unique<Tail>();
    try_ends(access, *stream, access.bytes());
    try_ends(access, run_of(access), access.bytes());
}

KeyFinder::Tail& KeyFinder::run_of(const taps::TapAccess& access) {
    Runs& runs = runs_[access.write ? 1 : 0];
    const uint64_t asid = access.state.asid();
    const uint64_t end = access.access.address + access.size();
    for (MemoryRun& run : runs.runs)
        if (run.end == access.access.address && run.asid == asid) {
            run.end = end;
            return run.tail;
        }
    MemoryRun& run = runs.runs[runs.next++ % run_count];
    run.end = end;
    run.asid = asid;
    run.tail.clear();
    return run.tail;
}

// Adds an access's bytes, and tries what ends with them.
void KeyFinder::try_ends(const taps::TapAccess& access, Tail& tail, std::span<const uint8_t> bytes) {
    constexpr size_t step = 8;
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(step, bytes.size()))) {
        const auto part = bytes.first(std::min(step, bytes.size()));
        tail.add(part);
        if (may_be_end(part))
            try_tail(access, tail);
    }
}

void KeyFinder::try_tail(const taps::TapAccess& access, const Tail& tail) {
    for (const size_t size : sizes_) {
        const auto bytes = tail.last(size);
        if (!bytes.empty() && looks_random(bytes))
            try_bytes(access, bytes);
    }
}

void KeyFinder::try_bytes(const taps::TapAccess& access, std::span<const uint8_t> bytes) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (const auto hit = hits_.find(text); hit != hits_.end()) {
        for (const size_t number : hit->second)
            ++found_[number].taps[{access.tap, access.write}];
        return;
    }
    const uint64_t hash = std::hash<std::string>()(text) | 1;  // 0 is an empty place
    uint64_t& seen = seen_[(hash >> 1) % seen_size];
    if (std::exchange(seen, hash) == hash)
        return;
    ++tried_;
    for (size_t session = 0; session < sessions_->size(); ++session) {
        if (secret_size((*sessions_)[session]) != bytes.size())
            continue;
        for (const SecretKind kind : test_secret((*sessions_)[session], bytes)) {
            hits_[text].push_back(found_.size());
            found_.push_back({session, kind, {bytes.begin(), bytes.end()}, access.instr, {}});
            ++found_.back().taps[{access.tap, access.write}];
        }
    }
}

std::vector<FoundSecret> KeyFinder::found() const {
    std::vector<FoundSecret> sorted = found_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const FoundSecret& a, const FoundSecret& b) {
        return std::tie(a.session, a.kind) < std::tie(b.session, b.kind);
    });
    return sorted;
}

bool looks_random(std::span<const uint8_t> bytes) {
    // 32 random bytes have 30.1 different ones with a deviation of 1.3, and 48 have 43.8 with 1.9.
    constexpr size_t tenths = 7;
    std::array<uint64_t, 4> set{};
    for (const uint8_t byte : bytes)
        set[byte / 64] |= uint64_t{1} << byte % 64;
    size_t different = 0;
    for (const uint64_t word : set)
        different += static_cast<size_t>(std::popcount(word));
    return different * 10 >= bytes.size() * tenths;
}

}  // namespace panda::keyfind
