// The log of lifted blocks: what is written is read, and what is damaged is refused.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "analyzers/lift/run_log.h"
#include "common/error.h"

using namespace panda;
using namespace panda::lift;

namespace {

// A file of this test alone.
class LogFile {
  public:
    LogFile() : path_(std::filesystem::temp_directory_path() / ("lift-log-" + std::to_string(getpid()))) {}
    ~LogFile() { std::filesystem::remove(path_); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

std::vector<std::byte> written(const std::vector<LogRecord>& records) {
    const LogFile file;
    LogWriter writer(file.path(), IfExists::refuse);
    for (const LogRecord& record : records)
        writer.write(record);
    writer.close();
    std::ifstream in(file.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

std::vector<LogRecord> read(std::span<const std::byte> bytes) {
    LogReader reader(bytes, "log");
    std::vector<LogRecord> records;
    while (const auto record = reader.next())
        records.push_back(*record);
    return records;
}

std::string complaint(std::span<const std::byte> bytes) {
    try {
        read(bytes);
    } catch (const FileError& error) {
        return error.what();
    }
    return "";
}

const std::vector<LogRecord> sample = {{LogKind::block, 1, 3, 17, 1234567890123},
                                       {LogKind::load, 8, 0, 0, 0xffffffff81000000},
                                       {LogKind::branch, 1, 0, 0, 0},
                                       {LogKind::store, 16, 0, 0, 0x7fff00001000},
                                       {LogKind::branch, 0, 0, 0, 0},
                                       {LogKind::block, 0, 65535, UINT32_MAX, UINT64_MAX}};

}  // namespace

TEST_CASE("a log is read as it was written") {
    CHECK(read(written(sample)) == sample);
    CHECK(read(written({})).empty());
    // More than the writer keeps in memory.
    std::vector<LogRecord> many;
    std::mt19937_64 random(7);
    for (size_t i = 0; i < 20000; ++i)
        many.push_back(i % 3 == 0 ? LogRecord{LogKind::block, 1, 2, static_cast<uint32_t>(random()), random()}
                                  : LogRecord{LogKind::load, 4, 0, 0, random()});
    CHECK(read(written(many)) == many);
}

TEST_CASE("a log has the bytes that its manual page says") {
    const auto bytes = written({sample[0], sample[1]});
    const std::string expected(
        "PANDALLT\1\0\0\0\0\0\0\0\1\1\3\0\x11\0\0\0\xcb\x04\xfb\x71\x1f\x01\0\0\2\x8\0\0\0\0\0\0\0\0\0\x81"
        "\xff\xff\xff\xff",
        48);
    CHECK(std::ranges::equal(bytes, std::as_bytes(std::span(expected))));
}

TEST_CASE("a log that is damaged is refused, with the place") {
    const auto good = written(sample);
    CHECK(complaint(std::span(good).first(15)).find("is not a log") != std::string::npos);
    CHECK(complaint(std::span(good).first(40)).find("offset 32: the last record is cut short") !=
          std::string::npos);
    const auto changed = [&](size_t at, uint8_t value) {
        auto bytes = good;
        bytes[at] = std::byte{value};
        return complaint(bytes);
    };
    CHECK(changed(0, 'Q').find("is not a log") != std::string::npos);
    CHECK(changed(8, 2).find("version 2") != std::string::npos);
    CHECK(changed(16, 5).find("offset 16: is not a record") != std::string::npos);
    CHECK(changed(16, 2).find("offset 16") != std::string::npos);  // a load with the number of a block
    CHECK(changed(33, 0).find("offset 32: is not a record") != std::string::npos);
    CHECK(changed(33, 17).find("offset 32: is not a record") != std::string::npos);
    CHECK(changed(49, 2).find("offset 48: is not a record") != std::string::npos);
    auto headless = good;
    headless.erase(headless.begin() + 16, headless.begin() + 32);
    CHECK(complaint(headless).find("belongs to no block") != std::string::npos);
}
