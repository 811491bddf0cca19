// panda-analyze-net: connections and bytes, from the socket calls.
#include <iostream>

#include "analyzers/net/connections.h"
#include "analyzers/syscalls/program.h"

namespace {

using namespace panda;
namespace po = boost::program_options;

constexpr analyzers::Usage usage = {
    "net", "TRACE",
    "Lists the sockets of the guest: which process talked to whom, and how many bytes went through calls. "
    "TRACE\n"
    "is a file, or - for standard input; it must have all columns of memory."};

int run(int count, char** arguments) {
    po::options_description options("Options");
    options.add_options()("process,p", po::value<std::vector<std::string>>()->value_name("PID|NAME,..."),
                          "only these processes")("json", "one JSON object a line");
    syscalls::add_kernel_options(options);
    const auto given = analyzers::parse_arguments(usage, count, arguments, options);
    if (!given)
        return exit_ok;
    std::vector<std::string> processes;
    if (given->count("process") != 0)
        processes = (*given)["process"].as<std::vector<std::string>>();
    analyze_net::Connections connections(processes);
    return syscalls::run_program(
        usage.name, *given,
        [&connections](syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest) {
            connections.attach(tracker, guest, [&guest](int64_t fd) { return guest.describe_fd(fd); });
        },
        [&] {
            if (given->count("json") != 0)
                connections.write_json(std::cout);
            else
                connections.write_table(std::cout);
        });
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("panda-analyze-net", [&] { return run(count, arguments); });
}
