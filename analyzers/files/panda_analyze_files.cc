// panda-analyze-files: who opened, read and wrote which file.
#include <iostream>

#include "analyzers/files/file_usage.h"
#include "analyzers/syscalls/program.h"

namespace {

using namespace panda;
namespace po = boost::program_options;

constexpr analyzers::Usage usage = {"files", "TRACE",
                                    "Lists the files that each process opened, read, wrote, mapped or "
                                    "executed, and how many bytes. TRACE is a\n"
                                    "file, or - for standard input; it must have all columns of memory."};

int run(int count, char** arguments) {
    po::options_description options("Options");
    options.add_options()("process,p", po::value<std::vector<std::string>>()->value_name("PID|NAME,..."),
                          "only these processes")("all", "pipes, sockets and the like too")(
        "json", "one JSON object a line");
    syscalls::add_kernel_options(options);
    const auto given = analyzers::parse_arguments(usage, count, arguments, options);
    if (!given)
        return exit_ok;
    analyze_files::Options wanted{given->count("all") != 0, {}};
    if (given->count("process") != 0)
        wanted.processes = (*given)["process"].as<std::vector<std::string>>();
    analyze_files::FileUsage files(wanted);
    return syscalls::run_program(
        usage.name, *given,
        [&files](syscalls::CallTracker& tracker, syscalls::LinuxGuest& guest) {
            files.attach(tracker, guest, [&guest](int64_t fd) { return guest.describe_fd(fd); });
        },
        [&] {
            if (given->count("json") != 0)
                files.write_json(std::cout);
            else
                files.write_table(std::cout);
        });
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("panda-analyze-files", [&] { return run(count, arguments); });
}
