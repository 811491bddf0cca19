#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <chrono>
#include <csignal>
#include <ctime>
#include <string>
#include <thread>

#include "common/error.h"
#include "tests/bench/meanwhile.h"

namespace {

using namespace panda;
using bench::Reading;
using Catch::Matchers::WithinAbs;

// What /proc/stat says for so many seconds of each kind, from user to steal.
std::string stat_of(std::initializer_list<double> seconds) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    std::string text = "cpu ";
    for (const double value : seconds)
        text += ' ' + std::to_string(static_cast<long>(value * ticks));
    return text + " 0 0\ncpu0 1 2 3\n";
}

Reading reading(double clock, double own, std::initializer_list<double> seconds) {
    Reading made = Reading::of_stat(stat_of(seconds));
    made.clock = clock;
    made.own = own;
    return made;
}

}  // namespace

TEST_CASE("What others used while a benchmark ran") {
    const Reading start = reading(100, 1, {5, 0, 0, 0, 0, 0, 0, 0});

    SECTION("little") {
        // Of 20 processor seconds: 7.5 used, of which 7 by this process; idle time and waiting count for nobody.
        const auto others = others_between(start, reading(110, 8, {9.5, 1, 1, 10, 1, 0.5, 0.5, 0}), 2);
        CHECK_THAT(others.seconds, WithinAbs(0.5, 0.01));
        CHECK_THAT(others.share, WithinAbs(0.025, 0.001));
        CHECK_FALSE(others.much());
        CHECK(others.sentence() == "Meanwhile others used 0.5 s of processor time: 2.5% of the machine.");
    }
    SECTION("much, with what the host took") {
        const auto others = others_between(start, reading(110, 2, {15, 0, 0, 0, 0, 0, 0, 2}), 2);
        CHECK_THAT(others.seconds, WithinAbs(9, 0.01));
        CHECK_THAT(others.share, WithinAbs(0.55, 0.001));
        CHECK(others.much());
        CHECK(others.sentence() ==
              "Meanwhile others used 9.0 s of processor time, and the host took 2.0 s: 55.0% of the machine. "
              "That is MUCH: do not believe these figures, measure again on a quiet machine.");
    }
    SECTION("less than nothing, by the ticks") {
        const auto others = others_between(start, reading(101, 2.01, {6, 0, 0, 0, 0, 0, 0, 0}), 2);
        CHECK(others.seconds == 0);
        CHECK_FALSE(others.much());
    }
}

TEST_CASE("A text that is not that of /proc/stat has no times") {
    CHECK_THROWS_AS(Reading::of_stat(""), Error);
    CHECK_THROWS_AS(Reading::of_stat("cpu 1 2 3 4 5 6 7"), Error);
    CHECK_THROWS_AS(Reading::of_stat("intr 1 2 3 4 5 6 7 8"), Error);
}

TEST_CASE("A process beside the benchmark is seen") {
    const Reading start = Reading::now();
    const pid_t other = ::fork();
    REQUIRE(other >= 0);
    if (other == 0)
        for (;;) {
        }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    clockid_t clock{};
    timespec used{};
    const bool read = ::clock_getcpuclockid(other, &clock) == 0 && ::clock_gettime(clock, &used) == 0;
    const Reading end = Reading::now();
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);

    REQUIRE(read);
    const double seconds = static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
    CHECK(seconds > 0);
    // A tick or two may be on either side.
    CHECK(others_between(start, end, 1).seconds > seconds - 0.05);
}
