// panda-kernelinfo: prints the kernelinfo.conf group of a kernel, made from the kernel's own file, or from
// its memory in a trace.
#include <iostream>

#include "analyzers/osi/open_provider.h"
#include "analyzers/shared/frame.h"
#include "common/command_line.h"
#include "common/error.h"
#include "common/file.h"
#include "kernelinfo/generator.h"
#include "kernelinfo/key_file.h"
#include "osi/linux/discover.h"

namespace {

using namespace panda;
using namespace panda::kernelinfo;
namespace options = boost::program_options;

constexpr const char* program = "panda-kernelinfo";

SymbolTable read_system_map(const std::string& path) {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    try {
        return parse_system_map(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    } catch (const Error& error) {
        throw FileError(path, error.what());
    }
}

KernelInfo from_trace(const std::string& path, const std::string& at) {
    const auto instr = analyzers::parse_moment("--at", at);
    trace::TraceReader reader(path);
    const trace::Moment moment(reader, instr);
    return osi::linux_guest::discover_kernel({&moment.memory(), &moment.cpu()}, path);
}

KernelInfo from_file(const std::string& path, const options::variables_map& given) {
    SymbolTable system_map;
    if (given.count("system-map") != 0)
        system_map = read_system_map(given["system-map"].as<std::string>());
    return make_kernel_info(KernelImage::open(path), system_map);
}

int run(int count, char** arguments) {
    options::options_description visible("Options");
    visible.add_options()("help,h", "show this help")("version", "show the version")(
        "group,g", options::value<std::string>()->value_name("NAME"),
        "name of the group (default: debian:RELEASE:64 or the like)")(
        "system-map,S", options::value<std::string>()->value_name("FILE"),
        "take addresses from this System.map (default: from the image itself)")(
        "trace,t", options::value<std::string>()->value_name("TRACE"),
        "take the kernel that runs in this trace (- reads it from a pipe) instead of a file")(
        "at", options::value<std::string>()->value_name("INSTR")->default_value("end"),
        "the moment in the trace: right before this instruction");
    options::options_description all;
    all.add(visible).add_options()("kernel", options::value<std::string>());
    options::positional_options_description positional;
    positional.add("kernel", 1);
    options::variables_map given;
    options::store(options::command_line_parser(count, arguments).options(all).positional(positional).run(),
                   given);
    options::notify(given);
    if (given.count("help") != 0) {
        std::cout
            << "Usage: " << program << " [options] VMLINUX|VMLINUZ|PACKAGE.deb >> kernelinfo.conf\n"
            << "       " << program << " [options] --trace TRACE >> kernelinfo.conf\n\n"
            << "Prints what introspection has to know about a Linux kernel: a group for kernelinfo.conf.\n\n"
            << visible;
        return exit_ok;
    }
    if (given.count("version") != 0) {
        std::cout << version_line(program) << "\n";
        return exit_ok;
    }
    const bool in_trace = given.count("trace") != 0;
    if (in_trace == (given.count("kernel") != 0))
        throw UsageError(in_trace ? "--trace and a file exclude each other" : "no kernel given");
    KernelInfo info = in_trace ? from_trace(given["trace"].as<std::string>(), given["at"].as<std::string>())
                               : from_file(given["kernel"].as<std::string>(), given);
    if (given.count("group") != 0)
        info.group = given["group"].as<std::string>();
    write_group(std::cout, info);
    return exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return panda::run_main(program, [&] { return run(count, arguments); });
}
