// The recorder: what it refuses, what it writes, and what happens when the disk is full.
#include <sys/resource.h>

#include <algorithm>
#include <catch2/generators/catch_generators.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/engine_helpers.h"

using namespace panda;
using namespace panda::engine;
using namespace panda::engine::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// No file may grow beyond this many bytes, as on a full disk.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit = {bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, SIG_DFL);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    rlimit before_{};
};

// What a block device would write and cannot be compressed, so that it fills the disk.
class WritingDevices : public CountingDevices {
  public:
    void act(FakeMachine& machine) override {
        if (!machine.recording() || machine.executed() % 64 != 0)
            return;
        std::vector<uint8_t> data(64 << 10);
        for (uint8_t& byte : data)
            byte = static_cast<uint8_t>(random_());
        machine.write_memory(0, 0x110000, data);
    }

  private:
    std::mt19937 random_;
};

}  // namespace

TEST_CASE("what devices load of kernel and initrd after power-on is not in the log") {
    const TemporaryDirectory directory;
    const auto kernel = recording::test::random_bytes(100000, 1);
    recording::test::write_file(directory.file("kernel"), kernel);
    recording::test::write_file(directory.file("initrd"), Bytes(100));
    const std::string kernel_file = directory.file("kernel");
    const std::string initrd_file = directory.file("initrd");
    const std::string gone = directory.file("gone");
    const bool at_power_on = GENERATE(true, false);
    const bool kernel_gone = GENERATE(true, false);

    FakeMachine machine("abp");
    machine.description.kernel = kernel_gone ? gone.c_str() : kernel_file.c_str();
    machine.description.initrd = initrd_file.c_str();
    Recorder recorder(50);
    machine.attach(&recorder);
    recorder.begin(directory.file("a"), IfExists::refuse, {}, at_power_on);
    ScriptedDevices devices;
    devices.at({20}, [&](FakeMachine& m) {
        const auto* bytes = reinterpret_cast<const uint8_t*>(kernel.data());
        m.write_memory(0, 0x110000, {bytes + 1024, bytes + kernel.size()});
    });
    machine.run(devices, 100);
    recorder.end();
    REQUIRE(devices.all_done());

    const bool expected = at_power_on && !kernel_gone;
    const recording::RecordingReader reader(directory.file("a"));
    CHECK(reader.constants().size() == (expected ? 1 : 0));
    CHECK((reader.statistics().log.stored_bytes < 2000) == expected);
    const auto entries = entries_of(directory.file("a"));
    CHECK(std::ranges::equal(entries[find(entries, EntryKind::memory_write)].data,
                             std::span(kernel).subspan(1024)));
}

TEST_CASE("a machine that cannot be recorded is refused, and goes on") {
    const TemporaryDirectory directory;
    FakeMachine machine("abp");
    Recorder recorder(50);
    std::string reason;
    SECTION("two processors") {
        machine.description.processors = 2;
        reason = "a machine of 2 processors cannot be recorded: start it with -smp 1";
    }
    SECTION("several threads") {
        machine.description.one_thread = false;
        reason = "thread=single";
    }
    SECTION("iothreads") {
        machine.description.has_iothreads = true;
        reason = "iothread";
    }
    CHECK_THROWS_WITH(recorder.begin(directory.file("a"), IfExists::refuse, {}), ContainsSubstring(reason));
    CHECK_FALSE(recorder.active());
    CHECK(machine.running());
    CHECK_FALSE(std::filesystem::exists(directory.file("a")));
}

TEST_CASE("an existing file is refused unless it is to be overwritten") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("a");
    std::ofstream(file) << "precious";
    FakeMachine machine("abp");
    Recorder recorder(50);
    machine.attach(&recorder);
    CHECK_THROWS_AS(recorder.begin(file, IfExists::refuse, {}), FileError);
    CHECK(machine.running());
    CHECK_FALSE(machine.recording());
    CHECK_FALSE(machine.counting());
    CHECK(std::filesystem::file_size(file) == 8);

    recorder.begin(file, IfExists::overwrite, {});
    CountingDevices devices;
    machine.run(devices, 100);
    const Outcome recorded = outcome_of(machine);
    recorder.end();
    check_same(recorded, replay(file));
}

TEST_CASE("a second begin is refused, and the recording goes on") {
    const TemporaryDirectory directory;
    FakeMachine machine("abp");
    Recorder recorder(50);
    machine.attach(&recorder);
    CountingDevices devices;
    recorder.begin(directory.file("a"), IfExists::refuse, {});
    machine.run(devices, 100);
    CHECK_THROWS_WITH(recorder.begin(directory.file("b"), IfExists::refuse, {}),
                      "a recording is under way already");
    CHECK_FALSE(std::filesystem::exists(directory.file("b")));
    machine.run(devices, 100);
    const Outcome recorded = outcome_of(machine);
    recorder.end();
    CHECK(recorded.path.size() >= 200);
    check_same(recorded, replay(directory.file("a")));
}

TEST_CASE("an end without begin is refused") {
    FakeMachine machine("abp");
    Recorder recorder(50);
    CHECK_THROWS_WITH(recorder.end(), "nothing is being recorded");
    CHECK(machine.running());
}

TEST_CASE("begin lets the machine go on as it was, end leaves it paused") {
    const TemporaryDirectory directory;
    const bool ran = GENERATE(true, false);
    FakeMachine machine("abp");
    if (!ran)
        glue_pause();
    Recorder recorder(50);
    machine.attach(&recorder);
    recorder.begin(directory.file("a"), IfExists::refuse, {});
    CHECK(machine.running() == ran);
    CHECK(machine.recording());
    recorder.end();
    CHECK_FALSE(machine.running());
    CHECK_FALSE(machine.recording());
    CHECK_FALSE(machine.counting());
    CHECK_FALSE(recorder.active());
}

TEST_CASE("facts of the machine and of the caller are in the recording") {
    const TemporaryDirectory directory;
    FakeMachine machine("abp");
    Recorder recorder(50);
    machine.attach(&recorder);
    recorder.begin(directory.file("a"), IfExists::refuse, {{"command", "ls"}, {"machine", "mine"}});
    recorder.end();
    const recording::RecordingReader reader(directory.file("a"));
    CHECK(reader.fact("command") == "ls");
    CHECK(reader.fact("machine") == "mine");
    CHECK(reader.fact("cpu-model") == "toy-cpu");
    CHECK(reader.fact("kernel-command-line") == "console=toy");
    CHECK(reader.fact("memory") == std::to_string(FakeMachine::ram_size));
    CHECK(reader.fact("qemu-version") == "10.0.0");
    CHECK(reader.fact("date").size() == 20);
    CHECK(reader.last_position() == Position{0, 0});
    replay(directory.file("a"));
}

TEST_CASE("the architecture in a recording is that of the guest, not of the emulator") {
    const TemporaryDirectory directory;
    const auto kernel_of = [&](const char* name, uint8_t flags) {
        Bytes kernel(0x1000);
        std::memcpy(kernel.data() + 0x202, "HdrS\x0f\x02", 6);
        kernel[0x236] = std::byte{flags};
        recording::test::write_file(directory.file(name), kernel);
        return directory.file(name);
    };
    const std::string wide = kernel_of("wide", 0x7f);
    const std::string narrow = kernel_of("narrow", 0x00);
    struct Want {
        uint64_t cr0, efer;
        const char* kernel;
        const char* architecture;
    };
    unsigned number = 0;
    for (const Want& want :
         {Want{0x80000001, 0x500, narrow.c_str(), "x86_64"}, Want{0x80000001, 0x100, wide.c_str(), "i386"},
          Want{0x80000001, 0, nullptr, "i386"}, Want{0x10, 0, narrow.c_str(), "i386"},
          Want{0x10, 0, wide.c_str(), "x86_64"}, Want{0x10, 0, "/no/such/kernel", "x86_64"},
          Want{0x10, 0, nullptr, "x86_64"}}) {
        CAPTURE(number);
        FakeMachine machine("abp");
        machine.processor().control.cr0 = want.cr0;
        machine.processor().msr.efer = want.efer;
        machine.description.kernel = want.kernel;
        Recorder recorder(50);
        machine.attach(&recorder);
        const std::string file = directory.file(std::to_string(number++));
        recorder.begin(file, IfExists::refuse, {});
        recorder.end();
        CHECK(recording::RecordingReader(file).fact("architecture") == want.architecture);
    }
}

TEST_CASE("a recording that cannot begin because the disk is full leaves the machine as it was") {
    const TemporaryDirectory directory;
    FakeMachine machine("abp");
    Recorder recorder(50);
    machine.attach(&recorder);
    {
        const FileSizeLimit limit(300);
        CHECK_THROWS_WITH(recorder.begin(directory.file("a"), IfExists::refuse, {}),
                          ContainsSubstring(directory.file("a")));
    }
    CHECK(machine.running());
    CHECK_FALSE(recorder.active());
    CHECK_FALSE(machine.recording());
    recorder.begin(directory.file("b"), IfExists::refuse, {});
    CHECK(recorder.active());
}

TEST_CASE("a full disk ends the recording with one sentence, and the machine goes on") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("a");
    FakeMachine machine("abpabcd");
    Recorder recorder(1000);
    machine.attach(&recorder);
    WritingDevices devices;
    {
        const FileSizeLimit limit(4 << 20);
        recorder.begin(file, IfExists::refuse, {});
        for (unsigned i = 0; i < 10000 && machine.recording(); i++)
            machine.run(devices, 1000);
    }
    REQUIRE_FALSE(machine.recording());
    CHECK_FALSE(recorder.active());
    CHECK_FALSE(machine.counting());
    REQUIRE(machine.complaints.size() == 1);
    CHECK_THAT(machine.complaints[0], ContainsSubstring("the recording ends here: ") &&
                                          ContainsSubstring(file) && ContainsSubstring("File too large"));
    const uint64_t executed = machine.executed();
    machine.run(devices, 1000);
    CHECK(machine.executed() >= executed + 1000);

    // What was written stays usable.
    FakeMachine second;
    Replayer replayer(file, std::nullopt);
    CHECK(replayer.last_instr() > 0);
    second.replay(replayer);
    CHECK(second.path().size() == replayer.last_instr());
    CHECK_FALSE(replayer.whole());

    // The next end() reports it, once, and the next recording is as good as any.
    CHECK_THROWS_WITH(recorder.end(), ContainsSubstring("the recording ended early: "));
    CHECK_THROWS_WITH(recorder.end(), "nothing is being recorded");
}

TEST_CASE("what makes a recording impossible ends it, and does not touch the next one") {
    const TemporaryDirectory directory;
    FakeMachine machine("abp");
    Recorder recorder(50);
    machine.attach(&recorder);
    CountingDevices devices;
    recorder.begin(directory.file("a"), IfExists::refuse, {});
    machine.run(devices, 100);
    recorder.fail("it cannot be");
    recorder.fail("for another reason");
    CHECK(machine.complaints == std::vector<std::string>{"the recording ends here: it cannot be"});
    SECTION("from the main loop") {
        machine.run_deferred();
        CHECK_FALSE(recorder.active());
    }
    SECTION("or by end, before the main loop") {}
    CHECK_THROWS_WITH(recorder.end(), "the recording ended early: it cannot be");
    CHECK_FALSE(machine.recording());

    recorder.begin(directory.file("b"), IfExists::refuse, {});
    machine.run_deferred();
    REQUIRE(recorder.active());
    machine.run(devices, 100);
    const Outcome recorded = outcome_of(machine);
    recorder.end();
    check_same(recorded, replay(directory.file("b")));
}

TEST_CASE("inputs after a failure are ignored until the main loop has ended the recording") {
    const TemporaryDirectory directory;
    FakeMachine machine("abpm");
    Recorder recorder(50);
    machine.attach(&recorder);
    CountingDevices devices;
    recorder.begin(directory.file("a"), IfExists::refuse, {});
    machine.run(devices, 100);
    recorder.fail("it cannot be");
    machine.write_memory(0, 0, {1});
    machine.map_device_range(true);
    machine.set_a20(false);
    machine.debugger_writes_register(1, 1);
    machine.reset();
    recorder.budget();
    CHECK(machine.complaints.size() == 1);
    machine.run(devices, 100);
    CHECK_FALSE(recorder.active());
}

TEST_CASE("state checks come as often as asked for") {
    const TemporaryDirectory directory;
    CountingDevices devices;
    record(directory.file("a"), "abcde", devices, 1000000, 5, 200000);
    size_t checks = 0;
    for (const Entry& entry : entries_of(directory.file("a")))
        checks += entry.kind == EntryKind::check;
    CHECK(checks == 5);
}
