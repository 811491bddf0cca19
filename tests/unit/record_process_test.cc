// Child processes and stop signals.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "recorder/cli/process.h"

using namespace panda::launch;

namespace {

int wait_for(ChildProcess& child) {
    pollfd event{child.descriptor(), POLLIN, 0};
    REQUIRE(poll(&event, 1, 20000) == 1);
    REQUIRE(child.exit_status());
    return *child.exit_status();
}

std::vector<std::string> shell(const std::string& script) {
    return {"/bin/sh", "-c", script};
}

bool alive(pid_t pid) {
    return kill(pid, 0) == 0;
}

}  // namespace

TEST_CASE("exit statuses of children") {
    ChildProcess seven(shell("exit 7"), {}, ChildOutput::discard);
    CHECK(wait_for(seven) == 7);
    ChildProcess killed(shell("kill -TERM $$"), {}, ChildOutput::discard);
    CHECK(wait_for(killed) == 128 + SIGTERM);
    ChildProcess missing({"/nonexistent"}, {}, ChildOutput::discard);
    CHECK(wait_for(missing) == 127);
    CHECK(missing.last_error_line() == "No such file or directory");
}

TEST_CASE("a child's last words") {
    ChildProcess child(
        shell("echo first >&2; echo 'qemu-system-x86_64: -cpu foo: no such model' >&2; echo >&2"), {},
        ChildOutput::discard);
    CHECK(wait_for(child) == 0);
    CHECK(child.last_error_line() == "-cpu foo: no such model");
    ChildProcess silent(shell("true"), {}, ChildOutput::discard);
    CHECK(wait_for(silent) == 0);
    CHECK(silent.last_error_line().empty());
    ChildProcess loud(shell("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done"), {},
                      ChildOutput::discard);
    CHECK(wait_for(loud) == 0);
    CHECK(loud.last_error_line() == "line 2999");
}

TEST_CASE("a child inherits the descriptors that it is given and no others") {
    SocketPair given, kept;
    const std::string script = "echo hello >&" + std::to_string(given.theirs.get()) +
                               "; test -e /proc/self/fd/" + std::to_string(kept.theirs.get()) +
                               " && exit 1; exit 0";
    ChildProcess child(shell(script), std::vector<int>{given.theirs.get()}, ChildOutput::discard);
    CHECK(wait_for(child) == 0);
    char bytes[16] = {};
    CHECK(read(given.ours.get(), bytes, sizeof(bytes)) == 6);
    CHECK(std::string(bytes) == "hello\n");
}

TEST_CASE("no child is left when its owner goes away") {
    SocketPair channel;
    {
        ChildProcess child(shell("echo $$ >&" + std::to_string(channel.theirs.get()) + "; exec sleep 60"),
                           std::vector<int>{channel.theirs.get()}, ChildOutput::discard);
        pollfd event{channel.ours.get(), POLLIN, 0};
        REQUIRE(poll(&event, 1, 20000) == 1);
    }
    char text[32] = {};
    REQUIRE(read(channel.ours.get(), text, sizeof(text) - 1) > 0);
    CHECK_FALSE(alive(std::stoi(text)));
}

TEST_CASE("a child dies with a parent that is killed") {
    SocketPair channel;
    const pid_t parent = fork();
    REQUIRE(parent >= 0);
    if (parent == 0) {
        ChildProcess child(shell("echo $$ >&" + std::to_string(channel.theirs.get()) + "; exec sleep 60"),
                           std::vector<int>{channel.theirs.get()}, ChildOutput::discard);
        pause();
        _exit(0);
    }
    pollfd event{channel.ours.get(), POLLIN, 0};
    REQUIRE(poll(&event, 1, 20000) == 1);
    char text[32] = {};
    REQUIRE(read(channel.ours.get(), text, sizeof(text) - 1) > 0);
    const pid_t grandchild = std::stoi(text);
    REQUIRE(alive(grandchild));
    kill(parent, SIGKILL);
    waitpid(parent, nullptr, 0);
    // The child's end of the channel closes when it is gone. A zombie that nobody has reaped yet counts as
    // gone.
    channel.theirs.reset();
    pollfd closed{channel.ours.get(), POLLHUP, 0};
    REQUIRE(poll(&closed, 1, 20000) == 1);
    CHECK((closed.revents & POLLHUP) != 0);
}

TEST_CASE("stop signals wait until they are asked for") {
    StopSignals signals;
    CHECK_NOTHROW(signals.check());
    raise(SIGTERM);
    try {
        signals.check();
        FAIL("no exception");
    } catch (const Interrupted& interrupted) {
        CHECK(interrupted.signal() == SIGTERM);
    }
    CHECK_NOTHROW(signals.check());
}
