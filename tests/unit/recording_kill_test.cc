// A recorder that is killed at any moment leaves a file that opens, or whose error says why it is useless.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "tests/unit/recording_helpers.h"

using namespace panda;
using namespace panda::recording;
using namespace panda::recording::test;

namespace {

constexpr uint64_t entries_per_chunk = 1000;

uint64_t value_at(uint64_t number) {
    return number * number * 977;
}

[[noreturn]] void record_forever(const std::string& path) {
    RecordingWriter writer(path, sample_facts, sample_blocks);
    write_sample_snapshot(writer);
    for (uint64_t number = 0;; ++number) {
        writer.append(EntryKind::time_stamp, {number, 0}, value_at(number));
        if (number % entries_per_chunk == entries_per_chunk - 1)
            writer.flush();
    }
}

// Kills the recorder after this time, but not before its file has this many bytes.
void record_and_kill(const std::string& path, std::chrono::microseconds after, uint64_t size) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
        record_forever(path);
    std::this_thread::sleep_for(after);
    while (size > 0 && (!std::filesystem::exists(path) || std::filesystem::file_size(path) < size))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

// Returns how many entries were read. The file must hold whole chunks of what was written.
uint64_t check_prefix(const RecordingReader& reader) {
    uint64_t number = 0;
    LogCursor log = reader.log();
    for (const Entry* entry = log.peek(); entry != nullptr; entry = log.peek()) {
        if (entry->position.instr != number || entry->value != value_at(number))
            FAIL("entry " << number << " is not what was written");
        ++number;
        log.pop();
    }
    CHECK(number % entries_per_chunk == 0);
    CHECK(reader.last_position().instr == (number == 0 ? 0 : number - 1));
    return number;
}

}  // namespace

TEST_CASE("a recording survives kill -9 at any moment") {
    const TemporaryDirectory directory;
    std::mt19937_64 random(30);
    for (int round = 0; round < 20; ++round) {
        const std::string path = directory.file("killed" + std::to_string(round));
        record_and_kill(path, std::chrono::microseconds(random() % 40000), 0);
        if (!std::filesystem::exists(path))
            continue;
        try {
            const RecordingReader reader(path);
            CHECK_FALSE(reader.complete());
            check_prefix(reader);
        } catch (const FileError& error) {
            const std::string reason = error.what();
            CAPTURE(reason);
            CHECK((reason.ends_with("is empty") || reason.find("truncated") != std::string::npos ||
                   reason.find("before its snapshot was complete") != std::string::npos));
        }
    }
    const std::string path = directory.file("late");
    record_and_kill(path, std::chrono::seconds(0), 6 << 20);  // behind the snapshot's 4 MiB
    CHECK(check_prefix(RecordingReader(path)) > 0);
}
