#include "analyzers/syscalls/program.h"

#include "analyzers/syscalls/open_kernel.h"

namespace panda::syscalls {

namespace po = boost::program_options;

void add_kernel_options(po::options_description& options) {
    options.add_options()(
        "kconf", po::value<std::string>()->value_name("FILE"),
        "kernelinfo.conf for the guest's kernel (default: the one that is installed, and else the "
        "guest's own memory)")("kconf-group", po::value<std::string>()->value_name("NAME"),
                               "the group in it")("quiet,q", "no progress bar");
}

int run_program(const char* name, const po::variables_map& given,
                const std::function<void(CallTracker&, LinuxGuest&)>& set_up,
                const std::function<void()>& write) {
    const auto text_of = [&given](const char* option) {
        return given.count(option) != 0 ? given[option].as<std::string>() : std::string();
    };
    trace::TraceReader reader(given["trace"].as<std::string>());
    Progress progress(name, trace::pass_length(reader, {}), given.count("quiet") != 0);
    const SystemCallPass pass{kernel_opener(text_of("kconf"), text_of("kconf-group"), reader.path()), set_up,
                              [&progress](uint64_t instr) { progress.update(instr); }};
    const SystemCallPassResult result = run_system_call_pass(reader, pass);
    progress.finish();
    write();
    std::cout.flush();
    if (result.counts.lost_returns + result.counts.without_task > 0)
        std::cerr << "panda-analyze-" << name << ": warning: " << result.counts.lost_returns
                  << " system calls have no return in the trace, and of " << result.counts.without_task
                  << " it is not known who made them\n";
    if (!result.flaw.empty())
        throw FileError(reader.path(), result.flaw);
    return exit_ok;
}

}  // namespace panda::syscalls
