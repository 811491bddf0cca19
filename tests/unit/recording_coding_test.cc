// The codings of the log's columns, on their own.
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <limits>

#include "common/compression.h"
#include "tests/unit/recording_helpers.h"

using namespace panda;
using namespace panda::recording;
using namespace panda::recording::test;

namespace {

struct Sample {
    uint64_t instr;
    uint64_t value;
};

Bytes encode_values(const std::vector<Sample>& samples) {
    ScaleFinder finder;
    for (const Sample& sample : samples)
        finder.add(sample.value);
    ValueEncoder encoder(finder.scale());
    for (const Sample& sample : samples)
        encoder.put(sample.value, sample.instr);
    ByteWriter out;
    encoder.finish(out);
    return out.take();
}

void check_values(const std::vector<Sample>& samples) {
    const Bytes coded = encode_values(samples);
    ByteReader in(coded);
    ValueDecoder decoder(in);
    REQUIRE(in.at_end());
    for (const Sample& sample : samples)
        REQUIRE(decoder.get(sample.instr) == sample.value);
    REQUIRE(decoder.at_end());
}

}  // namespace

TEST_CASE("bits come back in any grouping") {
    std::mt19937_64 random(1);
    std::vector<std::pair<uint64_t, unsigned>> groups;
    BitWriter writer;
    for (int i = 0; i < 5000; ++i) {
        const auto count = static_cast<unsigned>(random() % 65);
        const uint64_t bits = count == 0 ? 0 : random() >> (64 - count);
        groups.emplace_back(bits, count);
        writer.put(bits, count);
    }
    const auto finished = writer.finish();
    const Bytes bytes(finished.begin(), finished.end());
    BitReader reader(bytes);
    for (const auto& [bits, count] : groups)
        REQUIRE(reader.get(count) == bits);
    CHECK(reader.at_end());
}

TEST_CASE("values come back whatever they are") {
    check_values({});
    check_values(std::vector<Sample>(100, {0, 0}));
    constexpr uint64_t most = std::numeric_limits<uint64_t>::max();
    check_values({{0, most},
                  {0, 0},
                  {1, most - 1},
                  {1, 1},
                  {most, most},
                  {most, uint64_t{1} << 63},
                  {most, 0xdf},
                  {most, 0xe0},
                  {most, 0xff},
                  {most, most >> 1}});
    std::mt19937_64 random(2);
    std::vector<Sample> samples;
    uint64_t instr = 0;
    for (int i = 0; i < 100000; ++i) {
        instr += random() >> (20 + random() % 44);
        const uint64_t value = random() >> (random() % 64);
        samples.push_back(
            {instr, random() % 3 == 0 && !samples.empty() ? samples.back().value + value % 100 : value});
    }
    check_values(samples);
}

TEST_CASE("a clock costs little more than its noise, whatever is read between") {
    std::mt19937_64 random(3);
    std::vector<Sample> samples;
    uint64_t instr = 0;
    uint64_t clock = uint64_t{1} << 45;
    constexpr int reads = 20000;
    for (int i = 0; i < reads; ++i) {
        const uint64_t step = 100 + random() % 2000;
        instr += step;
        clock += 12 * step + random() % 256;  // 8 bits of noise
        samples.push_back({instr, clock});
        samples.push_back({instr, i % 3 == 0 ? 0xffffffffu : 0xfee00000u});
    }
    check_values(samples);
    CHECK(compress(encode_values(samples), 3).size() < reads * 13 / 8);
}

TEST_CASE("a clock that goes in steps costs no more than the steps") {
    std::mt19937_64 random(5);
    std::vector<Sample> samples;
    uint64_t instr = 0;
    uint64_t clock = 12345;
    constexpr int reads = 20000;
    constexpr uint64_t distances[] = {257, 344, 1902};
    for (int i = 0; i < reads; ++i) {
        const unsigned place = i % 3;
        instr += distances[place];
        clock += 26 * (40 * (place + 1) + random() % 4);  // 2 bits of noise
        samples.push_back({instr, clock});
    }
    check_values(samples);
    CHECK(compress(encode_values(samples), 3).size() < reads * 4 / 8);
}

TEST_CASE("constant and descending columns come back") {
    check_values(std::vector<Sample>(100, {7, 0x123456789}));
    check_values({{0, 900}, {1, 600}, {2, 300}, {3, 0}});
    check_values({{0, 0}, {1, 300}, {2, 900}, {3, 300}});
    check_values({{0, 1000}, {1, 1000}, {2, uint64_t{1} << 63}, {3, std::numeric_limits<uint64_t>::max()}});
    CHECK(encode_values(std::vector<Sample>(100, {7, 0x123456789})).size() < 16);
}

TEST_CASE("a log chunk of a boot's usual entries stays small and decodes fast") {
    std::mt19937_64 random(4);
    LogBatch batch(0, 0);
    uint64_t instr = 0;
    constexpr int characters = 50000;
    for (int i = 0; i < characters; ++i) {  // a serial console: poll the line status, now and then a clock
        for (int poll = 0; poll < 3; ++poll)
            batch.add(EntryKind::port_read, {instr += 23, 0}, poll == 2 ? 0x60 : 0, 1, {});
        instr += 140;
        if (i % 50 == 0)
            batch.add(EntryKind::interrupt, {instr += random() % 5000, 0}, 2, 0xec, {});
    }
    const EncodedLog log = encode_log(batch);
    CHECK(compress(log.raw, 3).size() < 8000);  // 150000 reads, 1000 interrupts

    const auto start = std::chrono::steady_clock::now();
    LogDecoder decoder(log.raw, {});
    Entry entry;
    uint64_t entries = 0;
    while (decoder.next(entry))
        ++entries;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    CHECK(entries == batch.entries());
    UNSCOPED_INFO(entries / seconds.count() / 1e6 << " M entries/s");
    CHECK(entries / seconds.count() > 5e5);  // 20 M/s and more, optimised, on an idle machine
}
