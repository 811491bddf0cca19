// The small parts of the engines: options, fingerprints, the serial tap, status lines.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <csignal>
#include <ctime>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>

#include "recorder/engine/fingerprint.h"
#include "recorder/engine/options.h"
#include "replayer/engine/known_pages.h"
#include "replayer/engine/serial_tap.h"
#include "replayer/engine/stall_watch.h"
#include "replayer/engine/status.h"

using namespace panda;
using namespace panda::engine;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("options are taken by name, once") {
    Options options("record=/x/a b,force,check-interval=18446744073709551615,a=b=c");
    CHECK(options.take("record") == "/x/a b");
    CHECK(options.take("record", "gone") == "gone");
    CHECK(options.take_flag("force"));
    CHECK_FALSE(options.take_flag("force"));
    CHECK(options.take_number("check-interval", 7) == UINT64_MAX);
    CHECK(options.take_number("check-interval", 7) == 7);
    CHECK(options.take("a") == "b=c");
    CHECK_NOTHROW(options.expect_empty());
}

TEST_CASE("two commas stand for one in a value") {
    Options options("record=a,,b,,,force=on,trace=,,");
    CHECK(options.take("record") == "a,b,");
    CHECK(options.take_flag("force"));
    CHECK(options.take("trace") == ",");
    CHECK_NOTHROW(options.expect_empty());
}

TEST_CASE("no options, and empty ones") {
    CHECK_NOTHROW(Options("").expect_empty());
    CHECK_NOTHROW(Options(",").expect_empty());
    Options options("force=off,");
    CHECK_FALSE(options.take_flag("force"));
    CHECK_NOTHROW(options.expect_empty());
}

TEST_CASE("an engine's options take numbers as command lines do") {
    CHECK(Options("n=0x10").take_number("n", 0) == 16);
    CHECK(Options("n=010").take_number("n", 0) == 10);
    CHECK(Options("n=18446744073709551615").take_number("n", 0) == UINT64_MAX);
}

TEST_CASE("options that make no sense are usage errors") {
    CHECK_THROWS_WITH(Options("a=1,b=2").expect_empty(), "unknown engine option a");
    CHECK_THROWS_AS(Options("a=1").expect_empty(), UsageError);
    const std::string number = GENERATE("x", "12x", "-1", "1.5", " 1", "0x", "18446744073709551616");
    CHECK_THROWS_AS(Options("n=" + number).take_number("n", 0), UsageError);
    CHECK_THROWS_WITH(Options("n=" + number).take_number("n", 0), ContainsSubstring(number));
    CHECK_THROWS_WITH(Options("force=yes").take_flag("force"),
                      "engine option force=yes is neither on nor off");
}

TEST_CASE("a fingerprint survives its bytes and equals itself") {
    GlueProcessor processor{};
    processor.flow.rip = 0x1234;
    const Fingerprint fingerprint = Fingerprint::of(processor);
    CHECK(Fingerprint::parse(fingerprint.bytes()).difference(fingerprint).empty());
    CHECK(fingerprint.bytes().size() == 40);
    CHECK_THROWS_AS(Fingerprint::parse(fingerprint.bytes().first(39)), Error);
    CHECK_THROWS_AS(Fingerprint::parse({}), Error);
}

TEST_CASE("a fingerprint names each group of state that differs") {
    GlueProcessor processor{};
    const Fingerprint recorded = Fingerprint::of(processor);
    const auto difference = [&] { return recorded.difference(Fingerprint::of(processor)); };
    CHECK(difference().empty());
    SECTION("rip") {
        processor.flow.rip = 0xabc;
        CHECK(difference() == "instruction pointer (recorded 0x0, replayed 0xabc)");
    }
    SECTION("flags") {
        processor.flow.rflags = 1;
        CHECK(difference() == "flags");
    }
    SECTION("general") {
        processor.general[15] = 1;
        CHECK(difference() == "general registers");
    }
    SECTION("segmentation") {
        processor.segmentation.idt_limit = 1;
        CHECK(difference() == "segment and descriptor table registers");
    }
    SECTION("control") {
        processor.control.dr[7] = 1;
        CHECK(difference() == "control and debug registers");
    }
    SECTION("msr") {
        processor.msr.pkru = 1;
        CHECK(difference() == "model-specific registers");
    }
    SECTION("x87") {
        processor.x87.registers[7][9] = 1;
        CHECK(difference() == "x87 registers");
    }
    SECTION("vector") {
        processor.vector.registers[31][63] = 1;
        CHECK(difference() == "vector registers");
    }
    SECTION("several") {
        processor.general[0] = 1;
        processor.control.cr3 = 1;
        CHECK(difference() == "general registers, control and debug registers");
    }
}

TEST_CASE("the serial tap hears what is sent, and neither the divisor latch nor other ports") {
    const unsigned base = GENERATE(0x3f8U, 0x2f8U);
    SerialTap tap(base);
    CHECK(tap.write(base, 'a') == 'a');
    CHECK(tap.write(base, 0x1ff) == 0xff);
    CHECK_FALSE(tap.write(base + 1, 'b'));
    CHECK_FALSE(tap.write(base + 2, 'b'));
    CHECK_FALSE(tap.write(base - 1, 'b'));
    CHECK_FALSE(tap.write(base ^ 0x100, 'b'));
    // Latch open: the low byte of the divisor.
    CHECK_FALSE(tap.write(base + 3, 0x83));
    CHECK_FALSE(tap.write(base, 1));
    CHECK_FALSE(tap.write(base + 1, 0));
    CHECK_FALSE(tap.write(base + 3, 0x03));
    CHECK(tap.write(base, 'c') == 'c');
    // The other port's line control is not this one's.
    CHECK_FALSE(tap.write((base ^ 0x100) + 3, 0x83));
    CHECK(tap.write(base, 'd') == 'd');
}

namespace {

struct Pipe {
    Pipe() {
        if (::pipe2(ends, O_NONBLOCK) != 0)
            throw Error("no pipe");
    }
    ~Pipe() {
        for (const int end : ends)
            ::close(end);
    }
    std::string read() {
        char buffer[4096];
        const ssize_t size = ::read(ends[0], buffer, sizeof(buffer));
        return size > 0 ? std::string(buffer, static_cast<size_t>(size)) : "";
    }
    int ends[2];
};

}  // namespace

TEST_CASE("status lines are as their readers expect them") {
    Pipe pipe;
    Status status(pipe.ends[1]);
    status.progress(5, 100);
    CHECK(pipe.read() == "progress 5 100\n");
    status.done(100);
    CHECK(pipe.read() == "done 100\n");
    status.error("what\nwent wrong");
    CHECK(pipe.read() == "error what went wrong\n");
}

TEST_CASE("progress is told at most ten times a second") {
    Pipe pipe;
    Status status(pipe.ends[1]);
    for (uint64_t i = 0; i < 1000; i++)
        status.progress(i, 1000);
    const std::string lines = pipe.read();
    CHECK(lines.starts_with("progress 0 1000\n"));
    CHECK(std::count(lines.begin(), lines.end(), '\n') < 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(110));
    status.progress(1000, 1000);
    CHECK(pipe.read() == "progress 1000 1000\n");
}

TEST_CASE("a reader that went away, or was never there, does not disturb") {
    Status nowhere(-1);
    CHECK_NOTHROW(nowhere.done(1));
    ::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    Status status(ends[1]);
    CHECK_NOTHROW(status.done(1));
    ::close(ends[1]);
    // Nothing more is written, because the number may belong to somebody else by now.
    Pipe other;
    CHECK_NOTHROW(status.done(2));
    CHECK(other.read().empty());
    ::signal(SIGPIPE, SIG_DFL);
}

TEST_CASE("known pages tell what is new about a page") {
    std::mt19937_64 random(7);
    KnownPages pages;
    std::unordered_map<uint64_t, uint64_t> expected;
    for (const uint64_t different : {100u, 20000u, 5u}) {
        for (int i = 0; i < 50000; ++i) {
            const uint64_t page =
                (random() % 2 == 0 ? 0xffff'8880'0000'0000 : 0x7ff0'0000) + (random() % different << 12);
            const uint64_t target = random() % 3;
            const auto [known, is_new] = expected.try_emplace(page, target);
            const auto news = is_new                    ? KnownPages::News::page
                              : known->second == target ? KnownPages::News::none
                                                        : KnownPages::News::target;
            known->second = target;
            REQUIRE(pages.learn(page, target) == news);
        }
        pages.clear();
        expected.clear();
    }
}

TEST_CASE("a thread that works and gets nowhere is noticed; one that waits or gets on is not") {
    using namespace std::chrono_literals;
    const auto work_for = [](auto time, const auto& step) {
        const auto end = std::clock() + CLOCKS_PER_SEC * std::chrono::milliseconds(time).count() / 1000;
        while (std::clock() < end)
            step();
    };
    std::atomic<uint64_t> progress = 0;
    std::atomic<bool> stalled = false;
    {
        const StallWatch watch(progress, 100ms, [&] { stalled = true; });
        std::this_thread::sleep_for(300ms);
        CHECK(!stalled);
        work_for(300ms, [&] { ++progress; });
        CHECK(!stalled);
        for (const auto begin = std::chrono::steady_clock::now();
             !stalled && std::chrono::steady_clock::now() - begin < 60s;) {
        }
        CHECK(stalled);
    }
}
